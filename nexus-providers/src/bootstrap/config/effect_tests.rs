//! Effect of each field: a table with a row for every field that exists, which shows what the field changes.
//!
//! Most rows are two configurations: what the library makes of them differs, in its settings or in the requests that
//! a scripted vendor receives. The others name the test of the behaviour that the field causes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use nexus_core::llm::Request;
use nexus_core::retrieve::EmbedRole;
use nexus_fake_provider::Scripted;

use super::fields::tests::missing;
use super::limits::LimitConfig;
use super::*;
use crate::bootstrap::providers::{embedder, routing, speech};

/// Evidence for the effect of a field.
enum Effect {
    /// Configurations without and with the field, of which different things are made. `URL` is the address of a
    /// scripted vendor.
    Changes(&'static str, &'static str),
    /// File and name of a test of the behaviour.
    Tested(&'static str, &'static str),
}

use Effect::{Changes, Tested};

const CONNECTIONS: &str = "nexus-server/tests/it/connections.rs";
const CLI: &str = "nexus-cli/tests/it/exit_codes.rs";
const CEILING: &str = "pricing.ceiling = { input = 1, output = 1 }";
const SPEAKS: &str = "speech.provider = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'";
const WAYS: &str = "nexus-providers/src/bootstrap/providers/tests.rs";
const TRUST: &str = "nexus-providers/src/bootstrap/config/trust_tests.rs";
const WHO: &str = "the_configuration_says_who_and_where_and_options_win";

