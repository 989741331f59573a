//! [`Activity`]: what one connection is doing, and until when it may.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ConnectionLimits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The head of a request is on its way, or has not begun on a new connection.
    Head,
    /// A request was answered, and the next one has not begun.
    Idle,
    /// The body of a request is on its way.
    Body,
    /// A request is being answered.
    Answering,
}

/// The state of one connection, which its stream, its bodies and the table share.
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
    /// Since when the client has not taken what the server wants to write.
    unread_since: Option<Instant>,
}

impl Activity {
    /// A new connection.
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

    /// Bytes came from the client: between two requests they begin the next head.
    pub(super) fn received(&self) {
        if self.state().phase == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// The head of a request has come; `has_body` says whether more follows.
    pub(super) fn request(&self, has_body: bool) {
        self.enter(if has_body { Phase::Body } else { Phase::Answering });
    }

    /// The body of the request has come, or its reader has given up.
    pub(super) fn body_ended(&self) {
        if self.state().phase == Phase::Body {
            self.enter(Phase::Answering);
        }
    }

    /// The response has ended.
    pub(super) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// The client took bytes: the end of a long response may still be on its way when the connection is idle.
    pub(super) fn sent(&self) {
        self.change(|state| {
            state.unread_since = None;
            if state.phase == Phase::Idle {
                state.since = Instant::now();
            }
        });
    }

    /// The client takes no more bytes for now.
    pub(super) fn unread(&self) {
        self.change(|state| state.unread_since = Some(Instant::now()));
    }

    /// What the connection is doing.
    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// When the phase ends at the latest. Answering has no such end: an event stream goes on as long as its run.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let State { phase, since, .. } = self.state();
        match phase {
            Phase::Head => since.checked_add(limits.header),
            Phase::Idle => since.checked_add(limits.idle),
            Phase::Body | Phase::Answering => None,
        }
    }

    /// How soon the connection is closed to make room, least first: those without a request, then those whose request
    /// is incomplete, then those that do not read; the oldest of each first. Nothing for one that is being answered.
    pub(super) fn expendable(&self) -> Option<(u8, Instant)> {
        let State { phase, since, unread_since } = self.state();
        match (phase, unread_since) {
            (Phase::Head | Phase::Idle, None) => Some((0, since)),
            (Phase::Body, None) => Some((1, since)),
            (_, Some(since)) => Some((2, since)),
            (Phase::Answering, None) => None,
        }
    }

    /// Has the connection closed.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Resolves when [`Activity::evict`] was called.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Resolves when the phase has changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
