//! Construction of a [`Nexus`]: [`Builder`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::admin::{self, AdminResource, SealKey};
use crate::audit::{KeyRing, Sealer};
use crate::cache::CacheStore;
use crate::clock::{Clock, SystemClock, check_clock};
use crate::document::DocumentParser;
use crate::document::plain::PlainText;
use crate::engine::{DenialLog, Engine, Settings};
use crate::error::{Error, Result};
use crate::gateway::{Gateway, GatewayParts, GatewaySettings, Models, Routing};
use crate::id::{IdSource, UuidV7};
use crate::llm::LlmProvider;
use crate::nexus::Nexus;
use crate::operations;
use crate::policy::{PolicyEngine, RolePolicy};
use crate::retrieve::Embedder;
use crate::run::registry::RunRegistry;
use crate::speech::SpeechSynthesizer;
use crate::store::Store;
use crate::task_group::TaskGroup;

/// Builder of a Nexus. A store and audit keys are required; every other part has a default that needs no network: the
/// extractive answerer, no embedder, the role policy, plain text only.
#[derive(Debug, Default)]
pub struct Builder {
    store: Option<Arc<dyn Store>>,
    audit_keys: Option<KeyRing>,
    routing: Option<Routing>,
    gateway: Option<GatewaySettings>,
    embedder: Option<Arc<dyn Embedder>>,
    speech_synthesizer: Option<Arc<dyn SpeechSynthesizer>>,
    cache: Option<Arc<dyn CacheStore>>,
    policy: Option<Arc<dyn PolicyEngine>>,
    parser: Option<Arc<dyn DocumentParser>>,
    clock: Option<Arc<dyn Clock>>,
    ids: Option<Arc<dyn IdSource>>,
    resources: admin::Registry,
    seal_key: Option<SealKey>,
    settings: Settings,
}

impl Nexus {
    /// Returns a builder.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets the store.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the keys that sign audit records.
    #[must_use]
    pub fn audit_keys(mut self, keys: KeyRing) -> Self {
        self.audit_keys = Some(keys);
        self
    }

    /// Sets the chat model, by default the extractive answerer, which quotes the sources.
    #[must_use]
    pub fn llm(self, llm: impl LlmProvider + 'static) -> Self {
        self.routing(Routing::of(llm))
    }

    /// Sets the chat models, with fallbacks and routes of tenants.
    #[must_use]
    pub fn routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// Sets deadlines, retries, prices and limits of model calls, by default
    /// [`GatewaySettings::with_builtin_prices`].
    #[must_use]
    pub fn gateway(mut self, settings: GatewaySettings) -> Self {
        self.gateway = Some(settings);
        self
    }

    /// Sets the embedder. Without one, search is lexical.
    #[must_use]
    pub fn embedder(mut self, embedder: impl Embedder + 'static) -> Self {
        self.embedder = Some(Arc::new(embedder));
        self
    }

    /// Sets the text-to-speech provider. Without one, there is no speech output.
    #[must_use]
    pub fn speech_synthesizer(mut self, speech_synthesizer: impl SpeechSynthesizer + 'static) -> Self {
        self.speech_synthesizer = Some(Arc::new(speech_synthesizer));
        self
    }

