//! The permitted sets of searches, kept from one to the next within a budget of memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::search::visible_versions::{Scope, VisibleVersions};

/// How much memory the sets take at most, in bytes: those of tens of thousands of users of ordinary corpora.
const BUDGET: usize = 64 << 20;

/// The sets, by what they depend on.
#[derive(Debug, Default)]
pub(crate) struct VisibilityCache {
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    by_scope: HashMap<Scope, CachedSet>,
    bytes: usize,
    /// Counts uses, to tell which set was used longest ago.
    clock: u64,
}

#[derive(Debug)]
struct CachedSet {
    set: Arc<VisibleVersions>,
    used: u64,
    bytes: usize,
}

impl VisibilityCache {
    /// The set of a scope.
    pub(crate) fn find(&self, scope: &Scope) -> Option<Arc<VisibleVersions>> {
        let mut sets = self.sets();
        sets.clock += 1;
        let now = sets.clock;
        let kept = sets.by_scope.get_mut(scope)?;
        kept.used = now;
        Some(Arc::clone(&kept.set))
    }

    /// Keeps a set, unless a newer one is known; those that were used longest ago make room.
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

    /// Lets go of a corpus that is gone.
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
    /// Lets go of sets until a tenth of the budget is free, so that not every new one has to look for the oldest.
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
