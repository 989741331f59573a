//! Binary `nexus`: arguments in, text and exit codes out. All business rules are in `nexus_core`.

mod cli;
mod commands;
mod context;
mod exit;
mod interrupt;
mod left_jobs;
mod output;
mod principal;
mod progress;
mod runner;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(std::env::args_os()).into()
}
