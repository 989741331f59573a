//! Quotas: limits on consumption by scope, model, meter and window, with reservations that never overspend.
//!
//! A call **reserves** its upper bound of every counter that a limit checks, in one transaction, or is refused and
//! reserves nothing. Settlement replaces the reservation by the charge. The steps are methods of
//! [`QuotaStore`](crate::ledger::QuotaStore); the decision is [`admit`], one pure function for every store.
//!
//! - `amounts`: meters and their amounts.
//! - `window`: time windows.
//! - `limit`: limits and caps.
//! - `admission`: the decision.
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
mod tenant_quotas;
mod window;

pub use admission::{
    ANSWERS, Consumer, CounterKey, CounterState, LimitCheck, QuotaDecision, Refusal, admit, checks,
};
pub use amounts::{Meter, MeterAmounts, MeterDelta};
pub use cost_units::CostUnits;
pub use date_range::DateRange;
pub use limit::{Cap, Limit, LimitKey, LimitMode, Limits, ScopeKind};
pub use tenant_quotas::{Daily, ModelQuotas, PerModel, RateLimits, TenantQuotas};
pub use window::{Window, Zone};
