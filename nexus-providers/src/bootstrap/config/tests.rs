//! Meaning of the configuration, and its errors.

use std::time::Duration;

use nexus_core::cache::CacheSettings;
use nexus_core::gateway::{GatewaySettings, InvestigationPolicy};
use nexus_core::quota::{Cap, LimitMode, Meter, ScopeKind, Window};
use nexus_core::{NanoUsd, Timestamp};

use super::*;

const NOTHING: [(&str, &str); 0] = [];

#[track_caller]
fn settings<const N: usize>(text: &str, env: [(&str, &str); N]) -> GatewaySettings {
    Config::parse(text, &Environment::from(env)).unwrap().gateway_settings().unwrap()
}

#[track_caller]
fn refused<const N: usize>(text: &str, env: [(&str, &str); N], code: &str) -> Error {
    let error = Config::parse(text, &Environment::from(env)).unwrap_err();
    assert_eq!(error.code(), code, "{}", error.report());
    error
}

/// Returns the effective caps by scope and window, in the order of limits.
fn caps(settings: &GatewaySettings) -> Vec<(ScopeKind, Window, i64)> {
    settings
        .limits
        .iter()
        .map(|limit| (limit.subject.scope, limit.subject.window, limit.cap.into()))
        .collect()
}

#[test]
fn nothing_said_is_the_defaults() {
    let settings = settings("", NOTHING);
    assert_eq!(
        caps(&settings),
        [
            (ScopeKind::User, Window::Month, 25_000_000_000),
            (ScopeKind::Investigation, Window::Total, 300_000_000),
        ]
    );
    assert_eq!((settings.max_tokens, settings.retry.attempts), (1_024, 3));
    assert_eq!(settings.deadlines.total, Duration::from_mins(2));
    assert_eq!(settings.investigation, InvestigationPolicy::Block);
}

#[test]
fn every_section_reaches_the_boundary() {
    let text = r#"
        [llm]
        max_tokens = 512
        [deadlines]
        first_event_ms = 1
        idle_ms = 2
        total_ms = 3
        store_ms = 10
        [retry]
        attempts = 4
        backoff_ms = 5
        longest_ms = 6
        [breaker]
        failures = 7
        open_seconds = 8
        trials = 9
        [limits]
        user_monthly_usd = "unlimited"
        investigation_usd = "0.05"
        investigation_policy = "degrade"
        zone = "Europe/Berlin"
        [[limits.rules]]
        scope = "tenant"
        id = "acme"
        model = "gpt-4o"
        meter = "tokens"
        window = "90s"
        cap = 1000
        mode = "shadow"
        [shutoff]
        tenant_hourly_usd = 100
        error_percent = 50
        lasts_seconds = 60
    "#;
    let settings = settings(text, NOTHING);
    let deadlines = settings.deadlines;
    let waits = [deadlines.first_event, deadlines.idle, deadlines.total, deadlines.store];
    assert_eq!(waits.map(|wait| wait.as_millis()), [1, 2, 3, 10]);
    assert_eq!(settings.retry.backoff, Duration::from_millis(5));
    assert_eq!((settings.max_tokens, settings.retry.attempts), (512, 4));
    assert_eq!((settings.breaker.failures, settings.breaker.half_open_calls), (7, 9));
    assert_eq!(
        (settings.breaker.open_for, settings.retry.max_backoff.as_millis()),
        (Duration::from_secs(8), 6)
    );
    assert_eq!(settings.investigation, InvestigationPolicy::Degrade);
    assert_eq!(settings.zone.day("2026-03-01T23:30:00Z".parse().unwrap()), "2026-03-02");
    let rule = settings.limits.iter().find(|limit| limit.subject.scope == ScopeKind::Tenant).unwrap();
    assert_eq!(
        (rule.subject.meter, rule.cap, rule.mode),
        (Meter::Tokens, Cap::Limited(1000), LimitMode::Shadow)
    );
    assert_eq!((rule.subject.id.as_deref(), rule.subject.model.as_deref()), (Some("acme"), Some("gpt-4o")));
    assert!(caps(&settings).contains(&(ScopeKind::User, Window::Month, -1)));
    assert!(caps(&settings).contains(&(ScopeKind::Investigation, Window::Total, 50_000_000)));
    assert_eq!(settings.auto_trip.tenant_spend, Some(NanoUsd::from_nanos(100_000_000_000)));
    assert_eq!((settings.auto_trip.error_percent, settings.auto_trip.lasts_seconds), (Some(50), Some(60)));
}

