//! What is in force and where it was read from, to be shown: [`Field`]. Secrets are shown as their fingerprints.

use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::Config;
use super::overlay::{KEY, NAMES, PROVIDER_NAMES, PROVIDERS};
use super::sources::Sources;
use super::trust::NO_PROXY;
use crate::Secret;
use crate::shell::variables::{InFoundFile, VARIABLES};
use crate::shell::{Environment, Origin, Source};

/// A field of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its path, such as `llm.primary`.
    pub path: String,
    /// Its value; of a secret, the [fingerprint](Secret::fingerprint).
    pub value: Json,
    /// Where it was read from.
    pub source: Source,
}

impl Config {
    /// The fields that are in force: those that something sets and the defaults of others, by their paths.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = self.set.clone();
        for (path, value) in defaults() {
            // `[a]` without any field of it is the default as well; so is a list that is not said.
            if !fields.iter().any(|field| field.path == path) {
                fields.push(Field { path: path.to_owned(), value, source: Source::of(Origin::Default) });
            }
        }
        fields.sort_by(|one, other| one.path.cmp(&other.path));
        fields
    }
}

/// The variables without a field of the configuration that are set in `env`.
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

/// The defaults of the fields that apply to all tenants.
fn defaults() -> [(&'static str, Json); 40] {
    [
        ("data", json!("./nexus-data")),
        ("tenant", json!("local")),
        ("user", json!("your user name")),
        ("roles", json!(["admin"])),
        ("groups", json!([])),
        ("llm.primary", json!("extractive")),
        ("llm.fallbacks", json!([])),
        ("llm.max_tokens", json!(4096)),
        ("limits.user_monthly_usd", json!(25)),
        ("limits.investigation_usd", json!("0.30")),
        ("limits.investigation_policy", json!("block")),
        ("limits.rate_window_seconds", json!(60)),
        ("limits.zone", json!("UTC")),
        ("limits.rules", json!([])),
        ("shutoff.error_min_calls", json!(20)),
        ("deadlines.first_event_ms", json!(120_000)),
        ("deadlines.idle_ms", json!(60_000)),
        ("deadlines.total_ms", json!(120_000)),
        ("deadlines.store_ms", json!(5_000)),
        ("retry.attempts", json!(3)),
        ("retry.backoff_ms", json!(500)),
        ("retry.longest_ms", json!(8_000)),
        ("breaker.failures", json!(3)),
        ("breaker.open_seconds", json!(30)),
        ("breaker.trials", json!(1)),
        ("cache.enabled", json!(true)),
        ("cache.max_mb", json!(512)),
        ("cache.answers_seconds", json!(3_600)),
        ("cache.embeddings_seconds", json!(86_400)),
        ("pricing.rows", json!([])),
        ("speech.provider", json!("none")),
        ("estimates.token_chars_ratio", json!("4.0")),
        ("server.max_connections", json!("at most 1024")),
        ("server.max_connections_per_address", json!(64)),
        ("server.trusted_proxies", json!([])),
        ("server.header_ms", json!(10_000)),
        ("server.idle_ms", json!(60_000)),
        ("server.body_ms", json!(30_000)),
        ("server.write_ms", json!(30_000)),
        ("shutoff.lasts_seconds", json!("until it is rearmed")),
    ]
}

/// The fields that `table` sets.
pub(super) fn of(table: &Table, sources: &Sources) -> Vec<Field> {
    let field = |(path, source): (&[String], &Source)| {
        let value = at(table, path)?;
        Some(Field { path: path.join("."), value: shown(path, value), source: source.clone() })
    };
    sources.iter().filter_map(field).collect()
}

/// Puts `field` in the place of the one with its path, or beside the others.
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
mod tests {
    use super::*;

    fn config(text: &str, env: &Environment) -> Config {
        Config::parse(text, env).unwrap()
    }

    #[test]
    fn the_defaults_that_are_shown_are_those_in_force() {
        let said: Vec<String> = defaults()
            .into_iter()
            .filter(|(path, _)| !["shutoff.lasts_seconds", "server.max_connections", "user"].contains(path))
            .map(|(path, value)| format!("{path} = {value}"))
            .collect();
        let env = Environment::from([("", ""); 0]);
        let (said, unsaid) = (config(&said.join("\n"), &env), config("", &env));
        let debug = |config: &Config| format!("{:?}", config.gateway_settings().unwrap());
        assert_eq!(debug(&said), debug(&unsaid));
        assert_eq!(said.llm.route().primary, unsaid.llm.route().primary);
        assert_eq!(said.cache.room(), unsaid.cache.room());
        assert_eq!(said.estimates.token_chars_ratio, unsaid.estimates.token_chars_ratio);
    }

    #[test]
    fn each_field_is_shown_with_its_source_and_secrets_as_fingerprints() {
        let env = Environment::from([
            ("ANTHROPIC_API_KEY", "sk-ant-0123456789"),
            ("ACME_KEY", "sk-acme-0123456789"),
            ("NEXUS__RETRY__ATTEMPTS", "7"),
        ]);
        let text = "
            tenant = 'acme'
            [providers.openai]
            key_env = 'ACME_KEY'
            proxy = 'http://user:swordfish@proxy.example:3128'
            [providers.mine]
            type = 'openai'
            key = 'sk-mine-0123456789'
        ";
        let config = config(text, &env.beside("GEMINI_API_KEY=sk-gem-0123456789"));
        let fields = config.fields();
        let shown = |path: &str| {
            let field = fields.iter().find(|field| field.path == path).unwrap();
            format!("{} from {}", field.value, field.source)
        };
        let of = |key: &str, from: &str| format!("\"{}\" from {from}", Secret::new(key).fingerprint());
        assert_eq!(shown("tenant"), "\"acme\" from nexus.toml");
        assert_eq!(shown("retry.attempts"), "7 from environment (NEXUS__RETRY__ATTEMPTS)");
        assert_eq!(shown("retry.backoff_ms"), "500 from default");
        assert_eq!(shown("providers.openai.key"), of("sk-acme-0123456789", "environment (ACME_KEY)"));
        assert_eq!(shown("providers.mine.key"), of("sk-mine-0123456789", "nexus.toml"));
        assert_eq!(shown("providers.gemini.key"), of("sk-gem-0123456789", "./.env (GEMINI_API_KEY)"));
        let anthropic = of("sk-ant-0123456789", "environment (ANTHROPIC_API_KEY)");
        assert_eq!(shown("providers.anthropic.key"), anthropic);
        let all = format!("{fields:?} {config:?}");
        assert!(!all.contains("0123456789") && !all.contains("swordfish"), "{all}");
    }
}
