//! The engine as the configuration describes it: a [`Builder`] that lacks only a store and audit keys.

use nexus_core::gateway::Models;
use nexus_core::{Builder, Clock as _, Error, ErrorKind, Nexus, Result, Settings, SystemClock, check_clock};

use super::config::Config;
use super::providers::{embedder, routing, speech};
use crate::documents::{WorkerCommand, WorkerLimits, WorkerParser};

/// Subcommand with which both programs parse documents for another process of theirs.
const PARSE_WORKER: &str = "parse-worker";

/// Builds the models of `config`: chat, embeddings and text-to-speech, with the settings of calls. `wanted` are further
/// providers, such as an option of the command line.
///
/// # Errors
/// Those of [`routing`], [`embedder`] and [`speech`], and of invalid limits or prices.
pub async fn models(config: &Config, wanted: &[String]) -> Result<Models> {
    Ok(Models {
        routing: routing(config, wanted).await?.into(),
        settings: config.gateway_settings()?.into(),
        embedder: embedder(config).await?,
        speech_synthesizer: speech(config)?,
    })
}

/// Returns a builder with the [`models`] of `config`, the limits of `settings`, and a parser with the limits of
/// `config` that runs this executable again as a confined worker process. It has no store, because stores and providers do not know each other.
///
/// # Errors
/// Those of [`models`]; [`Unavailable`](ErrorKind::Unavailable) if the executable cannot be located, and with
/// `CLOCK_BEFORE_1970`.
pub async fn builder(config: &Config, wanted: &[String], settings: Settings) -> Result<Builder> {
    // Before a store is created.
    check_clock(SystemClock.now())?;
    Ok(Nexus::builder().models(models(config, wanted).await?).parser(parser(config)?).settings(settings))
}

fn parser(config: &Config) -> Result<WorkerParser> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "cannot locate this executable to start the document parser")
            .because(error)
    })?;
    let limits = WorkerLimits { documents: config.documents.limits(), ..WorkerLimits::default() };
    Ok(WorkerParser::new(WorkerCommand::new(program).argument(PARSE_WORKER), limits))
}
