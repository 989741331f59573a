//! The real binary, as people and programs see it: its words, its JSON, its exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a surprise is a failure"
)]

mod bench;
mod edge_cases;
mod env_file;
mod exit_codes;
mod full_disk;
mod handbook;
mod harmless;
mod help;
mod hostile;
mod interrupt;
mod left_jobs;
mod lists;
mod models;
mod money;
mod older;
mod output;
mod private;
mod questions;
mod readme;
mod reconcile;
mod removal;
mod retention;
mod tenants;
mod verification;