#[test]
fn a_cache_has_512_mb_and_answers_serve_for_an_hour_by_default() {
    let config = |text: &str| Config::parse(text, &Environment::from(NOTHING)).unwrap();
    assert_eq!(config("").cache.max_bytes(), Some(512 << 20));
    let usual = settings("", NOTHING).cache;
    assert_eq!((usual.answer_ttl, usual.embedding_ttl), (Duration::from_hours(1), Duration::from_hours(24)));
    assert_eq!(usual.semantic_threshold, None);
    let set = "llm.embedder = 'ollama'\n[cache]\nmax_mb = 3\nanswers_seconds = 0\nembeddings_seconds = 5\n\
                semantic_threshold = 0.97";
    assert_eq!(config(set).cache.max_bytes(), Some(3 << 20));
    let set = settings(set, NOTHING).cache;
    assert_eq!((set.answer_ttl, set.embedding_ttl), (Duration::ZERO, Duration::from_secs(5)));
    assert_eq!(set.semantic_threshold.map(f64::from), Some(0.97));
    let env = [("NEXUS__CACHE__SEMANTIC_THRESHOLD", "0.5"), ("NEXUS__LLM__EMBEDDER", "ollama")];
    let by_variable = settings("", env).cache.semantic_threshold;
    assert_eq!(by_variable.map(f64::from), Some(0.5));
    let off = config("[cache]\nenabled = false");
    assert_eq!((off.cache.max_bytes(), off.gateway_settings().unwrap().cache), (None, CacheSettings::off()));
}

#[test]
fn names_that_people_bring_are_honoured_and_a_path_has_the_last_word() {
    let env = [
        ("EXT_CALL_TIMEOUT_MS", "9000"),
        ("EXT_RETRY_MAX_ATTEMPTS", "2"),
        ("EXT_RETRY_BACKOFF_MS", "10"),
        ("CB_FAILURE_THRESHOLD", "5"),
        ("CB_OPEN_SECONDS", "20"),
        ("CB_HALF_OPEN_TRIALS", "3"),
        ("NEXUS__RETRY__ATTEMPTS", "7"),
        ("NEXUS__LIMITS__USER_MONTHLY_USD", "0.30"),
        ("NEXUS__LIMITS__INVESTIGATION_USD", "2"),
    ];
    let settings = settings("[retry]\nattempts = 1\n[breaker]\nfailures = 1", env);
    assert_eq!(settings.deadlines.total, Duration::from_secs(9));
    assert_eq!((settings.retry.attempts, settings.retry.backoff), (7, Duration::from_millis(10)));
    assert_eq!((settings.breaker.failures, settings.breaker.half_open_calls), (5, 3));
    assert_eq!(settings.breaker.open_for, Duration::from_secs(20));
    assert_eq!(caps(&settings).iter().map(|cap| cap.2).collect::<Vec<_>>(), [300_000_000, 2_000_000_000]);
}

