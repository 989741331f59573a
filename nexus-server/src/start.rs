//! From arguments to a running server, and back to an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use futures::future::Either;
use nexus_core::escape::escape_line;
use nexus_core::{Error, ErrorKind, Nexus, Result};
use nexus_providers::bootstrap::Redactor;
use nexus_providers::documents::{self, WorkerCommand, WorkerLimits, WorkerParser};
use nexus_store_memory::MemoryStore;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Args, Command, Config};
use crate::listen::LoopbackListener;
use crate::log;
use crate::reload::{ConfigSource, models, sighup};
use crate::serve::serve;
use crate::state::AppState;

/// How often ingestion looks for jobs that other processes queued.
const JOB_PAUSE: Duration = Duration::from_millis(500);

/// How long taking up runs of an earlier process waits after its first failure; doubled after each further one.
const RESUME_PAUSE: Duration = Duration::from_secs(1);
const MAX_RESUME_PAUSE: Duration = Duration::from_mins(1);

/// The whole program.
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
        runtime.map_err(|error| Error::unexpected("the runtime could not be started").because(error))?;
    let done = runtime.block_on(start(config));
    // A parser that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn start(config: Config) -> Result<()> {
    let (stop, hang_ups) = (shutdown_signal()?, sighup()?);
    let listener = LoopbackListener::bind(config.listen).await?;
    let mut builder = Nexus::builder().models(models(&config.file).await?);
    let store = MemoryStore::open(&config.data)?;
    if let Some(cache) = config.file.cache.room().map(|room| store.cache(room)).transpose()?.flatten() {
        builder = builder.cache(cache);
    }
    let nexus =
        builder.store(store).audit_keys(config.keys).parser(parser()?).settings(config.settings).build()?;
    nexus.work_in_background(JOB_PAUSE);
    nexus.apply_retention_in_background();
    tracing::info!(
        address = %listener.address()?, data = %config.data.display(), tenant = %config.caller.tenant(),
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

/// Takes up what an earlier process left, beside serving: there may be more of it than runs at once. Where that fails for
/// the moment it tries again.
async fn resume(nexus: &Nexus) {
    let mut pause = RESUME_PAUSE;
    loop {
        match nexus.resume().await {
            Ok(0) => return,
            Ok(runs) => return tracing::info!(runs, "took up runs that an earlier process left"),
            Err(error) => {
                tracing::error!(error = %error.report(), "runs of an earlier process could not be taken up");
                if !error.is_retryable() {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = MAX_RESUME_PAUSE.min(pause * 2);
    }
}

/// Documents are read by this very program, executed again under limits.
fn parser() -> Result<WorkerParser> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the program does not find itself, to read documents with")
            .because(error)
    })?;
    Ok(WorkerParser::new(WorkerCommand::new(program).argument("parse-worker"), WorkerLimits::default()))
}

/// Listens for Ctrl-C and SIGTERM from now on; resolves at the first.
fn shutdown_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let listen = |kind| {
        signal(kind)
            .map_err(|error| Error::new(ErrorKind::Unavailable, "signals cannot be heard").because(error))
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

/// Tells the operator why the server does not run: 2 when it was told nonsense, 1 otherwise.
fn explain(error: &Error) -> ExitCode {
    tracing::debug!(error = %error.report(), "the server cannot run");
    let hint = error.remedy().map_or_else(String::new, |hint| format!("\nhint: {}", escape_line(hint)));
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {}{hint}", escape_line(error.message()));
    ExitCode::from(if error.kind() == ErrorKind::InvalidInput { 2 } else { 1 })
}
