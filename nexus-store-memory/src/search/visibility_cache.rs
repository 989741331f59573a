//! Cache of visible versions between searches, within a budget of memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::search::visible_versions::{Scope, VisibleVersions};

/// Upper bound on the memory of the sets in bytes: enough for tens of thousands of users of ordinary corpora.
const BUDGET: usize = 64 << 20;

/// Sets by scope.
#[derive(Debug, Default)]
pub(crate) struct VisibilityCache {
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    by_scope: HashMap<Scope, CachedSet>,
    bytes: usize,
    /// Counter of uses, to find the least recently used set.
    clock: u64,
}

#[derive(Debug)]
struct CachedSet {
    set: Arc<VisibleVersions>,
    used: u64,
    bytes: usize,
}

impl VisibilityCache {
    /// Returns the set of a scope.
    pub(crate) fn find(&self, scope: &Scope) -> Option<Arc<VisibleVersions>> {
        let mut sets = self.sets();
        sets.clock += 1;
        let now = sets.clock;
        let kept = sets.by_scope.get_mut(scope)?;
        kept.used = now;
        Some(Arc::clone(&kept.set))
    }

    /// Stores a set, unless a newer one is cached, and evicts the least recently used sets.
    pub(crate) fn put(&self, scope: Scope, set: Arc<VisibleVersions>) {
        self.put_within(BUDGET, scope, set);
    }

    fn put_within(&self, budget: usize, scope: Scope, set: Arc<VisibleVersions>) {
        let mut sets = self.sets();
        if sets.by_scope.get(&scope).is_some_and(|kept| kept.set.watermark > set.watermark) {
            return;
        }
        let bytes = scope.bytes() + set.versions.bytes() + size_of::<VisibleVersions>();
        sets.clock += 1;
        let kept = CachedSet { set, used: sets.clock, bytes };
        sets.bytes += bytes;
        if let Some(before) = sets.by_scope.insert(scope, kept) {
            sets.bytes -= before.bytes;
        }
        if sets.bytes > budget {
            sets.shrink(budget);
        }
    }

    /// Drops the sets of a deleted corpus.
    pub(crate) fn forget(&self, corpus: i64) {
        let mut sets = self.sets();
        sets.by_scope.retain(|scope, _| scope.corpus != corpus);
        sets.bytes = sets.by_scope.values().map(|kept| kept.bytes).sum();
    }

    fn sets(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sets {
    /// Evicts sets until a tenth of the budget is free, so that not every new set searches for the oldest.
    fn shrink(&mut self, budget: usize) {
        let mut uses: Vec<(u64, usize)> =
            self.by_scope.values().map(|kept| (kept.used, kept.bytes)).collect();
        uses.sort_unstable();
        let (mut bytes, mut through) = (self.bytes, 0);
        for (used, size) in uses {
            if bytes <= budget - budget / 10 {
                break;
            }
            (bytes, through) = (bytes - size, used);
        }
        self.by_scope.retain(|_, kept| kept.used > through);
        self.bytes = bytes;
    }
}
