//! Retrieval: the [`Query`], its result ([`Retrieved`]), and the [`Retriever`] port.
//!
//! Text analysis, BM25, fusion and the filter language are pure code here, so that every store ranks alike.

pub mod analysis;
pub mod bm25;
pub mod embed;
pub mod filter;
pub mod fusion;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::Authorised;
use crate::clock::Timestamp;
use crate::document::Passage;
use crate::error::Result;
use crate::id::{CorpusId, DocumentId, ModelId};
use crate::language::Language;
use crate::principal::TenantId;

pub use embed::{
    EmbedRole, Embedded, Embedder, HashingEmbedder, check_staged, check_vector, unequal_vectors,
};
pub use filter::Filter;
pub use fusion::{Fusion, Weights};

/// Number of candidates that each component contributes to the fusion. Fixed, so that the order of the first `k` hits
/// does not depend on `k`.
pub const CANDIDATE_POOL: usize = 100;

/// Upper bound on the passages of one search.
pub const MAX_TOP_K: usize = CANDIDATE_POOL;

/// Upper bound on the documents in flight that a search looks at, to count those that the caller may see.
pub const MAX_IN_FLIGHT: usize = 1_000;

/// Upper bound on the length of a question, in characters.
pub const MAX_QUESTION_CHARS: usize = 10_000;

/// Query vector, and the model that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryVector {
    /// Embedding model; only passages embedded by the same one are compared.
    pub model: ModelId,
    /// Vector, in the model's dimension.
    pub values: Vec<f32>,
}

/// Passages behind the word statistics of a corpus: their number, their length, and the document frequency of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordStatistics {
    /// All passages of the corpus. A passage has the same score for every caller, so a score reveals a little about
    /// passages that the caller may not read.
    #[default]
    Corpus,
    /// The passages that the caller may read. A score reveals nothing about others, and differs between callers.
    Own,
}

/// Search within one corpus.
#[derive(Clone, Debug)]
pub struct Query {
    /// Corpus to search.
    pub corpus: CorpusId,
    /// Question; empty to search by vector alone.
    pub text: String,
    /// Language of the question; `None` if its words do not tell it.
    pub language: Option<Language>,
    /// Vector of the question; without one the search is lexical.
    pub vector: Option<QueryVector>,
    /// Number of passages to return, 1 to [`MAX_TOP_K`].
    pub top_k: usize,
    /// Filter on the metadata of documents.
    pub filter: Option<Filter>,
    /// Tags that a document must have, all of them.
    pub tags: Vec<String>,
    /// Documents to search; all if empty.
    pub documents: Vec<DocumentId>,
    /// Fusion of the components.
    pub fusion: Fusion,
    /// Weight of each component.
    pub weights: Weights,
    /// Passages behind the word statistics.
    pub statistics: WordStatistics,
    /// Whether each hit lists the contribution of each word to its lexical score.
    pub explain: bool,
    /// Current time, for grants that expire.
    pub now: Timestamp,
}

/// Score and rank of a hit in one component of a hybrid search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentScore {
    /// Component's own score: BM25, or the inner product with the question's vector.
    pub score: f32,
    /// Rank among the component's candidates, from 1.
    pub rank: u32,
    /// Contribution to the hit's score.
    pub contribution: f32,
}

/// Contribution of one word of the question to a hit's lexical score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermScore {
    /// Word in its indexed form.
    pub term: String,
    /// Frequency of the word in the question.
    pub query_weight: f32,
    /// Number of passages visible to this search that hold the word.
    pub passages: u64,
    /// Frequency of the word in the hit.
    pub frequency: u32,
    /// Contribution to the score.
    pub score: f32,
}

/// Passage that was found, with the reasons of its rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Passage: document, version, text, span, page, heading path.
    #[serde(flatten)]
    pub passage: Passage,
    /// Display name of the document.
    pub source_name: String,
    /// Score of the one component that searched, else the fused score, from 0 to 1: the share of the greatest sum that the
    /// two lists allow. Comparable within one search only.
    pub score: f32,
    /// Lexical score and rank, if the lexical component found the passage.
    pub lexical: Option<ComponentScore>,
    /// Vector score and rank, if the vector component found the passage.
    pub vector: Option<ComponentScore>,
    /// Contribution of each word of the question, if [`Query::explain`] is set.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub terms: Vec<TermScore>,
}

/// Components that a search used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// Lexical only: the question has no vector, or no passage has a comparable one.
    Lexical,
    /// Vectors only: the question has no words.
    Vector,
    /// Both, fused.
    Hybrid,
}

/// Result of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrieved {
    /// Hits, best first; ties in order of passage key.
    pub hits: Vec<Hit>,
    /// Components used.
    pub mode: SearchMode,
    /// Number of passages visible to the principal under the query's filters.
    pub permitted: u64,
    /// Whether fewer passages are visible than requested.
    pub under_filled: bool,
    /// Number of documents of the corpus that are not searchable yet, as the principal sees them: their ingestion is
    /// queued or in progress. A document that is chunked again is searchable meanwhile and does not count. Of the
    /// documents in flight, [`MAX_IN_FLIGHT`] are looked at.
    #[serde(default)]
    pub documents_in_flight: u64,
    /// Revision of the searched corpus: grows with every change to its searchable passages. Hidden from callers,
    /// because it counts changes to documents that they may not read.
    #[serde(skip_serializing, default)]
    pub watermark: u64,
}

/// Port of passage search.
///
/// # Contract
/// - Only passages of the caller's tenant, the query's corpus and searchable versions are found.
/// - A principal finds only passages that it may read, and `top_k` of them where so many match.
/// - Tags, ids and filters apply inside the search, as permissions do; none applies after it.
/// - A revocation, a deletion, an expiry and a publication bind the next search.
/// - A search for `k` hits finds the first `k` hits of a search for more.
/// - Ties come in order of passage key.
/// - Equal queries on an unchanged corpus give equal results; rebuilding the index does not change the corpus.
/// - Word statistics are those of the corpus: another tenant's or corpus's documents do not move a score.
/// - A replaced or deleted passage does not move a score.
/// - Own word statistics are not moved by a passage that the caller may not read.
/// - Explanations add up to the score.
/// - Counts in an explanation are those of the visible passages.
/// - `under_filled` is set when fewer passages are visible than requested.
/// - Documents in flight are counted where the principal may read them; one that is only chunked again is not.
/// - A query without a vector is answered lexically; [`Retrieved::mode`] names the mode.
/// - A query whose vector compares with none is answered lexically; without words it is invalid.
/// - A vector that is empty or not finite is invalid; those of one document are equally long.
/// - A vector of another length is compared with none and disables none; the others of its model are still compared.
/// - Vectors rank by inner product, and both rankings are fused.
/// - The revision grows with every change to the searchable passages or their visibility.
/// - An unknown corpus is `NotFound`.
#[async_trait]
pub trait Retriever: std::fmt::Debug + Send + Sync {
    /// Searches a corpus.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for an invalid vector, and for one that compares with none where there are no words to search by;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with `INDEX_BUILDING` while the corpus's index is rebuilt.
    async fn retrieve(&self, query: &Authorised<Query>) -> Result<Retrieved>;

    /// Returns the revision of a corpus, as [`Retrieved`] would carry it for a search now.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus.
    async fn revision(&self, tenant: &TenantId, corpus: &CorpusId) -> Result<u64>;
}
