//! The engine's limits and switches, from the environment.

use nexus_core::{Error, Result, Settings};

use super::Environment;

/// When an ingestion job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IngestMode {
    /// After the request that queued it has returned.
    #[default]
    Background,
    /// Before the request that queued it returns.
    Inline,
}

/// What the environment says of the engine.
#[derive(Clone, Debug, Default)]
pub struct ShellSettings {
    /// Limits and switches.
    pub engine: Settings,
    /// When ingestion jobs run.
    pub ingest_mode: IngestMode,
}

/// Reads `RUN_MAX_CONCURRENCY`, `INGEST_MAX_CONCURRENCY`, `INGEST_EXECUTION_MODE` (`background`, `inline`) and
/// `DEBUG_EVENTS` (`true`, `false`). What is not set has the default of [`Settings`].
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_SETTING`, naming the variable.
pub fn settings_from_env(env: &Environment) -> Result<ShellSettings> {
    let mut settings = ShellSettings::default();
    if let Some(runs) = limit(env, "RUN_MAX_CONCURRENCY")? {
        settings.engine.max_runs = runs;
    }
    if let Some(ingests) = limit(env, "INGEST_MAX_CONCURRENCY")? {
        settings.engine.max_ingests = ingests;
    }
    if let Some(debug) =
        choice(env, "DEBUG_EVENTS", &[("true", true), ("1", true), ("false", false), ("0", false)])?
    {
        settings.engine.debug_events = debug;
    }
    let modes = [("background", IngestMode::Background), ("inline", IngestMode::Inline)];
    if let Some(mode) = choice(env, "INGEST_EXECUTION_MODE", &modes)? {
        settings.ingest_mode = mode;
    }
    Ok(settings)
}

fn limit(env: &Environment, name: &str) -> Result<Option<usize>> {
    let Some(text) = env.text(name)? else { return Ok(None) };
    match text.trim().parse() {
        Ok(limit) if limit > 0 => Ok(Some(limit)),
        Ok(_) | Err(_) => Err(invalid(name, "a number from 1")),
    }
}

fn choice<T: Copy>(env: &Environment, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = env.text(name)? else { return Ok(None) };
    let chosen = choices.iter().find(|(word, _)| text.trim().eq_ignore_ascii_case(word));
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    chosen.map(|(_, value)| Some(*value)).ok_or_else(|| invalid(name, &words.join(", ")))
}

fn invalid(name: &str, expected: &str) -> Error {
    Error::invalid(format!("the variable `{name}` has a value that means nothing"))
        .code("INVALID_SETTING")
        .hint(format!("it may be: {expected}"))
}
