//! Found `.env` below all other sources: vendors' keys and models where no stronger source has any.

use toml::{Table, Value};

use super::ProviderKind;
use super::env_overrides::{KEY, NAMES, PROVIDER_NAMES, PROVIDERS, of_provider, set};
use super::sources::Sources;
use crate::bootstrap::env_file::FoundEnvFile;
use crate::bootstrap::variables::{InFoundFile, in_found_file};
use crate::bootstrap::{Origin, Source};

/// Variable of the primary provider.
const PRIMARY_VARIABLE: &str = "LLM_PROVIDER";
/// Field of that variable.
const PRIMARY: [&str; 2] = ["llm", "primary"];
/// Fields of `[llm]` that each name a provider of answers.
const NAMES_A_PROVIDER: [&str; 4] = ["primary", "fallbacks", "allowed_providers", "cheaper"];

/// Fills the gaps of `table` with the permitted values of `found`, and records the ignored variables in `found`.
pub(super) fn underlay(table: &mut Table, sources: &mut Sources, found: &mut FoundEnvFile) {
    for (variable, kind, field) in PROVIDER_NAMES {
        let may = in_found_file(variable);
        if !matches!(may, Some(InFoundFile::Key | InFoundFile::Model)) {
            continue;
        }
        let Some(text) = found.get(variable).map(|value| value.expose().to_owned()) else { continue };
        let source = source(found, variable);
        // Where the value of `providers` is not a table, deserialisation reports it.
        let _ = of_provider(table, kind, |name, entry| {
            let has_key_elsewhere = field == KEY && entry.contains_key("key_env");
            // The vendor's model may not exist at another address.
            let is_elsewhere = may == Some(InFoundFile::Model) && entry.contains_key("endpoint");
            if !entry.contains_key(field) && !has_key_elsewhere && !is_elsewhere {
                let value = Value::String(text.clone());
                sources.set(&[PROVIDERS, name, field], &value, &source);
                entry.insert(field.to_owned(), value);
            }
        });
    }
    for (variable, path, _) in NAMES {
        let value = found.get(variable).filter(|_| in_found_file(variable) == Some(InFoundFile::Model));
        if let Some(value) = value.map(|value| Value::String(value.expose().to_owned())) {
            fill(table, sources, path, &value, &source(found, variable));
        }
    }
    fill_primary(table, sources, found);
    let named_elsewhere: Vec<String> = key_variables(table).filter(|name| found.has_other(name)).collect();
    for name in named_elsewhere {
        found.ignore(&name);
    }
}

/// Sets the primary provider, if no stronger source does, and only together with its key from the same file: a folder
/// must not send documents to a vendor at the expense of the user's own key.
fn fill_primary(table: &mut Table, sources: &mut Sources, found: &mut FoundEnvFile) {
    let Some(name) = found.get(PRIMARY_VARIABLE).map(|name| name.expose().to_owned()) else { return };
    let llm = table.get("llm").and_then(Value::as_table);
    if llm.and_then(|llm| llm.get("primary")?.as_str()) == Some(&name) {
        return;
    }
    if llm.is_some_and(|llm| NAMES_A_PROVIDER.iter().any(|field| llm.contains_key(*field))) {
        return found.ignore(PRIMARY_VARIABLE);
    }
    let has_its_key = ProviderKind::named(&name).is_some_and(|kind| kind.key_variable().is_some())
        && sources
            .get(&[PROVIDERS, &name, KEY])
            .is_some_and(|source| matches!(source.origin, Origin::FoundEnvFile(_)));
    if has_its_key {
        fill(table, sources, &PRIMARY, &Value::String(name), &source(found, PRIMARY_VARIABLE));
    } else {
        found.ignore(PRIMARY_VARIABLE);
    }
}

fn fill(table: &mut Table, sources: &mut Sources, path: &[&str], value: &Value, source: &Source) {
    if sources.get(path).is_none() && set(table, path, value.clone()).is_some() {
        sources.set(path, value, source);
    }
}

fn source(found: &FoundEnvFile, variable: &str) -> Source {
    Source { origin: Origin::FoundEnvFile(found.path.clone()), variable: Some(variable.to_owned()) }
}

/// Returns the variables that the configuration names for keys.
fn key_variables(table: &Table) -> impl Iterator<Item = String> {
    let entries = table.get(PROVIDERS).and_then(Value::as_table).into_iter().flat_map(Table::values);
    let names = entries.filter_map(|entry| entry.get("key_env")?.as_str());
    names.map(str::to_owned)
}
