//! Runs: the state machine of one question, its driver, its events, and the port that keeps them.

mod aloud;
pub mod ask;
mod driver;
pub mod event;
pub mod machine;
pub mod model;
mod registry;
pub mod store;

pub use ask::{AskBuilder, EventStream, Finished, RunHandle};
pub use event::{Answer, Event, EventBody, Metadata, ShownSource};
pub use model::{Ask, AskOptions, Budget, Outcome, Phase, Run, RunState};
pub(crate) use registry::Registry;
pub use store::{Advance, CancelRequest, Journal, RunQuery, RunStore};
