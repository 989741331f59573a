//! Runs: the state machine of one question, its events, the registry of this process's runs, and the port that stores
//! them. Module `ask` drives them.

pub mod content;
pub mod event;
pub mod machine;
pub mod model;
pub(crate) mod registry;
pub mod store;

pub use content::RunContents;
pub use event::{Answer, Event, EventBody, Metadata, ShownSource};
pub use model::{Ask, AskOptions, Budget, Outcome, Phase, Run, RunState};
pub use store::{Journal, RunQuery, RunStore, RunTransition};
