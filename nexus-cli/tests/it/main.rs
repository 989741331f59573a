//! The real binary, as people and programs see it: its words, its JSON, its exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a surprise is a failure"
)]

mod bench;
mod codes;
mod env_file;
mod handbook;
mod harmless;
mod help;
mod hostile;
mod interrupt;
mod less_usual;
mod models;
mod money;
mod older;
mod private;
mod reconcile;
mod removal;
mod retention;
mod words;
