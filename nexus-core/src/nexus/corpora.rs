//! Corpora of the facade: sets of documents that are searched together.

use super::Nexus;
use crate::corpus::{Corpus, CorpusConfig, CorpusPatch};
use crate::error::Result;
use crate::id::{CorpusId, check_name};
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
        self.engine.store.create_corpus(caller.tenant(), corpus.clone()).await?;
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
        self.engine.store.update_corpus(caller.tenant(), id, patch).await
    }

    /// Returns one corpus.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn corpus(&self, caller: &Principal, id: &CorpusId) -> Result<Corpus> {
        self.authorise(caller, &CORPUS_READ, Resource::corpus(id)).await?;
        self.engine.store.corpus(caller.tenant(), id).await
    }

    /// Returns all corpora of the tenant, in order of id.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn corpora(&self, caller: &Principal) -> Result<Vec<Corpus>> {
        self.authorise_all(caller, &CORPUS_LIST).await?;
        self.engine.store.corpora(caller.tenant()).await
    }

    /// Removes a corpus with all its documents.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound);
    /// [`Conflict`](crate::ErrorKind::Conflict) while a document is being ingested.
    pub async fn delete_corpus(&self, caller: &Principal, id: &CorpusId) -> Result<()> {
        self.authorise(caller, &CORPUS_DELETE, Resource::corpus(id)).await?;
        self.engine.store.delete_corpus(caller.tenant(), id).await
    }
}