#[test]
fn an_unknown_field_is_an_error_that_says_where() {
    for (text, field) in [
        ("tenent = 'a'", "tenent"),
        ("[llm]\nprimery = 'a'", "primery"),
        ("[providers.openai]\nmodle = 'a'", "modle"),
        ("[tenants.a.route]\nprimary = 'extractive'\nfallback = []", "fallback"),
        ("[tenants.a.quotas.limits]\nmax_calls = 1", "max_calls"),
        ("[[limits.rules]]\nscope = 'user'\nwindow = 'day'\nusd = 1\nper = 'day'", "per"),
        ("[[pricing.rows]]\nprovider = 'vllm'\nmodel = 'b'\nrates = { input = 1, outputs = 1 }", "outputs"),
    ] {
        let error = refused(text, NOTHING, "INVALID_CONFIG");
        assert!(error.message().contains(&format!("unknown field `{field}`")), "{error}");
    }
    let error = refused("", [("NEXUS__RETRY__ATEMPTS", "1")], "INVALID_CONFIG");
    assert!(error.message().contains("atempts") && error.message().contains("variables"), "{error}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for text in [
        "[limits]\nuser_monthly_usd = 0.3",
        "[limits]\nzone = 'Mars/Olympus'",
        "[limits]\nrate_window_seconds = 0",
        "[retry]\nattempts = 0",
        "[deadlines]\ntotal_ms = 0",
        "[cache]\nmax_mb = 0",
        "[cache]\nsemantic_threshold = 0.9",
        "[cache]\nsemantic_threshold = 0",
        "[cache]\nsemantic_threshold = '1.5'",
        "[shutoff]\nerror_percent = 101",
        "[[limits.rules]]\nscope = 'user'\nwindow = 'day'\nusd = 1\ncap = 1",
        "[[limits.rules]]\nscope = 'user'\nwindow = 'day'\nmeter = 'money'\ncap = 1",
        "[[limits.rules]]\nscope = 'user'\nwindow = 'day'\nmeter = 'calls'",
        "[[limits.rules]]\nscope = 'user'\nwindow = 'week'\nmeter = 'calls'\ncap = 1",
        "[providers.mine]\nmodel = 'a'",
        "[providers.ollama]\norganisation = 'a'",
        "[providers.extractive]\nmodel = 'a'",
        "[providers.openai]\nown_hardware = true",
        "[tenants.a]\nquotas_file = 'a'\n[tenants.a.quotas]",
    ] {
        refused(text, NOTHING, "INVALID_CONFIG");
    }
    refused("", [("CB_OPEN_SECONDS", "soon")], "INVALID_SETTING");
    for path in ["NEXUS____PRIMARY", "NEXUS__", "NEXUS__TENANT__ID"] {
        refused("tenant = 'acme'", [(path, "x")], "INVALID_CONFIG");
    }
}

#[test]
fn no_error_quotes_a_line_that_may_hold_a_secret() {
    for text in
        ["[providers.openai]\nkey = 'sk-0123456789\n", "[providers.openai]\nkey = \"sk-0123456789\"\nx = 1"]
    {
        let error = refused(text, NOTHING, "INVALID_CONFIG");
        assert!(!error.report().contains("0123456789"), "{}", error.report());
    }
    let config =
        Config::parse("[providers.openai]\nkey = 'sk-0123456789'", &Environment::from(NOTHING)).unwrap();
    assert!(!format!("{config:?}").contains("0123456789"));
    assert_eq!(config.secrets().count(), 1);
}

#[test]
fn a_variable_of_a_type_speaks_for_its_namesake_and_for_others_where_they_are_silent() {
    let text = "
        [providers.openai]
        key = 'from the file'
        [providers.second]
        type = 'openai'
        key = 'its own'
        [providers.third]
        type = 'openai'
        [providers.fourth]
        type = 'openai'
        key_env = 'FOURTH'
        [providers.other]
        type = 'openai_compatible'
    ";
    let env = Environment::from([("OPENAI_API_KEY", "usual"), ("FOURTH", "fourth")]);
    let config = Config::parse(text, &env).unwrap();
    let key = |name: &str| config.providers[name].key.as_ref().map(|key| key.expose().to_owned());
    let keys = ["openai", "second", "third", "fourth"].map(|name| key(name).unwrap());
    assert_eq!(keys, ["usual", "its own", "usual", "fourth"]);
    assert_eq!(key("other"), None);
}

#[test]
fn a_vendors_key_never_goes_to_a_provider_that_only_has_its_name() {
    let text = "[providers.openai]\ntype = 'openai_compatible'\nendpoint = 'https://elsewhere.example/v1'";
    let config = Config::parse(text, &Environment::from([("OPENAI_API_KEY", "usual")])).unwrap();
    assert!(config.providers["openai"].key.is_none());
}