/// Fields outside the sections of single providers and tenants.
const GENERAL: &[(&str, Effect)] = &[
    ("data", Tested(CLI, WHO)),
    (
        "tenant",
        Tested(
            "nexus-providers/src/bootstrap/tests.rs",
            "a_configuration_says_who_and_where_or_nothing_at_all",
        ),
    ),
    ("user", Tested(CLI, WHO)),
    ("roles", Tested(CLI, WHO)),
    (
        "groups",
        Tested(
            "nexus-providers/src/bootstrap/tests.rs",
            "a_configuration_says_who_and_where_or_nothing_at_all",
        ),
    ),
    ("providers", Changes("", "[providers.fake]")),
    ("tenants", Changes("", "[tenants.acme]")),
    ("llm.primary", Changes("", "llm.primary = 'fake'")),
    ("llm.fallbacks", Changes("", "llm.fallbacks = ['fake']")),
    ("llm.allowed_providers", Changes("", "llm.allowed_providers = ['extractive']")),
    ("llm.cheaper.provider", Changes("", "llm.cheaper = { provider = 'fake' }")),
    (
        "llm.cheaper.model",
        Changes("llm.cheaper = { provider = 'fake' }", "llm.cheaper = { provider = 'fake', model = 'm' }"),
    ),
    ("llm.embedder", Changes("", "llm.embedder = 'ollama'")),
    (
        "llm.max_tokens",
        Tested("tests/gateway/tests/it/replies.rs", "the_configured_limit_of_tokens_reaches_every_vendor"),
    ),
    ("limits.user_monthly_usd", Changes("", "limits.user_monthly_usd = 7")),
    ("limits.investigation_usd", Changes("", "limits.investigation_usd = 7")),
    ("limits.investigation_policy", Changes("", "limits.investigation_policy = 'degrade'")),
    ("limits.rate_window_seconds", Changes("", "limits.rate_window_seconds = 7")),
    ("limits.zone", Changes("", "limits.zone = 'Europe/Berlin'")),
    (
        "limits.rules",
        Changes("", "limits.rules = [{ scope = 'tenant', meter = 'calls', window = 'day', cap = 7 }]"),
    ),
    ("shutoff.tenant_hourly_usd", Changes("", "shutoff.tenant_hourly_usd = 7")),
    ("shutoff.user_hourly_usd", Changes("", "shutoff.user_hourly_usd = 7")),
    ("shutoff.error_percent", Changes("", "shutoff.error_percent = 7")),
    (
        "shutoff.error_min_calls",
        Changes("shutoff.error_percent = 7", "shutoff = { error_percent = 7, error_min_calls = 7 }"),
    ),
    (
        "shutoff.lasts_seconds",
        Changes("shutoff.error_percent = 7", "shutoff = { error_percent = 7, lasts_seconds = 7 }"),
    ),
    ("deadlines.first_event_ms", Changes("", "deadlines.first_event_ms = 7")),
    ("deadlines.idle_ms", Changes("", "deadlines.idle_ms = 7")),
    ("deadlines.total_ms", Changes("", "deadlines.total_ms = 7")),
    ("deadlines.store_ms", Changes("", "deadlines.store_ms = 7")),
    ("retry.attempts", Changes("", "retry.attempts = 7")),
    ("retry.backoff_ms", Changes("", "retry.backoff_ms = 7")),
    ("retry.longest_ms", Changes("", "retry.longest_ms = 7")),
    ("breaker.failures", Changes("", "breaker.failures = 7")),
    ("breaker.open_seconds", Changes("", "breaker.open_seconds = 7")),
    ("breaker.trials", Changes("", "breaker.trials = 7")),
    ("cache.enabled", Changes("", "cache.enabled = false")),
    ("cache.max_mb", Changes("", "cache.max_mb = 7")),
    ("cache.answers_seconds", Changes("", "cache.answers_seconds = 7")),
    ("cache.embeddings_seconds", Changes("", "cache.embeddings_seconds = 7")),
    (
        "cache.semantic_threshold",
        Changes("llm.embedder = 'ollama'", "llm.embedder = 'ollama'\ncache.semantic_threshold = 0.9"),
    ),
    ("pricing.ceiling.input", Changes(CEILING, "pricing.ceiling = { input = 7, output = 1 }")),
    ("pricing.ceiling.output", Changes(CEILING, "pricing.ceiling = { input = 1, output = 7 }")),
    (
        "pricing.ceiling.cache_read",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, cache_read = 7 }"),
    ),
    (
        "pricing.ceiling.cache_write_5m",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, cache_write_5m = 7 }"),
    ),
    (
        "pricing.ceiling.cache_write_1h",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, cache_write_1h = 7 }"),
    ),
    (
        "pricing.ceiling.audio_in",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, audio_in = 7 }"),
    ),
    (
        "pricing.ceiling.reasoning",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, reasoning = 7 }"),
    ),
    (
        "pricing.ceiling.audio_out",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, audio_out = 7 }"),
    ),
    (
        "pricing.ceiling.tool_requests",
        Changes(CEILING, "pricing.ceiling = { input = 1, output = 1, tool_requests = 7 }"),
    ),
    (
        "pricing.rows",
        Tested(
            "nexus-providers/src/bootstrap/config/tests.rs",
            "prices_are_dollars_for_a_million_tokens_and_a_ceiling_comes_last",
        ),
    ),
    ("audit.reads", Changes("", "audit.reads = 'all'")),
    ("retention.journals_days", Changes("", "retention.journals_days = 7")),
    ("retention.runs_days", Changes("", "retention.runs_days = 7")),
    ("retention.sessions_days", Changes("", "retention.sessions_days = 7")),
    ("retention.jobs_days", Changes("", "retention.jobs_days = 7")),
    ("retention.calls_days", Changes("", "retention.calls_days = 7")),
    ("documents.max_mb", Changes("", "documents.max_mb = 7")),
    ("documents.read_hidden", Changes("", "documents.read_hidden = true")),
    ("documents.comment_authors", Changes("", "documents.comment_authors = true")),
    ("speech.provider", Changes("", "speech.provider = 'fake'")),
    (
        "speech.model",
        Changes(
            SPEAKS,
            "speech = { provider = 'openai', model = 'm' }\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'",
        ),
    ),
    (
        "speech.voice",
        Changes(
            SPEAKS,
            "speech = { provider = 'openai', voice = 'nova' }\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'",
        ),
    ),
    ("estimates.token_chars_ratio", Changes("", "estimates.token_chars_ratio = 3")),
    (
        "server.max_connections",
        Tested(CONNECTIONS, "a_newcomer_takes_the_place_of_the_connection_that_has_waited_longest"),
    ),
    (
        "server.max_connections_per_address",
        Tested(
            "nexus-server/src/connect/accept.rs",
            "an_address_with_too_many_requests_under_way_is_told_so_and_others_are_served",
        ),
    ),
    (
        "server.trusted_proxies",
        Tested(
            "nexus-server/src/connect/limits.rs",
            "this_machine_and_trusted_proxies_have_no_limit_of_their_own",
        ),
    ),
    ("server.header_ms", Tested(CONNECTIONS, "a_head_that_does_not_end_is_cut")),
    ("server.idle_ms", Tested(CONNECTIONS, "a_connection_without_another_request_is_closed")),
    ("server.body_ms", Tested(CONNECTIONS, "a_body_that_comes_byte_by_byte_is_refused_after_its_deadline")),
    (
        "server.write_ms",
        Tested(CONNECTIONS, "a_client_that_does_not_read_its_stream_is_dropped_and_the_log_says_so"),
    ),
];

const MINE: &str = "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'm'\nendpoint = 'URL/v1'";
const OPENAI: &str = "llm.embedder = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'";
const OLLAMA: &str = "[providers.ollama]\nendpoint = 'URL'";

