//! Limits and switches of the engine, from the environment and the configuration.

use nexus_core::{Error, Result, Settings};

use super::Environment;
use super::config::Config;

/// Returns the retention periods, the recorded reads and the size limit of documents of `config`, and the limits and switches of `env`: `RUN_MAX_CONCURRENCY`,
/// `INGEST_MAX_CONCURRENCY`, `INGEST_EXECUTION_MODE` (`background`, `inline`) and `DEBUG_EVENTS` (`true`, `false`). An
/// unset variable has the default of [`Settings`].
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_SETTING`, naming the variable.
pub fn settings(config: &Config, env: &Environment) -> Result<Settings> {
    let (retention, recorded_reads) = (config.retention.retention(), config.audit.reads.unwrap_or_default());
    let max_document_bytes = config.documents.max_bytes();
    Ok(Settings { retention, recorded_reads, max_document_bytes, ..settings_from_env(env)? })
}

/// Reads the variables.
pub(super) fn settings_from_env(env: &Environment) -> Result<Settings> {
    let mut settings = Settings::default();
    if let Some(runs) = limit(env, "RUN_MAX_CONCURRENCY")? {
        settings.max_runs = runs;
    }
    if let Some(ingests) = limit(env, "INGEST_MAX_CONCURRENCY")? {
        settings.max_ingests = ingests;
    }
    if let Some(debug) =
        choice(env, "DEBUG_EVENTS", &[("true", true), ("1", true), ("false", false), ("0", false)])?
    {
        settings.debug_events = debug;
    }
    let modes = [("background", false), ("inline", true)];
    if let Some(inline) = choice(env, "INGEST_EXECUTION_MODE", &modes)? {
        settings.ingest_inline = inline;
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
    Error::invalid(format!("cannot parse the variable `{name}`"))
        .with_code("INVALID_SETTING")
        .with_hint(format!("it may be: {expected}"))
}
