//! Ledger: every model call as one [`Call`] with its [`Attempt`]s and their cost, and the [`KillSwitch`].
//!
//! A call is durable before it is sent, and every call ends in exactly one settlement. Money is integers, usage
//! buckets are disjoint, and a correction is a further entry, never a change.
//!
//! - `call`: calls and attempts; `call_state`: their steps from admission to settlement.
//! - `admission`: the stages of an admission.
//! - `entry`: ledger entries and their corrections.
//! - `query`: filters and sums.
//! - `kill_switch`: the kill switch and the rule that trips it.
//! - `store`: the ports.

mod admission;
mod call;
mod call_state;
pub(crate) mod content;
mod entry;
mod kill_switch;
mod query;
mod store;

pub use admission::{KeyRecord, KeyStage, KeyTaken, LimitStage, SwitchStage, TenantState};
pub use call::{
    Attempt, AttemptOutcome, AttemptStatus, Call, CallResult, CallStatus, IdempotencyKey, Operation,
};
pub use call_state::{CallState, EndedAttempt, OpenAttempt, SettledCall};
pub use entry::{Correction, LedgerEntry, Reconciliation, UsageShare, VendorBill};
pub(crate) use kill_switch::TRIPPED;
pub use kill_switch::{AutoTripRule, HourlyStats, KillSwitch, KillSwitchCause, KillSwitchScope};
pub use query::{LedgerQuery, UsageBy, UsageRecord, UsageRow};
pub use store::{BeginCall, BeginResult, LedgerStore, OpenCall, QuotaStore, RetryCall, Settlement};