/// Fields of a provider's section.
const PROVIDER: &[(&str, Effect)] = &[
    ("type", Changes(MINE, "[providers.mine]\ntype = 'ollama'\nmodel = 'm'\nendpoint = 'URL'")),
    (
        "key",
        Changes(
            MINE,
            "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'm'\nendpoint = 'URL/v1'\nkey = 'sk-1'",
        ),
    ),
    (
        "key_env",
        Changes(
            MINE,
            "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'm'\nendpoint = 'URL/v1'\nkey_env = 'MINE'",
        ),
    ),
    (
        "endpoint",
        Changes(MINE, "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'm'\nendpoint = 'URL/other/v1'"),
    ),
    (
        "model",
        Changes(MINE, "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'n'\nendpoint = 'URL/v1'"),
    ),
    (
        "embedding_model",
        Changes(
            OPENAI,
            "llm.embedder = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'\nembedding_model = 'text-embedding-3-large'",
        ),
    ),
    (
        "embedding_dimension",
        Changes(
            OPENAI,
            "llm.embedder = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'\nembedding_dimension = 256",
        ),
    ),
    (
        "embedding_token_limit",
        Changes(
            OPENAI,
            "llm.embedder = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'\nembedding_token_limit = 7",
        ),
    ),
    (
        "organisation",
        Changes(
            OPENAI,
            "llm.embedder = 'openai'\n[providers.openai]\nkey = 'k'\nendpoint = 'URL/v1'\norganisation = 'org-1'",
        ),
    ),
    ("project", Tested(WAYS, "a_provider_says_what_it_takes_to_reach_it")),
    (
        "location",
        Tested(
            "nexus-providers/tests/vendors/gemini.rs",
            "vertex_has_its_own_paths_and_a_token_for_each_request",
        ),
    ),
    ("credentials_file", Tested(CLI, "a_settings_file_that_is_named_and_cannot_be_used_is_a_usage_error")),
    ("context_tokens", Changes(OLLAMA, "[providers.ollama]\nendpoint = 'URL'\ncontext_tokens = 4096")),
    (
        "own_hardware",
        Changes(
            MINE,
            "[providers.mine]\ntype = 'openai_compatible'\nmodel = 'm'\nendpoint = 'URL/v1'\nown_hardware = true",
        ),
    ),
    ("connect_timeout_ms", Tested(WAYS, "the_ways_to_a_vendor_are_checked_at_the_start")),
    ("ca_file", Tested(WAYS, "the_ways_to_a_vendor_are_checked_at_the_start")),
    ("proxy", Tested(WAYS, "the_ways_to_a_vendor_are_checked_at_the_start")),
    ("allow_plain_http", Tested(TRUST, "plain_http_carries_a_key_to_this_machine_only_unless_allowed")),
];

const LIMITS: &str = "limits.rules = [{ scope = 'tenant', meter = 'calls', window = 'day', cap = 7 }]";
const LARGE: &str = "nexus-providers/src/bootstrap/config/tests.rs";

/// Fields of a tenant's section.
const TENANT: &[(&str, Effect)] = &[
    ("route.primary", Changes("[tenants.acme]", "[tenants.acme.route]\nprimary = 'fake'")),
    (
        "route.fallbacks",
        Changes("[tenants.acme]", "[tenants.acme.route]\nprimary = 'extractive'\nfallbacks = ['fake']"),
    ),
    (
        "route.allowed_providers",
        Changes(
            "[tenants.acme]",
            "[tenants.acme.route]\nprimary = 'extractive'\nallowed_providers = ['extractive']",
        ),
    ),
    (
        "route.cheaper.provider",
        Changes(
            "[tenants.acme]",
            "[tenants.acme.route]\nprimary = 'extractive'\ncheaper = { provider = 'fake' }",
        ),
    ),
    (
        "route.cheaper.model",
        Changes(
            "[tenants.acme.route]\nprimary = 'extractive'\ncheaper = { provider = 'fake' }",
            "[tenants.acme.route]\nprimary = 'extractive'\ncheaper = { provider = 'fake', model = 'm' }",
        ),
    ),
    ("quotas", Tested(LARGE, "a_tenants_quotas_become_its_limits_in_the_operators_rate_window")),
    (
        "quotas_file",
        Tested("nexus-providers/src/bootstrap/tests.rs", "files_that_the_configuration_names_lie_beside_it"),
    ),
    (
        "limits",
        Changes(
            "[tenants.acme]",
            "[tenants.acme]\nlimits = [{ scope = 'tenant', meter = 'calls', window = 'day', cap = 7 }]",
        ),
    ),
    ("distillation", Changes("[tenants.acme]", "[tenants.acme]\ndistillation = true")),
];

