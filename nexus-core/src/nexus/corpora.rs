//! Corpora of the facade: sets of documents that are searched together.

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::corpus::{Corpus, CorpusConfig, CorpusPatch};
use crate::error::Result;
use crate::id::{CorpusId, check_name};
use crate::page::Page;
use crate::policy::{ADMINS, EDITORS, Operation, READERS, Resource, Route};
use crate::principal::Principal;

/// Operation of reading a corpus.
pub const CORPUS_READ: Operation =
    Operation::new("corpus.read", READERS, Route::get("/v1/corpora/{corpus_id}"));
/// Operation of listing corpora.
pub const CORPUS_LIST: Operation = CORPUS_READ.at(Route::get("/v1/corpora"));
/// Operation of creating a corpus.
pub const CORPUS_CREATE: Operation = Operation::new("corpus.write", EDITORS, Route::post("/v1/corpora"));
/// Operation of changing a corpus's name or settings.
pub const CORPUS_UPDATE: Operation = CORPUS_CREATE.at(Route::patch("/v1/corpora/{corpus_id}"));
/// Operation of removing a corpus with all its documents.
pub const CORPUS_DELETE: Operation =
    Operation::new("corpus.delete", ADMINS, Route::delete("/v1/corpora/{corpus_id}"));

const CREATED: Kind = Kind::new("corpus.created");
const UPDATED: Kind = Kind::new("corpus.updated");
pub(super) const DELETED: Kind = Kind::new("corpus.deleted");

impl Nexus {
    /// Creates a corpus. `config` is its `provider_config_json`; `{}` means the defaults.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`Conflict`](crate::ErrorKind::Conflict) when the id is taken;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for settings that cannot be honoured.
    pub async fn create_corpus(
        &self,
        caller: &Principal,
        id: CorpusId,
        name: &str,
        config: serde_json::Value,
    ) -> Result<Corpus> {
        self.authorise(caller, &CORPUS_CREATE, Resource::corpus(&id)).await?;
        check_name("corpus name", name)?;
        CorpusConfig::parse(&config)?;
        let created_at = self.engine.clock.now();
        let corpus = Corpus { id, name: name.to_owned(), provider_config_json: config, created_at };
        let facts = facts(&corpus.id, Some(&corpus.name), Some(&corpus.provider_config_json));
        let audit = self.engine.single_event_chain(caller, CREATED, facts)?;
        self.engine.corpora.create_corpus(caller.tenant(), corpus.clone(), audit).await?;
        Ok(corpus)
    }

    /// Changes a corpus's name or settings.
    ///
    /// # Errors
    /// As [`Nexus::create_corpus`]; [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn update_corpus(
        &self,
        caller: &Principal,
        id: &CorpusId,
        patch: CorpusPatch,
    ) -> Result<Corpus> {
        self.authorise(caller, &CORPUS_UPDATE, Resource::corpus(id)).await?;
        patch.name.iter().try_for_each(|name| check_name("corpus name", name))?;
        patch.provider_config_json.iter().try_for_each(|config| CorpusConfig::parse(config).map(|_| ()))?;
        let facts = facts(id, patch.name.as_deref(), patch.provider_config_json.as_ref());
        let audit = self.engine.single_event_chain(caller, UPDATED, facts)?;
        self.engine.corpora.update_corpus(caller.tenant(), id, patch, audit).await
    }

    /// Returns one corpus.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn corpus(&self, caller: &Principal, id: &CorpusId) -> Result<Corpus> {
        self.authorise(caller, &CORPUS_READ, Resource::corpus(id)).await?;
        self.engine.corpora.corpus(caller.tenant(), id).await
    }

    /// Returns a page of the corpora of the tenant, in order of id. The key is the id.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn corpora(&self, caller: &Principal, page: Page) -> Result<Vec<Corpus>> {
        self.authorise_all(caller, &CORPUS_LIST).await?;
        self.engine.corpora.corpora(caller.tenant(), &page.bounded()).await
    }

    /// Removes a corpus with all its documents.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound);
    /// [`Conflict`](crate::ErrorKind::Conflict) while a document is being ingested.
    pub async fn delete_corpus(&self, caller: &Principal, id: &CorpusId) -> Result<()> {
        self.authorise(caller, &CORPUS_DELETE, Resource::corpus(id)).await?;
        let audit = self.engine.single_event_chain(caller, DELETED, facts(id, None, None))?;
        self.engine.corpora.delete_corpus(caller.tenant(), id, audit).await
    }
}

/// Returns the facts of a change: the corpus, and the hashes of its new name and settings.
fn facts(id: &CorpusId, name: Option<&str>, settings: Option<&serde_json::Value>) -> Payload {
    let facts = Payload::new().id("corpus", id);
    let facts = name.into_iter().fold(facts, |facts, name| facts.sha256("name", name));
    settings.into_iter().fold(facts, |facts, settings| facts.sha256("settings", &settings.to_string()))
}
