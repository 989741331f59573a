//! Model calls from their admission to their last line.
//!
//! Each step is one transaction of the writer's: claim, stops, counters, call and audit record stand or fall together.

pub(crate) mod begin;
pub(crate) mod call;
pub(crate) mod claim;
pub(crate) mod correct;
mod forget;
pub(crate) mod line;
pub(crate) mod settle;
pub(crate) mod stop;
pub(crate) mod usage;

pub(crate) use forget::forget_run;
pub(crate) use usage::count_document;
