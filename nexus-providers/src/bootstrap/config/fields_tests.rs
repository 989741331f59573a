//! Tests that every field is shown, with its effective default and its source.

use std::cell::Cell;
use std::iter::once;

use serde::de::value::{Error as Refused, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::*;
use crate::bootstrap::config::defaults::general;
use crate::bootstrap::config::{ProviderConfig, ProviderKind, TenantConfig};

fn config(text: &str, env: &Environment) -> Config {
    Config::parse(text, env).unwrap()
}

#[test]
fn the_defaults_that_are_shown_are_those_in_force() {
    let in_words = ["shutoff.lasts_seconds", "server.max_connections", "user"];
    let said: Vec<String> = general()
        .into_iter()
        .filter(|(path, value)| !in_words.contains(path) && !value.is_null())
        .map(|(path, value)| format!("{path} = {value}"))
        .collect();
    let env = Environment::from([("", ""); 0]);
    let (said, unsaid) = (config(&said.join("\n"), &env), config("", &env));
    let debug = |config: &Config| format!("{:?}", config.gateway_settings().unwrap());
    assert_eq!(debug(&said), debug(&unsaid));
    assert_eq!(said.llm.route().primary, unsaid.llm.route().primary);
    assert_eq!(said.cache.max_bytes(), unsaid.cache.max_bytes());
    assert_eq!(said.retention.retention(), unsaid.retention.retention());
    assert_eq!(said.audit.reads.unwrap_or_default(), unsaid.audit.reads.unwrap_or_default());
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

/// Derives the fields below a path from the `Deserialize` of a type, so that a new field cannot be missed here.
#[derive(Clone, Copy)]
struct Probe<'p> {
    path: &'p [&'static str],
    fields: &'p Cell<&'static [&'static str]>,
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::custom("a field without fields of its own"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        if let Some((first, path)) = self.path.split_first() {
            return visitor.visit_map(MapDeserializer::new(once((*first, Probe { path, ..self }))));
        }
        self.fields.set(fields);
        Err(Refused::custom("the fields are known"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Refused> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn fields_below<T: DeserializeOwned>(path: &[&'static str]) -> &'static [&'static str] {
    let fields: Cell<&'static [&'static str]> = Cell::new(&[]);
    assert!(T::deserialize(Probe { path, fields: &fields }).is_err());
    fields.get()
}

/// Returns the paths of `T` that are not shown, neither themselves nor through all the fields below them.
pub(in crate::bootstrap::config) fn missing<T: DeserializeOwned>(
    prefix: &str,
    path: &[&'static str],
    shown: &[Field],
) -> Vec<String> {
    let name = [&[prefix], path].concat().join(".");
    let name = name.trim_start_matches('.');
    if shown.iter().any(|field| field.path == name) {
        return Vec::new();
    }
    let fields = fields_below::<T>(path);
    if fields.is_empty() {
        return vec![name.to_owned()];
    }
    fields.iter().flat_map(|field| missing::<T>(prefix, &[path, &[*field]].concat(), shown)).collect()
}

#[test]
fn every_field_of_the_configuration_is_shown() {
    let text = "
        llm = { primary = 'openai', embedder = 'ollama' }
        [providers.gpu]
        type = 'openai_compatible'
        [providers.vertex]
        [tenants.acme]
        [tenants.globex.route]
        primary = 'openai'
    ";
    let config = config(text, &Environment::from([("", ""); 0]));
    let shown = config.fields();
    assert!(fields_below::<Config>(&["retention"]).contains(&"jobs_days"));
    let of_tables: Vec<String> = ["providers", "tenants"].map(str::to_owned).into();
    assert_eq!(missing::<Config>("", &[], &shown), of_tables);
    for tenant in ["acme", "globex"] {
        assert_eq!(missing::<TenantConfig>(&format!("tenants.{tenant}"), &[], &shown), Vec::<String>::new());
    }
    let kinds =
        [("openai", "openai"), ("gpu", "openai_compatible"), ("vertex", "vertex"), ("ollama", "ollama")];
    for (name, kind) in kinds {
        let kind = ProviderKind::named(kind).unwrap();
        let prefix = format!("providers.{name}.");
        let missing = missing::<ProviderConfig>(&format!("providers.{name}"), &[], &shown);
        let needed: Vec<_> =
            missing.iter().filter(|path| kind.has_use_for(path.strip_prefix(&prefix).unwrap())).collect();
        assert_eq!(needed, Vec::<&String>::new());
    }
    let source = |path: &str| shown.iter().find(|field| field.path == path).unwrap().source.to_string();
    assert_eq!(source("retention.jobs_days"), "default");
    assert_eq!(source("providers.openai.model"), "default");
    assert_eq!(source("tenants.globex.route.primary"), "nexus.toml");
}
