//! Start of the server: from arguments to serving, and back to an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use futures::future::Either;
use nexus_core::escape::escape_line;
use nexus_core::{Error, ErrorKind, Nexus, Result};
use nexus_providers::bootstrap::{Redactor, builder};
use nexus_providers::documents;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Args, Command, Config};
use crate::listen::LoopbackListener;
use crate::log;
use crate::reload::{ConfigSource, sighup};
use crate::serve::serve;
use crate::state::AppState;
use crate::store::{self, Access};

/// Poll interval for ingestion jobs that other processes queued.
const JOB_PAUSE: Duration = Duration::from_millis(500);

/// Backoff of resuming runs after the first failure, doubled after each further one.
const RESUME_PAUSE: Duration = Duration::from_secs(1);
const MAX_RESUME_PAUSE: Duration = Duration::from_mins(1);

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match &args.command {
        Some(Command::ParseWorker) => match documents::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        None => run(args).map_or_else(|error| explain(&error), |()| ExitCode::SUCCESS),
    }
}

fn run(args: Args) -> Result<()> {
    let env = ConfigSource::environment(&args.env_file())?;
    let redactor = Redactor::of(&env);
    log::begin(&env, &redactor)?;
    let config = Config::read(args, &env, &redactor)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Error::unexpected("cannot start the asynchronous runtime").because(error))?;
    let done = runtime.block_on(start(config));
    // A parser that hangs must not delay the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn start(config: Config) -> Result<()> {
    let (stop, hang_ups) = (shutdown_signal()?, sighup()?);
    let listener = LoopbackListener::bind(config.listen).await?;
    let builder = builder(&config.file, &[], config.settings).await?;
    let (builder, _) =
        store::open(builder, &config.file.cache, &config.data, Access::Owner, Duration::ZERO).await?;
    let nexus = builder.seal_key(config.seal_key).audit_keys(config.keys).build()?;
    nexus.work_in_background(JOB_PAUSE);
    nexus.apply_retention_in_background();
    tracing::info!(
        address = %listener.address()?, data = %config.data.display(), tenant = %config.caller.tenant_id(),
        user = %config.caller.subject(), "listening, on the loopback address only: there is no authentication yet"
    );
    let server = AppState::new(nexus.clone(), config.caller);
    let server = server.with_heartbeat(config.heartbeat).with_limits(config.limits);
    let serving = async {
        let served = std::pin::pin!(serve(listener, server, config.grace, stop));
        match futures::future::select(served, std::pin::pin!(resume(&nexus))).await {
            Either::Left((served, _)) => served,
            Either::Right(((), served)) => served.await,
        }
    };
    tokio::select! {
        served = serving => served,
        never = config.source.watch(&nexus, &config.at_start, hang_ups) => match never {},
    }
}

/// Resumes the runs of an earlier process while serving: there may be more of them than the concurrency limit. It
/// retries a transient failure.
async fn resume(nexus: &Nexus) {
    let mut pause = RESUME_PAUSE;
    loop {
        match nexus.resume().await {
            Ok(0) => return,
            Ok(runs) => return tracing::info!(runs, "resumed runs of an earlier process"),
            Err(error) => {
                tracing::error!(error = %error.report(), "cannot resume runs of an earlier process");
                if !error.is_retryable() {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = MAX_RESUME_PAUSE.min(pause * 2);
    }
}

/// Installs handlers of SIGINT and SIGTERM; the future resolves at the first signal.
fn shutdown_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot install a signal handler").because(error)
        })
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// Prints why the server does not run, and returns the exit code: 2 for invalid input, 1 otherwise.
fn explain(error: &Error) -> ExitCode {
    tracing::debug!(error = %error.report(), "the server cannot run");
    let hint = error.hint().map_or_else(String::new, |hint| format!("\nhint: {}", escape_line(hint)));
    // A closed standard error leaves no place for the message.
    let _ = writeln!(io::stderr(), "error: {}{hint}", escape_line(error.message()));
    ExitCode::from(if error.kind() == ErrorKind::InvalidInput { 2 } else { 1 })
}
