//! Quotas: how much may be consumed, by whom, over which time, and the arithmetic that nobody can overspend.
//!
//! A call **reserves** the most it can take of every counter that a limit looks at, in one step, or is refused and
//! reserves nothing. When it is over, the reservation is replaced by what it took. The steps are methods of
//! [`QuotaStore`](crate::ledger::QuotaStore); the decision is [`admit`], one pure function for every store.
//!
//! - `amounts`: what a call takes.
//! - `window`: over which time.
//! - `limit`: how much there may be.
//! - `admission`: whether it fits.
//! - `cost_units`: a tenant's own currency.
//! - `days`: which days sums are over.
//! - `tenant`: the JSON that tenants bring.

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
