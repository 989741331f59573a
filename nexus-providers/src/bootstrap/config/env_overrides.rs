//! Environment variables over the file: any field by its path, and established names.

use std::collections::BTreeSet;

use nexus_core::{Error, Result};
use toml::{Table, Value};

use super::sources::Sources;
use crate::bootstrap::{Environment, Origin, Source};

/// Prefix of a variable that sets a field by its path, as `NEXUS__LLM__PRIMARY` does.
const PREFIX: &str = "NEXUS__";
pub(super) const PROVIDERS: &str = "providers";

/// Field of a provider's key.
pub(super) const KEY: &str = "key";

/// Type of a variable's value.
#[derive(Clone, Copy)]
pub(in crate::bootstrap) enum Reads {
    Text,
    Number,
    Words,
}

/// Variables of fields outside a provider.
pub(in crate::bootstrap) const NAMES: [(&str, &[&str], Reads); 15] = [
    ("NEXUS_TENANT", &["tenant"], Reads::Text),
    ("NEXUS_USER", &["user"], Reads::Text),
    ("NEXUS_ROLE", &["roles"], Reads::Words),
    ("LLM_PROVIDER", &["llm", "primary"], Reads::Text),
    ("EXT_CALL_TIMEOUT_MS", &["deadlines", "total_ms"], Reads::Number),
    ("EXT_RETRY_MAX_ATTEMPTS", &["retry", "attempts"], Reads::Number),
    ("EXT_RETRY_BACKOFF_MS", &["retry", "backoff_ms"], Reads::Number),
    ("CB_FAILURE_THRESHOLD", &["breaker", "failures"], Reads::Number),
    ("CB_OPEN_SECONDS", &["breaker", "open_seconds"], Reads::Number),
    ("CB_HALF_OPEN_TRIALS", &["breaker", "trials"], Reads::Number),
    ("RATE_LIMIT_WINDOW_S", &["limits", "rate_window_seconds"], Reads::Number),
    ("COST_ESTIMATOR_TOKEN_CHARS_RATIO", &["estimates", "token_chars_ratio"], Reads::Text),
    ("TTS_PROVIDER", &["speech", "provider"], Reads::Text),
    ("OPENAI_TTS_MODEL", &["speech", "model"], Reads::Text),
    ("OPENAI_TTS_VOICE", &["speech", "voice"], Reads::Text),
];

/// Variables of providers of one type: variable, type, field. A later row overrides an earlier one.
pub(in crate::bootstrap) const PROVIDER_NAMES: [(&str, &str, &str); 14] = [
    ("OPENAI_API_KEY", "openai", "key"),
    ("OPENAI_BASE_URL", "openai", "endpoint"),
    ("OPENAI_ORG_ID", "openai", "organisation"),
    ("ANTHROPIC_API_KEY", "anthropic", "key"),
    ("ANTHROPIC_BASE_URL", "anthropic", "endpoint"),
    ("GEMINI_API_KEY", "gemini", "key"),
    ("GEMINI_MODEL", "gemini", "model"),
    ("GEMINI_MODEL", "vertex", "model"),
    ("GOOGLE_CLOUD_PROJECT", "vertex", "project"),
    ("GOOGLE_CLOUD_LOCATION", "vertex", "location"),
    ("VERTEX_LOCATION", "vertex", "location"),
    ("OLLAMA_HOST", "ollama", "endpoint"),
    ("OLLAMA_API_KEY", "ollama", "key"),
    ("FAKE_PROVIDER_URL", "fake", "endpoint"),
];