#[test]
fn prices_are_dollars_for_a_million_tokens_and_a_ceiling_comes_last() {
    let text = "
        [pricing]
        ceiling = { input = 20, output = 100 }
        [[pricing.rows]]
        provider = 'openai'
        model = 'gpt-4o'
        rates = { input = '2.00', output = 8, cache_read = '0.5' }
        tiers = [{ above_input_tokens = 1000, rates = { input = 4, output = 16 } }]
        [[pricing.rows]]
        provider = 'openai'
        model = 'gpt-4o'
        valid_from = '2030-01-01T00:00:00Z'
        version = 'contract-7'
        rates = { input = 1, output = 1 }
    ";
    let prices = settings(text, NOTHING).prices;
    let price = |provider, model, at: &str| {
        let row = prices.find(provider, model, at.parse::<Timestamp>().unwrap()).unwrap();
        (row.version.clone(), row.rates.input)
    };
    let (now, later) = ("2024-06-01T00:00:00Z", "2030-06-01T00:00:00Z");
    assert_eq!(price("openai", "gpt-4o", now), ("nexus.toml".to_owned(), 2_000_000_000));
    assert_eq!(price("openai", "gpt-4o", later), ("contract-7".to_owned(), 1_000_000_000));
    assert_eq!(price("openai", "gpt-next", now), ("ceiling".to_owned(), 20_000_000_000));
}

const SERVERS: &str = "
    [providers.house]
    type = 'openai_compatible'
    endpoint = 'http://127.0.0.1:1/v1'
    [providers.barn]
    type = 'openai_compatible'
    endpoint = 'http://127.0.0.1:2/v1'
    [providers.mine]
    type = 'openai'
";

fn price_of(provider: &str, input: u32) -> String {
    format!("[[pricing.rows]]\nprovider = '{provider}'\nmodel = 'm'\nrates = {{ input = {input} }}\n")
}

#[test]
fn a_price_of_a_type_holds_for_every_server_of_it_without_a_price_by_name() {
    let text = format!("{SERVERS}{}{}", price_of("barn", 7), price_of("openai_compatible", 1));
    let prices = settings(&text, NOTHING).prices;
    let input = |provider| prices.find(provider, "m", Timestamp::from_micros(0)).unwrap().rates.input;
    assert_eq!((input("house"), input("barn")), (1_000_000_000, 7_000_000_000));
}

#[test]
fn a_price_that_no_call_could_have_is_refused() {
    for (provider, hint) in [("horse", "name a type (openai,"), ("mine", "name its type: `openai`")] {
        let error = refused(&format!("{SERVERS}{}", price_of(provider, 1)), NOTHING, "PRICE_OF_NONE");
        assert!(error.message().contains(&format!("`{provider}`")), "{error}");
        assert!(error.hint().unwrap().starts_with(hint), "{error}");
    }
    let error = refused(&price_of("openai_compatible", 1), NOTHING, "PRICE_OF_NONE");
    assert!(error.hint().unwrap().contains("or remove the price"), "{error}");
    for provider in ["*", "anthropic", "house"] {
        settings(&format!("{SERVERS}{}", price_of(provider, 1)), NOTHING);
    }
}

#[test]
fn a_tenants_quotas_become_its_limits_in_the_operators_rate_window() {
    let text = "
        [tenants.acme]
        distillation = true
        limits = [{ scope = 'user', window = 'day', usd = '1.50' }]
        [tenants.acme.quotas]
        llm_call_cost_units = 2
        rate_limits = { user_rpm = 20 }
    ";
    let tenant = &settings(text, [("RATE_LIMIT_WINDOW_S", "30")]).tenants["acme"];
    let limits: Vec<_> =
        tenant.limits.iter().map(|limit| (limit.subject.window, i64::from(limit.cap))).collect();
    assert_eq!(limits, [(Window::seconds(30), 20), (Window::Day, 1_500_000_000)]);
    assert!(tenant.distillation);
    assert_eq!(tenant.cost_units.of("any", 1), Some(2));
}

#[test]
fn what_the_book_shows_is_understood() {
    let book = include_str!("../../../../docs/configuration.md");
    let example = book.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = Config::parse(example, &Environment::from(NOTHING)).unwrap();
    assert_eq!(config.llm.fallbacks, ["gpu"]);
    let variables = include_str!("../../../../.env.example");
    let variables = variables.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let variables: Vec<(&str, &str)> = variables.filter(|(name, _)| !name.contains(' ')).collect();
    assert!(variables.len() > 15);
    for variable in variables {
        Config::parse("", &Environment::from([variable])).unwrap();
    }
}
