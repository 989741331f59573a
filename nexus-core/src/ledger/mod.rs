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
mod line;
mod query;
mod stop;
mod store;

pub use call::{Attempt, AttemptStatus, Call, CallResult, CallStatus, ClaimKey, Ending, Operation};
pub use line::{Bill, Correction, LedgerLine, Reconciliation};
pub use query::{LedgerQuery, UsageBy, UsageRecord, UsageRow};
pub use stop::{HourTally, ShutoffRule, Stop, StopCause, StopScope};
pub use store::{Begun, Intent, LedgerStore, OpenCall, QuotaStore, Retry, Settlement};
