//! Equal requests at the same time: the first is made, the others wait for what it leaves in the cache.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::cache::CacheKey;

/// The requests that are being made by this process, by what their answers will be kept as.
#[derive(Debug, Default)]
pub(super) struct SingleFlight(Mutex<HashMap<CacheKey, watch::Receiver<()>>>);

/// Whether somebody is making an equal request already.
pub(super) enum Joined {
    /// Nobody was: the others wait until this is dropped.
    Leader(FlightGuard),
    /// Somebody is. Never changes, and closes when that is over.
    Follower(watch::Receiver<()>),
}

/// A request that is being made.
#[derive(Debug)]
pub(super) struct FlightGuard {
    flights: Arc<SingleFlight>,
    key: CacheKey,
    /// Closes when the flight is dropped, after it was taken off the list.
    _over: watch::Sender<()>,
}

impl SingleFlight {
    /// Joins the request that is being made under `key`, or becomes it.
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
        let Joined::Leader(first) = flights.join(&key("a")) else { panic!("nobody was there") };
        let Joined::Follower(mut over) = flights.join(&key("a")) else { panic!("somebody was there") };
        assert!(matches!(flights.join(&key("b")), Joined::Leader(_)));
        assert!(over.has_changed().is_ok());
        drop(first);
        assert!(over.changed().await.is_err(), "it is over");
        assert!(matches!(flights.join(&key("a")), Joined::Leader(_)));
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