/// Fields of a limit.
const LIMIT: &[(&str, Effect)] = &[
    (
        "scope",
        Changes(LIMITS, "limits.rules = [{ scope = 'user', meter = 'calls', window = 'day', cap = 7 }]"),
    ),
    (
        "id",
        Changes(
            LIMITS,
            "limits.rules = [{ scope = 'tenant', id = 'acme', meter = 'calls', window = 'day', cap = 7 }]",
        ),
    ),
    (
        "model",
        Changes(
            LIMITS,
            "limits.rules = [{ scope = 'tenant', model = 'm', meter = 'calls', window = 'day', cap = 7 }]",
        ),
    ),
    (
        "meter",
        Changes(LIMITS, "limits.rules = [{ scope = 'tenant', meter = 'tokens', window = 'day', cap = 7 }]"),
    ),
    (
        "window",
        Changes(LIMITS, "limits.rules = [{ scope = 'tenant', meter = 'calls', window = 'month', cap = 7 }]"),
    ),
    (
        "cap",
        Changes(LIMITS, "limits.rules = [{ scope = 'tenant', meter = 'calls', window = 'day', cap = 8 }]"),
    ),
    (
        "usd",
        Changes(
            "limits.rules = [{ scope = 'tenant', window = 'day', usd = 7 }]",
            "limits.rules = [{ scope = 'tenant', window = 'day', usd = 8 }]",
        ),
    ),
    (
        "mode",
        Changes(
            LIMITS,
            "limits.rules = [{ scope = 'tenant', meter = 'calls', window = 'day', cap = 7, mode = 'shadow' }]",
        ),
    ),
];

#[test]
fn every_field_has_a_row() {
    let names =
        |rows: &[(&str, Effect)]| rows.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
    let fields = |fields: Vec<String>| fields.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(names(GENERAL), fields(missing::<Config>("", &[], &[])));
    assert_eq!(names(PROVIDER), fields(missing::<ProviderConfig>("", &[], &[])));
    assert_eq!(names(LIMIT), fields(missing::<LimitConfig>("", &[], &[])));
    // Quotas have a format of their own, which their own tests cover.
    let tenant = missing::<TenantConfig>("", &[], &[]).into_iter();
    let tenant = tenant.map(|field| if field.starts_with("quotas.") { "quotas".to_owned() } else { field });
    assert_eq!(names(TENANT), tenant.collect());
}

#[test]
fn every_field_changes_a_request_or_a_behaviour() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (field, effect) in [GENERAL, PROVIDER, TENANT, LIMIT].into_iter().flatten() {
        match effect {
            Changes(without, with) => {
                let (without, with) = (runtime.block_on(made_of(without)), runtime.block_on(made_of(with)));
                assert!(without != with, "`{field}` changes nothing");
            }
            Tested(file, name) => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
                let source = std::fs::read_to_string(&path).unwrap();
                assert!(source.contains(&format!("fn {name}(")), "`{field}`: {file} has no `{name}`");
            }
        }
    }
}

/// Returns what the library makes of a configuration: its settings, and the requests that its providers send.
async fn made_of(text: &str) -> String {
    let vendor = Scripted::start().await.unwrap();
    let text = text.replace("URL", &vendor.url());
    let env = Environment::from([("MINE", "sk-mine")]);
    let config = Config::parse(&text, &env).unwrap();
    let gateway = config.gateway_settings().unwrap();
    let mut made = format!(
        "{gateway:?}\n{:?}\n{:?}\n{:?}\n{}",
        config.retention.retention(),
        config.cache.max_bytes(),
        config.documents.limits(),
        config.documents.max_bytes()
    );
    writeln!(made, "{:?}\n{:?}", config.audit.reads, config.estimates.token_chars_ratio).unwrap();
    match routing(&config, &[]).await {
        Err(error) => made += error.code(),
        Ok(routing) => {
            for tenant in ["acme", "other"] {
                writeln!(made, "{:?}", routing.route(tenant)).unwrap();
            }
            for (name, provider) in routing.providers() {
                writeln!(made, "{name} {} {:?}", provider.name(), provider.info(provider.model())).unwrap();
                if text.contains(&vendor.url()) {
                    let _ = provider.complete(Request::asking("How long?")).await;
                }
            }
        }
    }
    if let Some(embedder) = embedder(&config).await.unwrap() {
        writeln!(made, "{} {} {}", embedder.model(), embedder.dimension(), embedder.token_limit()).unwrap();
        if text.contains(&vendor.url()) {
            let _ = embedder.embed(EmbedRole::Query, &["How long?"]).await;
        }
    }
    if let Some(speech) = speech(&config).unwrap() {
        writeln!(made, "{} {}", speech.name(), speech.model()).unwrap();
        if text.contains(&vendor.url()) {
            let _ = speech.speak("How long?").await;
        }
    }
    for request in vendor.requests() {
        let headers =
            ["authorization", "openai-organization"].map(|name| request.header(name).map(str::to_owned));
        writeln!(made, "{} {:?} {}", request.path, headers, request.json()).unwrap();
    }
    made.replace(&vendor.url(), "URL")
}
