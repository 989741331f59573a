//! [`AppState`]: shared state of all handlers.

use std::sync::Arc;
use std::time::Duration;

use nexus_core::{Clock, IdSource, Nexus, Principal, SystemClock, UuidV7};
use tokio::sync::watch;

use crate::connect::ConnectionLimits;

/// Default interval of silence before a stream sends a heartbeat.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Shared state: the library, the principal of all requests, and settings of HTTP. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    pub(crate) nexus: Nexus,
    pub(crate) caller: Principal,
    pub(crate) heartbeat: Duration,
    pub(crate) limits: ConnectionLimits,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: Arc<watch::Sender<bool>>,
}

impl AppState {
    /// Returns the state over `nexus`. All requests act as `caller`, until there is authentication.
    pub fn new(nexus: Nexus, caller: Principal) -> Self {
        Self {
            nexus,
            caller,
            heartbeat: HEARTBEAT,
            limits: ConnectionLimits::default(),
            ids: Arc::new(UuidV7),
            clock: Arc::new(SystemClock),
            stopping: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Sets the interval of silence before a heartbeat; the default is [`HEARTBEAT`].
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Sets the limits of connections; the default is that of [`ConnectionLimits`].
    #[must_use]
    pub fn with_limits(mut self, limits: ConnectionLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the source of request ids; the default is [`UuidV7`].
    #[must_use]
    pub fn with_ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Sets the clock of heartbeats; the default is the machine's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Requests that every stream end. Their runs continue.
    pub fn stop_streams(&self) {
        self.stopping.send_replace(true);
    }
}
