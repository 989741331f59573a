//! Runner of the program: parses arguments, starts the runtime, and reports the final error once.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::error::ContextValue;
use nexus_core::escape::escape_line;
use nexus_core::{Error, ErrorKind, Result};
use nexus_providers::bootstrap::{Colours, Environment, Redactor};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, Global};
use crate::commands::{self, Command};
use crate::context::Context;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::output::Output;

/// Runs the command of `arguments`.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.collect();
    let json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    let output = Output::new(json);
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(error, &output),
    };
    perform(cli, &output).unwrap_or_else(|error| {
        tracing::error!(error = %error.report(), "the command failed");
        output.error(&error);
        Exit::from(&error)
    })
}

fn perform(cli: Cli, output: &Output) -> Result<Exit> {
    if let Some(done) = cli.command.run_alone(output) {
        return done;
    }
    let env = Environment::of_process().with_env_file(&cli.global.env_file(), Path::new("."))?;
    let redactor = Redactor::of(&env);
    begin_logging(&cli.global, &env, &redactor);
    let runtime = runtime(&cli.command)?;
    let exit = runtime.block_on(drive(&cli.global, env, cli.command, output, &redactor));
    // Remaining tasks were abandoned on purpose, by a second interrupt or at the end of a conversation.
    runtime.shutdown_timeout(Duration::ZERO);
    exit
}

/// Runs a command until it ends or an interrupt comes that it does not handle.
async fn drive(
    global: &Global,
    env: Environment,
    command: Command,
    output: &Output,
    redactor: &Redactor,
) -> Result<Exit> {
    let interrupts = Interrupts::default();
    let context = Context::new(global, env, command.providers(), output, &interrupts, redactor)?;
    tokio::select! {
        // First, so that the signal handler exists before the command starts.
        biased;
        watched = interrupts.watch() => watched.map(|()| Exit::Cancelled),
        exit = commands::run(&context, command) => exit,
    }
}

/// Returns a multi-threaded runtime for commands that ingest, and a single-threaded one for all others.
fn runtime(command: &Command) -> Result<Runtime> {
    let mut builder =
        if command.is_parallel() { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "cannot start the asynchronous runtime").because(error)
    })
}

/// Escapes line breaks and control characters in the arguments that `error` names.
fn on_their_lines(mut error: clap::Error) -> clap::Error {
    let named: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| {
            let ContextValue::String(text) = value else { return None };
            Some((kind, escape_line(text).into_owned()))
        })
        .collect();
    for (kind, text) in named {
        error.insert(kind, ContextValue::String(text));
    }
    error
}

fn usage(error: clap::Error, output: &Output) -> Exit {
    if error.use_stderr() {
        output.usage(&on_their_lines(error).render().to_string());
        Exit::Usage
    } else {
        // A closed pipe is not an error.
        let _ = error.print();
        Exit::Done
    }
}

/// Starts logging to standard error, without secrets, if `--verbose` or `RUST_LOG` enables it.
fn begin_logging(global: &Global, env: &Environment, redactor: &Redactor) {
    let asked = env.text("RUST_LOG").ok().flatten().and_then(|targets| targets.parse::<Targets>().ok());
    let level = match global.verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    };
    let targets = match (asked, global.verbose) {
        (Some(asked), 0) => asked,
        (None, 0) => return,
        (_, 1..) => Targets::new().with_default(LevelFilter::WARN).with_target("nexus", level),
    };
    let writer = redactor.writer(Colours::Escaped, std::io::stderr);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
}
