//! Putting a [`Nexus`] together.

use std::sync::Arc;

use crate::audit::{KeyRing, Sealer};
use crate::cache::CacheStore;
use crate::clock::{Clock, SystemClock};
use crate::document::DocumentParser;
use crate::document::plain::PlainText;
use crate::engine::{Engine, Settings};
use crate::error::{Error, Result};
use crate::gateway::{Gateway, GatewayParts, GatewaySettings, Models, Routing};
use crate::id::{IdSource, UuidV7};
use crate::llm::LlmProvider;
use crate::nexus::Nexus;
use crate::policy::{PolicyEngine, RolePolicy};
use crate::retrieve::Embedder;
use crate::run::Registry;
use crate::speech::SpeechSynthesizer;
use crate::store::Store;
use crate::task_group::TaskGroup;

/// The parts of a Nexus. A store and audit keys are required; everything else has a default that needs no
/// network: the extractive answerer, no embedder, the role gate, plain text only.
#[derive(Debug, Default)]
pub struct Builder {
    store: Option<Arc<dyn Store>>,
    audit_keys: Option<KeyRing>,
    routing: Option<Routing>,
    gateway: Option<GatewaySettings>,
    embedder: Option<Arc<dyn Embedder>>,
    speaker: Option<Arc<dyn SpeechSynthesizer>>,
    cache: Option<Arc<dyn CacheStore>>,
    policy: Option<Arc<dyn PolicyEngine>>,
    parser: Option<Arc<dyn DocumentParser>>,
    clock: Option<Arc<dyn Clock>>,
    ids: Option<Arc<dyn IdSource>>,
    settings: Settings,
}

impl Nexus {
    /// Begins to put a Nexus together.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Where everything is kept.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What audit records are signed with.
    #[must_use]
    pub fn audit_keys(mut self, keys: KeyRing) -> Self {
        self.audit_keys = Some(keys);
        self
    }

    /// Who answers; the extractive answerer, which quotes the sources, unless told.
    #[must_use]
    pub fn llm(self, llm: impl LlmProvider + 'static) -> Self {
        self.routing(Routing::of(llm))
    }

    /// Who answers, with fallbacks and routes of tenants.
    #[must_use]
    pub fn routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// Deadlines, retries, prices and limits of calls to models; [`GatewaySettings::shipped`] unless told.
    #[must_use]
    pub fn gateway(mut self, settings: GatewaySettings) -> Self {
        self.gateway = Some(settings);
        self
    }

    /// Who embeds; nobody unless told, and then search is lexical.
    #[must_use]
    pub fn embedder(mut self, embedder: impl Embedder + 'static) -> Self {
        self.embedder = Some(Arc::new(embedder));
        self
    }

    /// Who speaks; nobody unless told, and then answers are only written.
    #[must_use]
    pub fn speech_synthesizer(mut self, speaker: impl SpeechSynthesizer + 'static) -> Self {
        self.speaker = Some(Arc::new(speaker));
        self
    }

    /// All of it at once: who answers, embeds and speaks, and the settings of calls.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        let Models { routing, settings, embedder, speech_synthesizer: speaker } = models;
        (self.routing, self.gateway) =
            (Some(Arc::unwrap_or_clone(routing)), Some(Arc::unwrap_or_clone(settings)));
        (self.embedder, self.speaker) = (embedder, speaker);
        self
    }

    /// Where answers and vectors are kept that may serve again; nowhere unless told, and then each is paid for.
    #[must_use]
    pub fn cache(mut self, cache: impl CacheStore) -> Self {
        self.cache = Some(Arc::new(cache));
        self
    }

    /// Who decides; [`RolePolicy`] unless told.
    #[must_use]
    pub fn policy(mut self, policy: impl PolicyEngine + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Who reads documents; [`PlainText`] unless told.
    #[must_use]
    pub fn parser(mut self, parser: impl DocumentParser + 'static) -> Self {
        self.parser = Some(Arc::new(parser));
        self
    }

    /// Where the present comes from; the machine's clock unless told.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Where new ids come from; [`UuidV7`] unless told.
    #[must_use]
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Some(Arc::new(ids));
        self
    }

    /// Limits and switches.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Puts the parts together.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a store or without audit keys, and for a route that leads
    /// nowhere.
    pub fn build(self) -> Result<Nexus> {
        let missing = |what: &'static str| Error::invalid(what).code("BUILDER_INCOMPLETE");
        let store = self.store.ok_or_else(|| missing("a store is required"))?;
        let keys = self.audit_keys.ok_or_else(|| missing("audit keys are required"))?;
        let sealer = Arc::new(Sealer::new(store.instance(), keys));
        let policy = self.policy.unwrap_or_else(|| Arc::new(RolePolicy::default()));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let ids = self.ids.unwrap_or_else(|| Arc::new(UuidV7));
        let tasks = Arc::new(TaskGroup::default());
        let gateway = Gateway::new(GatewayParts {
            store: Arc::clone(&store),
            sealer: Arc::clone(&sealer),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            policy: Arc::clone(&policy),
            tasks: Arc::clone(&tasks),
            models: Models {
                routing: Arc::new(self.routing.unwrap_or_default()),
                settings: Arc::new(self.gateway.map_or_else(GatewaySettings::with_builtin_prices, Ok)?),
                embedder: self.embedder,
                speech_synthesizer: self.speaker,
            },
            cache: self.cache,
        })?;
        Ok(Nexus::new(Engine {
            sealer,
            store,
            gateway,
            policy,
            parser: self.parser.unwrap_or_else(|| Arc::new(PlainText)),
            clock,
            ids,
            runs: Registry::new(self.settings.max_runs),
            settings: self.settings,
            tasks,
        }))
    }
}
