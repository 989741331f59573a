//! Default of every field of the configuration, for display. `null` stands for a field without a value.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Config, ProviderKind, TenantConfig, leads_to};
use crate::ollama::CONTEXT_TOKENS;

/// Fields of a provider.
const OF_PROVIDER: [&str; 18] = [
    "type",
    "key",
    "key_env",
    "endpoint",
    "model",
    "embedding_model",
    "embedding_dimension",
    "embedding_token_limit",
    "organisation",
    "project",
    "location",
    "credentials_file",
    "context_tokens",
    "own_hardware",
    "connect_timeout_ms",
    "ca_file",
    "proxy",
    "allow_plain_http",
];

/// Returns the path and the default of each field: the general ones, those of the providers that are in use or have a
/// section, and those of the tenants that have one.
pub(super) fn defaults(config: &Config) -> Vec<(String, Json)> {
    let general = general().into_iter().map(|(path, value)| (path.to_owned(), value));
    let providers = providers(config).into_iter().flat_map(|(name, kind)| {
        let fields = OF_PROVIDER.into_iter().filter(move |field| kind.has_use_for(field));
        fields.map(move |field| (format!("providers.{name}.{field}"), of_provider(kind, field)))
    });
    let tenants = config.tenants.iter().flat_map(|(id, tenant)| {
        of_tenant(tenant).into_iter().map(move |(field, value)| (format!("tenants.{id}.{field}"), value))
    });
    general.chain(providers).chain(tenants).collect()
}

/// Returns the general fields.
pub(super) fn general() -> [(&'static str, Json); 59] {
    let none = || Json::Null;
    [
        ("data", json!("./nexus-data")),
        ("tenant", json!("local")),
        ("user", json!("your user name")),
        ("roles", json!(["admin"])),
        ("groups", json!([])),
        ("llm.primary", json!("extractive")),
        ("llm.fallbacks", json!([])),
        ("llm.allowed_providers", none()),
        ("llm.cheaper", none()),
        ("llm.embedder", none()),
        ("llm.max_tokens", json!(1024)),
        ("limits.user_monthly_usd", json!(25)),
        ("limits.investigation_usd", json!("0.30")),
        ("limits.investigation_policy", json!("block")),
        ("limits.rate_window_seconds", json!(60)),
        ("limits.zone", json!("UTC")),
        ("limits.rules", json!([])),
        ("shutoff.tenant_hourly_usd", none()),
        ("shutoff.user_hourly_usd", none()),
        ("shutoff.error_percent", none()),
        ("shutoff.error_min_calls", json!(20)),
        ("shutoff.lasts_seconds", json!("until it is rearmed")),
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
        ("cache.semantic_threshold", none()),
        ("pricing.ceiling", none()),
        ("pricing.rows", json!([])),
        ("audit.reads", json!("none")),
        ("retention.journals_days", json!(0)),
        ("retention.runs_days", json!(0)),
        ("retention.sessions_days", json!(0)),
        ("retention.jobs_days", json!(90)),
        ("retention.calls_days", json!(0)),
        ("documents.max_mb", json!(256)),
        ("documents.read_hidden", json!(false)),
        ("documents.comment_authors", json!(false)),
        ("speech.provider", json!("none")),
        ("speech.model", json!("gpt-4o-mini-tts")),
        ("speech.voice", json!("alloy")),
        ("estimates.token_chars_ratio", json!("4.0")),
        ("server.max_connections", json!("at most 1024")),
        ("server.max_connections_per_address", json!(64)),
        ("server.trusted_proxies", json!([])),
        ("server.header_ms", json!(10_000)),
        ("server.idle_ms", json!(60_000)),
        ("server.body_ms", json!(30_000)),
        ("server.write_ms", json!(30_000)),
    ]
}

/// Returns the providers that have a section, or that a route, the embedder or speech names by its type.
fn providers(config: &Config) -> Vec<(&str, ProviderKind)> {
    let default = config.llm.route();
    let routes = config.tenants.values().filter_map(|tenant| tenant.route.as_ref());
    let routed: BTreeSet<String> = routes.chain([&default]).flat_map(leads_to).cloned().collect();
    let named = [&config.llm.embedder, &config.speech.provider].into_iter().flatten().cloned();
    let used: BTreeSet<String> = routed.into_iter().chain(named).collect();
    let sections = config
        .providers
        .iter()
        .filter_map(|(name, provider)| Some((name.as_str(), provider.kind(name).ok()?)));
    let types = ProviderKind::ALL.into_iter().filter(|kind| {
        *kind != ProviderKind::Extractive
            && used.contains(kind.as_str())
            && !config.providers.contains_key(kind.as_str())
    });
    sections.chain(types.map(|kind| (kind.as_str(), kind))).collect()
}

fn of_provider(kind: ProviderKind, field: &str) -> Json {
    match field {
        "type" => json!(kind.as_str()),
        "key_env" => json!(kind.key_variable()),
        "endpoint" if kind == ProviderKind::OpenAiCompatible => Json::Null,
        "endpoint" => json!("default of the type"),
        "model" => json!(kind.model()),
        "embedding_model" => json!(kind.embedding_model()),
        "embedding_dimension" | "embedding_token_limit" => json!("default of the model"),
        "location" => json!("global"),
        "credentials_file" => json!("default credentials of the machine"),
        "context_tokens" => json!(CONTEXT_TOKENS),
        "own_hardware" | "allow_plain_http" => json!(false),
        "connect_timeout_ms" => json!(5_000),
        "proxy" => json!("proxy of the environment"),
        _ => Json::Null,
    }
}

fn of_tenant(tenant: &TenantConfig) -> Vec<(&'static str, Json)> {
    let route = match &tenant.route {
        None => vec![("route", Json::Null)],
        Some(_) => vec![
            ("route.primary", json!("")),
            ("route.fallbacks", json!([])),
            ("route.allowed_providers", Json::Null),
            ("route.cheaper", Json::Null),
        ],
    };
    let others = [
        ("quotas", Json::Null),
        ("quotas_file", Json::Null),
        ("limits", json!([])),
        ("distillation", json!(false)),
    ];
    route.into_iter().chain(others).collect()
}
