//! Quotas: limits on consumption by scope, model, meter and window, with reservations that never overspend.
//!
//! A call **reserves** its upper bound of every counter that a limit checks, in one transaction, or is refused and
//! reserves nothing. Settlement replaces the reservation by the charge. The steps are methods of
//! [`QuotaStore`](crate::ledger::QuotaStore); the decisions are pure functions here, the same for every store.
//!
//! - `amounts`: meters and their amounts.
//! - `window`: time windows.
//! - `limit`: limits and caps.
//! - `admission`: the decision, and the reservation.
//! - `settlement`: changes of counters by a charge or a correction.
//! - `period`: the part of the ledger that a new counter begins with.
//! - `cost_units`: a tenant's own currency.
//! - `date_range`: ranges of civil days.
//! - `tenant_quotas`: the JSON form of a tenant's limits.

mod admission;
mod amounts;
#[cfg(test)]
mod calendar_oracle;
mod cost_units;
mod date_range;
mod limit;
mod period;
mod settlement;
mod tenant_quotas;
mod window;

pub use admission::{
    ANSWERS, Consumer, CounterKey, CounterState, LimitCheck, OF_ANSWERS, QuotaDecision, Refusal, Reservation,
    ReservedCounter, admit, checks, monthly_answers, reserve,
};
pub(crate) use amounts::too_large;
pub use amounts::{Meter, MeterAmounts, MeterDelta};
pub use cost_units::CostUnits;
pub use date_range::DateRange;
pub use limit::{Cap, Limit, LimitKey, LimitMode, Limits, ScopeKind};
pub use period::LedgerPeriod;
pub use settlement::{CounterChange, correct, settle};
pub use tenant_quotas::{Daily, ModelQuotas, PerModel, RateLimits, TenantQuotas};
pub use window::{Window, Zone};
