//! Effective fields and their sources, for display: [`Field`]. A secret is shown as its fingerprint.

use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::Config;
use super::defaults::defaults;
use super::env_overrides::{KEY, NAMES, PROVIDER_NAMES, PROVIDERS};
use super::sources::Sources;
use super::trust::NO_PROXY;
use crate::Secret;
use crate::bootstrap::variables::{InFoundFile, VARIABLES};
use crate::bootstrap::{Environment, Origin, Source};

/// Field of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Path, such as `llm.primary`.
    pub path: String,
    /// Value; of a secret, the [fingerprint](Secret::fingerprint).
    pub value: Json,
    /// Source of the value.
    pub source: Source,
}

impl Config {
    /// Returns every effective field, sorted by path: the fields that a source sets, and the defaults of the others.
    /// A default of `null` means no value.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = self.set.clone();
        for (path, value) in defaults(self) {
            // Any field of a table, such as a route, sets the table.
            let below = format!("{path}.");
            if !fields.iter().any(|field| field.path == path || field.path.starts_with(&below)) {
                fields.push(Field { path, value, source: Source::of(Origin::Default) });
            }
        }
        fields.sort_by(|one, other| one.path.cmp(&other.path));
        fields
    }
}

/// Returns the variables that are set in `env` and have no field.
pub fn variables(env: &Environment) -> Vec<Field> {
    let has_field = |name: &str| {
        name == "NEXUS_DATA"
            || NAMES.iter().any(|(known, ..)| *known == name)
            || PROVIDER_NAMES.iter().any(|(known, ..)| *known == name)
    };
    let shown = VARIABLES.iter().filter(|(name, may)| *may != InFoundFile::System && !has_field(name));
    let field = |(name, _): &(&str, InFoundFile)| {
        let source = Source { origin: env.origin(name)?.clone(), variable: Some((*name).to_owned()) };
        let value = env.path(name)?.to_string_lossy().into_owned();
        let is_secret = name.starts_with("AUDIT_") || value.contains('@');
        let value = if is_secret { Secret::new(value).fingerprint() } else { value };
        Some(Field { path: (*name).to_owned(), value: value.into(), source })
    };
    shown.filter_map(field).collect()
}

/// Returns the fields that `table` sets.
pub(super) fn of(table: &Table, sources: &Sources) -> Vec<Field> {
    let field = |(path, source): (&[String], &Source)| {
        let value = at(table, path)?;
        Some(Field { path: path.join("."), value: shown(path, value), source: source.clone() })
    };
    sources.iter().filter_map(field).collect()
}

/// Replaces the field of the same path, or adds `field`.
pub(super) fn replace(fields: &mut Vec<Field>, field: Field) {
    fields.retain(|known| known.path != field.path);
    fields.push(field);
}

fn at<'t>(table: &'t Table, path: &[String]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first)?;
    if rest.is_empty() { Some(value) } else { at(value.as_table()?, rest) }
}

fn shown(path: &[String], value: &Value) -> Json {
    let is_secret = match path {
        [first, _, field] if first == PROVIDERS && field == KEY => true,
        // A proxy's URL may hold a password.
        [first, _, field] if first == PROVIDERS && field == "proxy" => {
            value.as_str().is_some_and(|proxy| proxy != NO_PROXY && proxy.contains('@'))
        }
        _ => false,
    };
    if is_secret {
        return json!(Secret::new(value.as_str().unwrap_or_default()).fingerprint());
    }
    serde_json::to_value(value).unwrap_or(Json::Null)
}

#[cfg(test)]
#[path = "fields_tests.rs"]
pub(super) mod tests;
