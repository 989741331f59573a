//! Runs: the state machine of one question, its driver, its events, and the port that keeps them.

pub mod event;
pub mod model;
pub mod store;

pub use event::{Answer, Event, EventBody, Metadata, ShownSource};
pub use model::{Ask, Budget, Outcome, Phase, Run, RunState};
pub use store::{Advance, CancelRequest, Journal, RunQuery, RunStore};
