//! [`Server`]: what every handler is given.

use std::sync::Arc;
use std::time::Duration;

use nexus_core::{Clock, IdSource, Nexus, Principal, SystemClock, UuidV7};
use tokio::sync::watch;

use crate::connect::ConnectionLimits;

/// How long a stream is silent before it sends a heartbeat, unless told.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// The library, who acts on it, and the little that only HTTP needs. Cheap to clone.
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
    /// Serves `nexus`. All requests act as `who`, until there is authentication.
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

    /// How long a stream is silent before it sends a heartbeat; [`HEARTBEAT`] unless told.
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How many connections there may be, and how long each may take; the default of [`ConnectionLimits`] unless told.
    #[must_use]
    pub fn with_limits(mut self, limits: ConnectionLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Where request ids come from; [`UuidV7`] unless told.
    #[must_use]
    pub fn with_ids(mut self, ids: impl IdSource + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Where heartbeats take the time from; the machine's clock unless told.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Asks every stream to end. Their runs are not touched.
    pub fn stop_streams(&self) {
        self.stopping.send_replace(true);
    }
}
