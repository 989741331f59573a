//! Search: validates a caller's [`Search`], embeds its text and builds the store's [`Query`].

use std::time::Duration;

use crate::access::Authorised;
use crate::audit::Payload;
use crate::corpus::CorpusConfig;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::gateway::{Admission, Origin, embedder_replaced};
use crate::id::{CorpusId, DocumentId};
use crate::policy::{Operation, READERS, Resource, Route};
use crate::principal::Principal;
use crate::retrieve::{
    EmbedRole, Filter, MAX_QUESTION_CHARS, MAX_TOP_K, Query, QueryVector, Retrieved,
    analysis::{own_language, strip_question_words},
    check_vector,
};
use crate::store_retry::{is_not_admitted, is_transient, retry, within};

/// Timeout for a retrieval, also where the store rebuilds an index for it.
const RETRIEVE_DEADLINE: Duration = Duration::from_mins(5);

/// Operation of searching without a run.
pub const CORPUS_SEARCH: Operation =
    Operation::new("corpus.search", READERS, Route::post("/v1/corpora/{corpus_id}/search")).showing_text();

/// Search request of a caller, for [`Nexus::search`](crate::Nexus::search).
///
/// # Examples
///
/// ```
/// use nexus_core::retrieve::Filter;
/// use nexus_core::{CorpusId, Nexus, Principal, Result, Search};
///
/// async fn invoices(nexus: &Nexus, caller: &Principal) -> Result<Vec<String>> {
///     let search = Search {
///         top_k: Some(5),
///         filter: Some(Filter::parse("department = \"finance\"")?),
///         ..Search::new(CorpusId::parse("handbook")?, "retention of invoices")
///     };
///     let found = nexus.search(caller, search).await?;
///     if found.documents_in_flight > 0 {
///         println!("{} documents are not searchable yet", found.documents_in_flight);
///     }
///     Ok(found.hits.into_iter().map(|hit| hit.passage.text).collect())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    /// Corpus to search.
    pub corpus: CorpusId,
    /// Search text, at most [`MAX_QUESTION_CHARS`] characters; empty only beside a vector.
    pub text: String,
    /// The caller's own vector of the text. Without one, the configured embedder computes it; without an embedder,
    /// the search is lexical.
    pub vector: Option<QueryVector>,
    /// Number of passages to return; by default the corpus's own.
    pub top_k: Option<usize>,
    /// Filter on the metadata of documents.
    pub filter: Option<Filter>,
    /// Tags that a document must all have.
    pub tags: Vec<String>,
    /// Documents to search; all if empty.
    pub documents: Vec<DocumentId>,
    /// Whether each hit lists the terms of its score.
    pub explain: bool,
}

impl Search {
    /// Creates a search for `text` in `corpus`.
    pub fn new(corpus: CorpusId, text: impl Into<String>) -> Self {
        Self {
            corpus,
            text: text.into(),
            vector: None,
            top_k: None,
            filter: None,
            tags: Vec::new(),
            documents: Vec::new(),
            explain: false,
        }
    }

    fn check(&self) -> Result<()> {
        // Twice the longest question, because a follow-up is searched together with the previous question.
        let limit = MAX_QUESTION_CHARS * 2 + 1;
        let too_long = self.text.len() > limit * 4 || self.text.chars().count() > limit;
        if too_long || (self.text.trim().is_empty() && self.vector.is_none()) {
            let message = format!("a search has 1 to {MAX_QUESTION_CHARS} characters");
            return Err(Error::invalid(message).with_code("INVALID_QUESTION"));
        }
        if self.top_k.is_some_and(|k| !(1..=MAX_TOP_K).contains(&k)) {
            return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).with_code("INVALID_TOP_K"));
        }
        self.vector.iter().try_for_each(|vector| check_vector(&vector.values))
    }
}

