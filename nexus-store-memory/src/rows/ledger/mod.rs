//! Model calls from their admission to their last ledger entry.
//!
//! Each step is one transaction: idempotency key, kill switches, counters, call and audit record commit together.

pub(crate) mod admit;
pub(crate) mod call;
pub(crate) mod entry;
mod erase;
pub(crate) mod idempotency;
pub(crate) mod kill_switch;
pub(crate) mod reconcile;
pub(crate) mod settle;
pub(crate) mod usage;

pub(crate) use erase::forget_run;
pub(crate) use usage::count_document;
