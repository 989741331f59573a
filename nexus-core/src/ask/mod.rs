//! Questions: each becomes a run with one driver, whose events a stream follows.

mod builder;
mod commit;
mod driver;
mod event_stream;
mod speech_text;
mod supervise;

pub use builder::{AskBuilder, FinishedRun, RUN_CREATE, RunHandle};
pub(crate) use commit::stalled;
pub use event_stream::EventStream;