/// Returns the facts of a search: the corpus, and the passages that it shows, by document and hash.
fn shown(corpus: &CorpusId, found: &Retrieved) -> Payload {
    let passages = found.hits.iter().map(|hit| {
        let facts = Payload::new().id("document", &hit.passage.key.document);
        facts.token("hash", &hit.passage.hash)
    });
    Payload::new().id("corpus", corpus).count("count", found.hits.len()).nested_list("passages", passages)
}

impl Engine {
    /// Searches on behalf of `caller` for the terms of `search` as typed.
    pub(crate) async fn search(&self, caller: &Principal, search: Search) -> Result<Retrieved> {
        search.check()?;
        let allowed = self.authorise(caller, &CORPUS_SEARCH, Resource::corpus(&search.corpus), ()).await?;
        let (words, corpus) = (search.text.clone(), search.corpus.clone());
        // The caller of a search gets the error of an unavailable store at once.
        let found = self.matching(allowed, &Origin::default(), search, words, Duration::ZERO).await?;
        let found = found.or_error(self.clock.now())?;
        self.record_read(caller, &CORPUS_SEARCH, shown(&corpus, &found)).await?;
        Ok(found)
    }

    /// Searches for answers to the question `search`, whose question words do not count, under the decision that
    /// allowed the run. A refusal is that of embedding the question, whose call belongs to `origin`. A run survives a
    /// store that fails for seconds.
    pub(crate) async fn search_to_answer(
        &self,
        allowed: Authorised<()>,
        origin: &Origin,
        search: Search,
    ) -> Result<Admission<Retrieved>> {
        search.check()?;
        let words = strip_question_words(&search.text);
        self.matching(allowed, origin, search, words, self.settings.record_deadline).await
    }

    /// Retrieves passages by `words` and by the vector of the whole `search`. Retries an unavailable store for
    /// `retry_for`.
    async fn matching(
        &self,
        allowed: Authorised<()>,
        origin: &Origin,
        search: Search,
        words: String,
        retry_for: Duration,
    ) -> Result<Admission<Retrieved>> {
        let caller = allowed.principal();
        let corpus = || within(RETRIEVE_DEADLINE, self.corpora.corpus(caller.tenant(), &search.corpus));
        let corpus = retry(retry_for, is_transient, corpus).await?;
        let retrieval = CorpusConfig::parse(&corpus.provider_config_json)?.retrieval;
        let vector = match search.vector {
            Some(vector) => Some(vector),
            None => {
                match retry(retry_for, is_not_admitted, || self.embed_question(caller, origin, &search.text))
                    .await?
                {
                    Admission::Granted(vector) => vector,
                    Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
                }
            }
        };
        let query = Query {
            corpus: search.corpus,
            text: words,
            language: own_language(&search.text),
            vector,
            top_k: search.top_k.unwrap_or(retrieval.top_k_default),
            filter: search.filter,
            tags: search.tags,
            documents: search.documents,
            fusion: retrieval.fusion,
            weights: retrieval.weights,
            statistics: retrieval.statistics,
            explain: search.explain,
            now: self.clock.now(),
        };
        let query = allowed.map(|()| query);
        let retrieve = || within(RETRIEVE_DEADLINE, self.retriever.retrieve(&query));
        retry(retry_for, is_transient, retrieve).await.map(Admission::Granted)
    }

    async fn embed_question(
        &self,
        caller: &Principal,
        origin: &Origin,
        text: &str,
    ) -> Result<Admission<Option<QueryVector>>> {
        let model = self.gateway.embedding_model();
        let vectors = match self.gateway.embed(caller, origin, EmbedRole::Query, &[text]).await? {
            Admission::Granted(vectors) => vectors,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        if self.gateway.embedding_model() != model {
            return Err(embedder_replaced());
        }
        let values = vectors.and_then(|vectors| vectors.into_iter().next());
        Ok(Admission::Granted(model.zip(values).map(|(model, values)| QueryVector { model, values })))
    }
}
