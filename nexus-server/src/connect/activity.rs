//! [`Activity`]: phase of one connection, and the deadline of that phase.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ConnectionLimits;

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The head of a request is arriving, or has not begun on a new connection.
    Head,
    /// A request was answered, and the next one has not begun.
    Idle,
    /// The body of a request is arriving.
    Body,
    /// A request is being answered.
    Answering,
}

/// State of one connection, which its stream, its bodies and the table share.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    changed: Notify,
    evicted: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Start of the current write stall, while the client reads nothing.
    unread_since: Option<Instant>,
}

impl Activity {
    /// Returns the state of a new connection.
    pub(super) fn new() -> Arc<Self> {
        let state = State { phase: Phase::Head, since: Instant::now(), unread_since: None };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), evicted: Notify::new() })
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn enter(&self, phase: Phase) {
        self.change(|state| (state.phase, state.since) = (phase, Instant::now()));
        self.changed.notify_one();
    }

    /// Records bytes from the client: between two requests they begin the next head.
    pub(super) fn received(&self) {
        if self.state().phase == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Records the end of a request's head, and whether a body follows.
    pub(super) fn request(&self, has_body: bool) {
        self.enter(if has_body { Phase::Body } else { Phase::Answering });
    }

    /// Records the end of the request's body, read or abandoned.
    pub(super) fn body_ended(&self) {
        if self.state().phase == Phase::Body {
            self.enter(Phase::Answering);
        }
    }

    /// Records the end of the response.
    pub(super) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// Records that the client read bytes: the end of a long response may still be in transit on an idle connection.
    pub(super) fn sent(&self) {
        self.change(|state| {
            state.unread_since = None;
            if state.phase == Phase::Idle {
                state.since = Instant::now();
            }
        });
    }

    /// Records a write stall: the client reads no more bytes for now.
    pub(super) fn unread(&self) {
        self.change(|state| state.unread_since = Some(Instant::now()));
    }

    /// Returns the current phase.
    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Returns the deadline of the phase. `Answering` has none: an event stream lasts as long as its run.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let State { phase, since, .. } = self.state();
        match phase {
            Phase::Head => since.checked_add(limits.header),
            Phase::Idle => since.checked_add(limits.idle),
            Phase::Body | Phase::Answering => None,
        }
    }

    /// Returns the eviction rank, least first: connections without a request, then those whose request is incomplete,
    /// then those that do not read; the oldest of each first. `None` for a connection with a request in flight.
    pub(super) fn expendable(&self) -> Option<(u8, Instant)> {
        let State { phase, since, unread_since } = self.state();
        match (phase, unread_since) {
            (Phase::Head | Phase::Idle, None) => Some((0, since)),
            (Phase::Body, None) => Some((1, since)),
            (_, Some(since)) => Some((2, since)),
            (Phase::Answering, None) => None,
        }
    }

    /// Requests that the connection close.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Resolves after a call of [`Activity::evict`].
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Resolves after a change of the phase.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
