//! The ledger: every model call as one [`Call`] with its [`Attempt`]s, what each cost, and the stops that end spending.
//!
//! An intent is durable before a call leaves, and every call ends in exactly one settlement. Money is integers, usage
//! is disjoint, and a correction is another line, never a change.
//!
//! - `call`: what is kept of a call.
//! - `line`: what the ledger has of an attempt, and how an estimate is corrected.
//! - `query`: what is asked of it.
//! - `stop`: the kill switch and the shutoff.
//! - `store`: the ports.

mod call;
mod entry;
mod kill_switch;
mod query;
mod store;

pub use call::{
    Attempt, AttemptOutcome, AttemptStatus, Call, CallResult, CallStatus, IdempotencyKey, Operation,
};
pub use entry::{Correction, LedgerEntry, Reconciliation, VendorBill};
pub use kill_switch::{AutoTripRule, HourlyStats, KillSwitch, KillSwitchCause, KillSwitchScope};
pub use query::{LedgerQuery, UsageBy, UsageRecord, UsageRow};
pub use store::{BeginCall, BeginResult, LedgerStore, OpenCall, QuotaStore, RetryCall, Settlement};
