//! The binary `nexus`: arguments in, words and exit codes out. Every rule of the house is in `nexus_core`.

mod args;
mod commands;
mod context;
mod exit;
mod interrupt;
mod output;
mod principal;
mod progress;
mod runner;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(std::env::args_os()).into()
}
