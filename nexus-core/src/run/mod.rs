//! Runs: the state machine of one question, its driver, its events, and the port that stores them.

pub mod ask;
mod commit;
mod driver;
pub mod event;
mod event_stream;
pub mod machine;
pub mod model;
mod registry;
mod speech_text;
pub mod store;
mod supervise;

pub use ask::{AskBuilder, FinishedRun, RUN_CREATE, RunHandle};
pub(crate) use commit::stalled;
pub use event::{Answer, Event, EventBody, Metadata, ShownSource};
pub use event_stream::EventStream;
pub use model::{Ask, AskOptions, Budget, Outcome, Phase, Run, RunState};
pub(crate) use registry::{Cancelling, Registry};
pub use store::{CancelRequest, Journal, RunQuery, RunStore, RunTransition};
