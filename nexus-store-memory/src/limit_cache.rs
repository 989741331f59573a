//! Cache of the limits and prices set at run time, which every call reads and which hardly ever change.
//!
//! Only the process that writes a store caches them: no other process can change them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_core::TenantId;
use nexus_core::price::PriceRow;
use nexus_core::quota::Limit;

/// Upper bound on the tenants whose limits are cached.
const TENANTS: usize = 1_024;

/// Cached limits and prices of one store.
#[derive(Debug, Default)]
pub(crate) struct LimitCache {
    kept: Mutex<Kept>,
}

/// Counter of changes. A value read before a change is not cached after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

#[derive(Debug, Default)]
struct Kept {
    generation: u64,
    limits: HashMap<TenantId, Vec<Limit>>,
    prices: Option<Vec<PriceRow>>,
}

impl LimitCache {
    /// Returns a tenant's cached limits, or the generation to cache them with.
    pub(crate) fn limits(&self, tenant: &TenantId) -> Result<Vec<Limit>, Generation> {
        let kept = self.kept();
        kept.limits.get(tenant).cloned().ok_or(Generation(kept.generation))
    }

    /// Returns the cached prices, or the generation to cache them with.
    pub(crate) fn prices(&self) -> Result<Vec<PriceRow>, Generation> {
        let kept = self.kept();
        kept.prices.clone().ok_or(Generation(kept.generation))
    }

    /// Caches a tenant's limits that were read in `generation` or later.
    pub(crate) fn keep_limits(&self, tenant: TenantId, limits: &[Limit], generation: Generation) {
        let mut kept = self.kept();
        if kept.generation == generation.0 {
            if kept.limits.len() >= TENANTS {
                kept.limits.clear();
            }
            kept.limits.insert(tenant, limits.to_vec());
        }
    }

    /// Caches prices that were read in `generation` or later.
    pub(crate) fn keep_prices(&self, prices: &[PriceRow], generation: Generation) {
        let mut kept = self.kept();
        if kept.generation == generation.0 {
            kept.prices = Some(prices.to_vec());
        }
    }

    /// Clears the cache after a change.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept();
        *kept = Kept { generation: kept.generation.wrapping_add(1), ..Kept::default() };
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use nexus_core::Principal;

    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let (terms, caller) = (LimitCache::default(), Principal::user("acme", "bob").unwrap());
        let early = terms.limits(caller.tenant()).unwrap_err();
        terms.forget();
        terms.keep_limits(caller.tenant().clone(), &[], early);
        terms.keep_prices(&[], early);
        let late = terms.limits(caller.tenant()).unwrap_err();
        assert_eq!(terms.prices().unwrap_err(), late);
        terms.keep_limits(caller.tenant().clone(), &[], late);
        terms.keep_prices(&[], late);
        assert!(terms.limits(caller.tenant()).unwrap().is_empty());
        assert!(terms.prices().unwrap().is_empty());
        let other = Principal::user("globex", "bob").unwrap();
        assert!(terms.limits(other.tenant()).is_err());
        terms.forget();
        assert!(terms.limits(caller.tenant()).is_err());
    }
}