    /// Sets all models at once: chat, embeddings and text-to-speech, with the settings of calls.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        let Models { routing, settings, embedder, speech_synthesizer } = models;
        (self.routing, self.gateway) =
            (Some(Arc::unwrap_or_clone(routing)), Some(Arc::unwrap_or_clone(settings)));
        (self.embedder, self.speech_synthesizer) = (embedder, speech_synthesizer);
        self
    }

    /// Sets the cache of answers and vectors. Without one, every call reaches its model.
    #[must_use]
    pub fn cache(mut self, cache: impl CacheStore) -> Self {
        self.cache = Some(Arc::new(cache));
        self
    }

    /// Sets the policy engine, by default [`RolePolicy`].
    #[must_use]
    pub fn policy(mut self, policy: impl PolicyEngine + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Sets the document parser, by default [`PlainText`], which refuses other files. The parsers of PDF, Office and other
    /// formats are `documents::Documents` and `documents::WorkerParser` of `nexus-providers`.
    #[must_use]
    pub fn parser(mut self, parser: impl DocumentParser + 'static) -> Self {
        self.parser = Some(Arc::new(parser));
        self
    }

    /// Sets the clock, by default the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sets the source of ids, by default [`UuidV7`].
    #[must_use]
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Some(Arc::new(ids));
        self
    }

    /// Sets the key that seals secrets of administrative resources. Without one, a secret is refused.
    #[must_use]
    pub fn seal_key(mut self, key: impl Into<Option<SealKey>>) -> Self {
        self.seal_key = key.into();
        self
    }

    /// Adds a kind of administrative resource to those that Nexus has. The default policy knows its actions.
    #[must_use]
    pub fn resource<T: AdminResource>(mut self) -> Self {
        self.resources = self.resources.with::<T>();
        self
    }

    /// Sets limits and switches of the engine.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Builds the Nexus.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a store or without audit keys, and for an
    /// invalid route; [`Unavailable`](crate::ErrorKind::Unavailable) with `CLOCK_BEFORE_1970`.
    pub fn build(self) -> Result<Nexus> {
        let missing = |what: &'static str| Error::invalid(what).with_code("BUILDER_INCOMPLETE");
        let store = self.store.ok_or_else(|| missing("a store is required"))?;
        let keys = self.audit_keys.ok_or_else(|| missing("audit keys are required"))?;
        let sealer = Arc::new(Sealer::new(store.instance(), keys));
        let registry = self.resources;
        let policy = self.policy.unwrap_or_else(|| Arc::new(RolePolicy::new(&operations::all(&registry))));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        check_clock(clock.now())?;
        let ids = self.ids.unwrap_or_else(|| Arc::new(UuidV7));
        let tasks = Arc::new(TaskGroup::default());
        let gateway = Gateway::new(GatewayParts {
            audit: Arc::clone(&store) as _,
            documents: Arc::clone(&store) as _,
            grants: Arc::clone(&store) as _,
            ledger: Arc::clone(&store) as _,
            prices: Arc::clone(&store) as _,
            quota: Arc::clone(&store) as _,
            resources: Arc::clone(&store) as _,
            retriever: Arc::clone(&store) as _,
            system: Arc::clone(&store) as _,
            sealer: Arc::clone(&sealer),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            policy: Arc::clone(&policy),
            tasks: Arc::clone(&tasks),
            models: Models {
                routing: Arc::new(self.routing.unwrap_or_default()),
                settings: Arc::new(self.gateway.map_or_else(GatewaySettings::with_builtin_prices, Ok)?),
                embedder: self.embedder,
                speech_synthesizer: self.speech_synthesizer,
            },
            cache: self.cache,
            owner_lease: self.settings.owner_lease,
        })?;
        let denials = DenialLog::new(Arc::clone(&store) as _, Arc::clone(&sealer), Arc::clone(&ids));
        let engine = Engine {
            denials: Arc::new(denials),
            sealer,
            audit: Arc::clone(&store) as _,
            blobs: Arc::clone(&store) as _,
            corpora: Arc::clone(&store) as _,
            documents: Arc::clone(&store) as _,
            grants: Arc::clone(&store) as _,
            jobs: Arc::clone(&store) as _,
            ledger: Arc::clone(&store) as _,
            prices: Arc::clone(&store) as _,
            quota: Arc::clone(&store) as _,
            resources: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            retriever: Arc::clone(&store) as _,
            runs: Arc::clone(&store) as _,
            sessions: Arc::clone(&store) as _,
            stats: Arc::clone(&store) as _,
            system: Arc::clone(&store) as _,
            transfer: Arc::clone(&store) as _,
            gateway,
            policy,
            parser: self.parser.unwrap_or_else(|| Arc::new(PlainText)),
            clock,
            ids,
            active_runs: RunRegistry::new(self.settings.max_runs),
            registry,
            seal_key: self.seal_key,
            has_unlisted_runs: AtomicBool::new(false),
            takes_over: AtomicBool::new(false),
            settings: self.settings,
            tasks,
        };
        Ok(Nexus::new(engine, store))
    }
}
