//! [`RefusalLog`]: rate-limited log of refused and closed connections, so that a flood of them does not flood the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Interval in which incidents of one kind are counted before the next log line.
pub(super) const PAUSE: Duration = Duration::from_mins(1);

/// Reason why a connection was closed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incident {
    /// No request came in time.
    NoRequest,
    /// The idle timeout passed without another request.
    Idle,
    /// The client did not read.
    Unread,
    /// It was evicted for another connection.
    Evicted,
    /// The limit of connections was reached.
    Full,
    /// The limit per address was reached.
    AddressFull,
    /// `accept` failed.
    NotAccepted,
}

const ALL: [Incident; 7] = [
    Incident::NoRequest,
    Incident::Idle,
    Incident::Unread,
    Incident::Evicted,
    Incident::Full,
    Incident::AddressFull,
    Incident::NotAccepted,
];

/// Counters of incidents. The first of a kind is logged at once, those of the next minute together.
#[derive(Debug, Default)]
pub(super) struct RefusalLog(Mutex<[Count; ALL.len()]>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    logged: Option<Instant>,
    pending: u64,
}

impl Count {
    /// Returns the count to log now, if any.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let is_due = self.logged.is_none_or(|logged| now.duration_since(logged) >= PAUSE);
        (is_due && self.pending > 0).then(|| {
            self.logged = Some(now);
            std::mem::take(&mut self.pending)
        })
    }
}

impl RefusalLog {
    /// Counts `incident`.
    pub(super) fn note(&self, incident: Incident, times: u64) {
        if let Some(connections) = self.count(incident, times, Instant::now()) {
            log(incident, connections);
        }
    }

    /// Logs the counts that are due.
    pub(super) fn flush(&self) {
        for incident in ALL {
            self.note(incident, 0);
        }
    }

    fn count(&self, incident: Incident, times: u64, now: Instant) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get_mut(incident as usize)?;
        count.pending = count.pending.saturating_add(times);
        count.due(now)
    }
}

fn log(incident: Incident, connections: u64) {
    match incident {
        Incident::NoRequest => {
            tracing::warn!(
                connections,
                "closed connections whose request did not come in time (`server.header_ms`)"
            );
        }
        Incident::Idle => {
            tracing::info!(connections, "closed connections without another request (`server.idle_ms`)");
        }
        Incident::Unread => {
            tracing::warn!(connections, "closed connections whose client does not read (`server.write_ms`)");
        }
        Incident::Evicted => {
            tracing::warn!(
                connections,
                "closed connections that waited, to make room for others (`server.max_connections`)"
            );
        }
        Incident::Full => {
            tracing::warn!(
                connections,
                "refused connections, because all others are being answered (`server.max_connections`)"
            );
        }
        Incident::AddressFull => {
            tracing::warn!(
                connections,
                "refused connections of addresses that have too many (`server.max_connections_per_address`)"
            );
        }
        Incident::NotAccepted => {
            tracing::error!(
                times = connections,
                "cannot accept connections; is the limit of open files reached?"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_logged_at_once_and_the_rest_together() {
        let log = RefusalLog::default();
        let now = Instant::now();
        assert_eq!(log.count(Incident::Evicted, 1, now), Some(1));
        for _ in 0..1_000 {
            assert_eq!(log.count(Incident::Evicted, 1, now + PAUSE / 2), None);
        }
        assert_eq!(log.count(Incident::Full, 1, now), Some(1), "another kind has a line of its own");
        assert_eq!(log.count(Incident::Evicted, 0, now + PAUSE), Some(1_000));
        assert_eq!(log.count(Incident::Evicted, 0, now + PAUSE * 2), None, "nothing is logged of nothing");
    }
}
