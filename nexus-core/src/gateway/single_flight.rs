//! Request coalescing: of equal requests at the same time, the first is made, and the others wait for its cache entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::cache::CacheKey;

/// The requests in flight in this process, by the cache keys of their answers.
#[derive(Debug, Default)]
pub(super) struct SingleFlight(Mutex<HashMap<CacheKey, watch::Receiver<()>>>);

/// The part of a request among its equals.
pub(super) enum Joined {
    /// The first: the others wait until this guard is dropped.
    Leader(FlightGuard),
    /// A later one. The channel closes when the first is over, and never changes before.
    Follower(watch::Receiver<()>),
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct FlightGuard {
    flights: Arc<SingleFlight>,
    key: CacheKey,
    /// Closes when the flight is dropped, after it was taken off the list.
    _over: watch::Sender<()>,
}

impl SingleFlight {
    /// Joins the request in flight under `key`, or becomes it.
    pub(super) fn join(self: &Arc<Self>, key: &CacheKey) -> Joined {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(over) = flights.get(key) {
            return Joined::Follower(over.clone());
        }
        let (sender, over) = watch::channel(());
        flights.insert(key.clone(), over);
        Joined::Leader(FlightGuard { flights: Arc::clone(self), key: key.clone(), _over: sender })
    }
}

impl Drop for FlightGuard {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Principal;
    use crate::cache::{CacheDigest, CacheKind, CacheScope};

    fn key(content: &str) -> CacheKey {
        let tenant = Principal::user("acme", "ada").unwrap().tenant().clone();
        let digest = |text| CacheDigest::of("test", &text).unwrap();
        let scope = CacheScope { tenant, kind: CacheKind::Answer, digest: digest("scope") };
        CacheKey { scope, content: digest(content) }
    }

    #[tokio::test]
    async fn others_wait_until_the_first_is_over_and_only_for_an_equal_one() {
        let flights = Arc::new(SingleFlight::default());
        let Joined::Leader(first) = flights.join(&key("a")) else { panic!("no equal request is in flight") };
        let Joined::Follower(mut over) = flights.join(&key("a")) else {
            panic!("an equal request is in flight")
        };
        assert!(matches!(flights.join(&key("b")), Joined::Leader(_)));
        assert!(over.has_changed().is_ok());
        drop(first);
        assert!(over.changed().await.is_err(), "it is over");
        assert!(matches!(flights.join(&key("a")), Joined::Leader(_)));
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
