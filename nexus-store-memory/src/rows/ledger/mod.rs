//! Model calls from their admission to their last line.
//!
//! Each step is one transaction of the writer's: claim, stops, counters, call and audit record stand or fall together.

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