/// Applies the variables over the file, and returns the providers that the file or a path names, rather than only a
/// variable that other programs also read. `sources` records the variable of each field.
pub(super) fn overlay(
    table: &mut Table,
    sources: &mut Sources,
    env: &Environment,
) -> Result<BTreeSet<String>> {
    by_path(table, sources, env)?;
    let named = table.get(PROVIDERS).and_then(Value::as_table);
    let named = named.map(|entries| entries.keys().cloned().collect()).unwrap_or_default();
    for (variable, path, reads) in NAMES {
        if let Some(text) = env.text(variable)? {
            let value = read(variable, &text, reads)?;
            sources.set(path, &value, &of(env, variable));
            set(table, path, value).ok_or_else(|| through(variable))?;
        }
    }
    for (variable, kind, field) in PROVIDER_NAMES {
        if let Some(text) = env.text(variable)? {
            let source = of(env, variable);
            of_provider(table, kind, |name, entry| {
                let is_silent = !entry.contains_key(field);
                let has_key_elsewhere = field == KEY && entry.contains_key("key_env");
                if !has_key_elsewhere && (is_silent || name == kind) {
                    let value = Value::String(text.clone());
                    sources.set(&[PROVIDERS, name, field], &value, &source);
                    entry.insert(field.to_owned(), value);
                }
            })
            .ok_or_else(|| through(variable))?;
        }
    }
    // A path is the most explicit form, so it overrides the established names.
    by_path(table, sources, env)?;
    Ok(named)
}

fn of(env: &Environment, variable: &str) -> Source {
    let origin = env.origin(variable).cloned().unwrap_or(Origin::Environment);
    Source { origin, variable: Some(variable.to_owned()) }
}

/// Applies the variables whose names are paths: `NEXUS__PROVIDERS__OPENAI__MODEL` is `providers.openai.model`. A
/// value is parsed as TOML if it is a whole number, `true`, `false`, a list, a table or quoted, else it is text.
fn by_path(table: &mut Table, sources: &mut Sources, env: &Environment) -> Result<()> {
    for name in env.names() {
        let (Some(path), Some(text)) = (name.strip_prefix(PREFIX), env.text(name)?) else { continue };
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if path.contains(&"") {
            return Err(through(name));
        }
        let value = value(text);
        sources.set(&path, &value, &of(env, name));
        set(table, &path, value).ok_or_else(|| through(name))?;
    }
    Ok(())
}

/// Visits each provider of a type, with its name; the one with the name of the type is created if absent. `None`
/// where the table holds another value in their place.
pub(super) fn of_provider(
    table: &mut Table,
    kind: &str,
    mut visit: impl FnMut(&str, &mut Table),
) -> Option<()> {
    let entries = table.entry(PROVIDERS).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
    entries.entry(kind).or_insert_with(|| Value::Table(Table::new()));
    for (name, entry) in entries.iter_mut() {
        let entry = entry.as_table_mut()?;
        if entry.get("type").map_or(name == kind, |is| is.as_str() == Some(kind)) {
            visit(name, entry);
        }
    }
    Some(())
}

fn read(variable: &str, text: &str, reads: Reads) -> Result<Value> {
    Ok(match reads {
        Reads::Text => Value::String(text.trim().to_owned()),
        Reads::Number => Value::Integer(text.trim().parse().map_err(|_| {
            Error::invalid(format!("the variable `{variable}` is not a whole number"))
                .with_code("INVALID_SETTING")
        })?),
        Reads::Words => {
            Value::Array(text.split(',').map(|word| Value::String(word.trim().to_owned())).collect())
        }
    })
}

fn value(text: String) -> Value {
    let parsed = format!("v = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    match parsed.and_then(|mut table| table.remove("v")) {
        // A decimal number or a date may be meant as text, such as an amount of money.
        None | Some(Value::Float(_) | Value::Datetime(_)) => Value::String(text),
        Some(value) => value,
    }
}

/// Sets `value` at `path`; `None` where the path leads through a value that is not a table.
pub(super) fn set(table: &mut Table, path: &[&str], value: Value) -> Option<()> {
    let (last, before) = path.split_last()?;
    let mut table = table;
    for name in before {
        let below = table.entry(*name).or_insert_with(|| Value::Table(Table::new()));
        table = below.as_table_mut()?;
    }
    table.insert((*last).to_owned(), value);
    Some(())
}

fn through(variable: &str) -> Error {
    Error::invalid(format!("the variable `{variable}` is not the path of a configuration field"))
        .with_code("INVALID_CONFIG")
        .with_hint("`NEXUS__LLM__PRIMARY` sets `primary` in `[llm]`; a single field of a list cannot be set")
}
