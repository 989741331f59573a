//! The cost bound of a request: [`Allowance`]. Each attempt, retry and fallback, and each call that prepares the request,
//! takes its worst case before it is made, and gives back the part that it was not charged.

use std::sync::{Arc, Mutex, PoisonError};

use super::call::CallRefusal;
use crate::money::NanoUsd;

/// The most that a request may cost, and the part of it that is spent or set aside.
#[derive(Debug)]
pub(crate) struct Allowance {
    allowed: NanoUsd,
    taken: Mutex<NanoUsd>,
}

/// A part of an [`Allowance`] that is set aside for one attempt. A share that is dropped unspent is given back whole.
#[derive(Debug)]
pub(super) struct Share {
    allowance: Option<Arc<Allowance>>,
    worst: NanoUsd,
}

impl Allowance {
    /// An allowance of which nothing is spent.
    pub(super) fn new(allowed: NanoUsd) -> Arc<Self> {
        Arc::new(Self { allowed, taken: Mutex::new(NanoUsd::ZERO) })
    }

    /// The amount that is left.
    fn left(&self, taken: NanoUsd) -> NanoUsd {
        less(self.allowed, taken).unwrap_or(NanoUsd::ZERO).max(NanoUsd::ZERO)
    }

    fn change(&self, back: NanoUsd, more: NanoUsd) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // An amount that cannot be added up leaves nothing.
        *taken = less(*taken, back).and_then(|rest| rest.checked_add(more)).unwrap_or(self.allowed);
    }
}

fn less(from: NanoUsd, amount: NanoUsd) -> Option<NanoUsd> {
    from.as_nanos().checked_sub(amount.as_nanos()).map(NanoUsd::from_nanos)
}

impl Share {
    /// Sets `worst` aside. Without an allowance, there is no bound.
    pub(super) fn take(allowance: Option<&Arc<Allowance>>, worst: NanoUsd) -> Result<Self, CallRefusal> {
        if let Some(allowance) = allowance {
            let mut taken = allowance.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let left = allowance.left(*taken);
            match taken.checked_add(worst).filter(|_| worst <= left) {
                Some(sum) => *taken = sum,
                None => return Err(CallRefusal::MaxCostExceeded { worst, allowed: left }),
            }
        }
        Ok(Self { allowance: allowance.cloned(), worst })
    }

    /// Replaces the amount that was set aside by the attempt's charge.
    pub(super) fn spend(mut self, charged: NanoUsd) {
        if let Some(allowance) = self.allowance.take() {
            allowance.change(self.worst, charged);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(allowance) = self.allowance.take() {
            allowance.change(self.worst, NanoUsd::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(nanos: i64) -> NanoUsd {
        NanoUsd::from_nanos(nanos)
    }

    fn take(allowance: &Arc<Allowance>, worst: i64) -> Result<Share, CallRefusal> {
        Share::take(Some(allowance), nanos(worst))
    }

    #[test]
    fn what_does_not_fit_beside_the_rest_is_refused_with_what_is_left() {
        let allowance = Allowance::new(nanos(10));
        take(&allowance, 6).unwrap().spend(nanos(4));
        let share = take(&allowance, 5).unwrap();
        let refused = take(&allowance, 2).unwrap_err();
        assert_eq!(refused, CallRefusal::MaxCostExceeded { worst: nanos(2), allowed: nanos(1) });
        drop(share);
        take(&allowance, 6).unwrap().spend(nanos(9));
        assert_eq!(
            take(&allowance, 1).unwrap_err(),
            CallRefusal::MaxCostExceeded { worst: nanos(1), allowed: NanoUsd::ZERO }
        );
        assert!(take(&allowance, 0).is_ok(), "what is free is never too dear");
    }

    proptest! {
        /// As long as no vendor bills more than the worst case, the sum of all charges stays within what is allowed.
        #[test]
        fn charges_within_their_worst_case_never_exceed_what_is_allowed(
            allowed in 0_i64..1_000,
            attempts in prop::collection::vec((0_i64..400, 0_i64..=100, any::<bool>()), 0..20),
        ) {
            let allowance = Allowance::new(nanos(allowed));
            let (mut spent, mut under_way) = (0, Vec::new());
            for (worst, percent, waits) in attempts {
                let Ok(share) = take(&allowance, worst) else {
                    prop_assert!(spent + worst + under_way.iter().map(|(_, worst, _)| worst).sum::<i64>() > allowed);
                    continue;
                };
                under_way.push((share, worst, worst * percent / 100));
                if !waits {
                    for (share, _, charged) in under_way.drain(..) {
                        share.spend(nanos(charged));
                        spent += charged;
                    }
                }
                prop_assert!(spent <= allowed);
            }
        }
    }
}
