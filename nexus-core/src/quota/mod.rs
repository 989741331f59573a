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
mod cost_units;
mod days;
mod limit;
#[cfg(test)]
mod naive;
mod tenant;
mod window;

pub use admission::{ANSWERS, Admission, Check, Consumer, CounterKey, Refusal, Used, admit, checks};
pub use amounts::{Amounts, Change, Meter};
pub use cost_units::CostUnits;
pub use days::Days;
pub use limit::{Cap, Limit, LimitMode, Limits, ScopeKind, Subject};
pub use tenant::{Daily, ModelQuotas, PerModel, RateLimits, TenantQuotas};
pub use window::{Window, Zone};
