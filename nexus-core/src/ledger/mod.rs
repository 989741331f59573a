//! The ledger: every model call as one [`Call`] with its [`Attempt`]s, what each cost, and the stops that end spending.
//!
//! An intent is durable before a call leaves, and every call ends in exactly one settlement. Money is integers, usage
//! is disjoint, and a correction is another line, never a change.
//!
//! - `call`: what is kept of a call.
//! - `stop`: the kill switch and the shutoff.
//! - `store`: the ports.

mod call;
mod stop;
mod store;

pub use call::{
    Attempt, AttemptStatus, Call, CallResult, CallStatus, ClaimKey, Ending, LedgerLine, Operation,
};
pub use stop::{HourTally, ShutoffRule, Stop, StopCause, StopScope};
pub use store::{
    Begun, Intent, LedgerQuery, LedgerStore, OpenCall, QuotaStore, Retry, Settlement, UsageBy, UsageRecord,
    UsageRow,
};
