//! Providers that are called, and providers that need to be named.

use futures::executor::block_on;
use nexus_core::Error;
use nexus_core::price::PriceTable;

use super::*;
use crate::bootstrap::Environment;
use crate::bootstrap::config::ProviderKind;

const NOTHING: [(&str, &str); 0] = [];
const KEY: (&str, &str) = ("OPENAI_API_KEY", "sk-0123456789");

fn config<const N: usize>(text: &str, env: [(&str, &str); N]) -> Config {
    Config::parse(text, &Environment::from(env)).unwrap()
}

fn route(config: &Config, wanted: Option<&str>) -> Result<Routing> {
    let wanted: Vec<String> = wanted.map(str::to_owned).into_iter().collect();
    block_on(routing(config, &wanted))
}

fn embeds(config: &Config) -> Result<Option<Arc<dyn Embedder>>> {
    block_on(embedder(config))
}

/// Returns the names of the providers, and the primary one.
#[track_caller]
fn providers(config: &Config, wanted: Option<&str>) -> (Vec<String>, String) {
    let routing = route(config, wanted).unwrap();
    let names = routing.providers().map(|(name, _)| name.to_owned()).collect();
    let caller = nexus_core::Principal::user("acme", "ada").unwrap();
    (names, routing.route(caller.tenant_id()).primary.clone())
}

#[track_caller]
fn refused(config: &Config, wanted: Option<&str>, code: &str) -> Error {
    let error = route(config, wanted).unwrap_err();
    assert_eq!(error.code(), code, "{}", error.report());
    error
}

#[test]
fn a_key_in_the_environment_calls_no_provider_by_itself() {
    let (names, primary) = providers(&config("", [KEY]), None);
    assert_eq!((names, primary.as_str()), (vec!["extractive".to_owned(), "openai".to_owned()], "extractive"));
    let (names, _) = providers(&config("", NOTHING), None);
    assert_eq!(names, ["extractive"]);
    assert!(embeds(&config("", [KEY])).unwrap().is_none());
}

#[test]
fn the_usual_variable_or_the_file_names_who_is_asked() {
    let (_, primary) = providers(&config("", [KEY, ("LLM_PROVIDER", "openai")]), None);
    assert_eq!(primary, "openai");
    let (names, primary) = providers(&config("[llm]\nprimary = 'openai'\nfallbacks = ['fake']", [KEY]), None);
    assert_eq!((names.len(), primary.as_str()), (3, "openai"));
    let (names, _) = providers(&config("", NOTHING), Some("fake"));
    assert_eq!(names, ["extractive", "fake"]);
}

#[test]
fn a_provider_named_without_a_key_is_refused_by_name_with_the_variable_to_set() {
    for (text, wanted) in [
        ("[llm]\nprimary = 'openai'", None),
        ("[llm]\nfallbacks = ['openai']", None),
        ("[llm]\ncheaper = { provider = 'openai' }", None),
        ("[providers.openai]", None),
        ("[tenants.acme.route]\nprimary = 'openai'", None),
        ("", Some("openai")),
    ] {
        let error = refused(&config(text, NOTHING), wanted, "PROVIDER_KEY_MISSING");
        assert!(error.message().contains("`openai`") && error.hint().unwrap().contains("OPENAI_API_KEY"));
    }
    let text = "[providers.mine]\ntype = 'openai_compatible'\nendpoint = 'http://h/v1'\nmodel = 'm'\nkey_env = 'MINE'";
    let error = refused(&config(text, NOTHING), None, "PROVIDER_KEY_MISSING");
    assert!(error.hint().unwrap().contains("MINE"));
}

#[test]
fn a_provider_says_what_it_takes_to_reach_it() {
    let compatible = "[providers.mine]\ntype = 'openai_compatible'\n";
    refused(&config(compatible, NOTHING), None, "PROVIDER_ENDPOINT_MISSING");
    let placed = format!("{compatible}endpoint = 'http://h/v1'\n");
    refused(&config(&placed, NOTHING), None, "PROVIDER_MODEL_MISSING");
    refused(&config(&format!("{compatible}endpoint = 'h'\nmodel = 'm'"), NOTHING), None, "PROVIDER_URL");
    refused(&config("[llm]\nprimary = 'vertex'", NOTHING), None, "PROVIDER_ENDPOINT_MISSING");
    refused(&config("[llm]\nprimary = 'missing'", NOTHING), None, "PROVIDER_UNKNOWN");
    let not_allowed = "[llm]\nprimary = 'fake'\nallowed_providers = ['extractive']";
    refused(&config(not_allowed, NOTHING), None, "INVALID_ROUTE");
    let mine = config(&format!("{placed}model = 'm'"), NOTHING);
    let routing = route(&mine, None).unwrap();
    let (_, provider) = routing.providers().find(|(name, _)| *name == "mine").unwrap();
    assert_eq!((provider.name(), provider.model()), ("mine", "m"));
}

#[test]
fn each_type_has_the_name_that_its_price_goes_by() {
    let text = "
        [providers.a]
        type = 'vllm'
        model = 'm'
        [providers.b]
        type = 'llama_cpp'
        model = 'm'
        [providers.c]
        type = 'lm_studio'
        model = 'm'
        [providers.d]
        type = 'fake'
        [providers.e]
        type = 'openai'
        [providers.f]
        type = 'anthropic'
        key = 'k'
        [providers.g]
        type = 'gemini'
        key = 'k'
        [providers.h]
        type = 'ollama'
    ";
    let config = config(text, [KEY]);
    let prices = config.gateway_settings().unwrap().prices;
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    for (name, provider) in route(&config, None).unwrap().providers() {
        let info = provider.info(provider.model());
        let price = prices.of_call(provider.name(), provider.model(), info.is_local, now);
        assert!(price.is_some(), "{name}: {} {}", provider.name(), provider.model());
    }
}

#[test]
fn a_tenants_own_route_holds_for_it_alone() {
    let config = config("[tenants.acme.route]\nprimary = 'fake'", NOTHING);
    let routing = route(&config, None).unwrap();
    let primary = |tenant| {
        let caller = nexus_core::Principal::user(tenant, "ada").unwrap();
        routing.route(caller.tenant_id()).primary.clone()
    };
    assert_eq!((primary("acme").as_str(), primary("other").as_str()), ("fake", "extractive"));
}

#[test]
fn an_embedder_knows_its_dimension_or_is_given_it() {
    let dimension = |text: &str| embeds(&config(text, [KEY])).unwrap().unwrap().dimension();
    let openai = "[llm]\nembedder = 'openai'\n[providers.openai]\n";
    assert_eq!(dimension(openai), 1_536);
    assert_eq!(dimension(&format!("{openai}embedding_model = 'text-embedding-3-large'")), 3_072);
    assert_eq!(dimension(&format!("{openai}embedding_dimension = 256")), 256);
    let shortened = embeds(&config(&format!("{openai}embedding_dimension = 256"), [KEY])).unwrap().unwrap();
    assert_eq!(shortened.model().as_str(), "text-embedding-3-small@256");
    assert_eq!(dimension("[llm]\nembedder = 'ollama'"), 768);
    assert_eq!(dimension("[llm]\nembedder = 'gemini'\n[providers.gemini]\nkey = 'k'"), 768);
    for text in [
        "[llm]\nembedder = 'extractive'",
        "[llm]\nembedder = 'anthropic'",
        "[llm]\nembedder = 'ollama'\n[providers.ollama]\nembedding_model = 'unknown'",
        "[llm]\nembedder = 'vllm'",
        "[llm]\nembedder = 'vllm'\n[providers.vllm]\nembedding_model = 'unknown'",
    ] {
        assert_eq!(embeds(&config(text, NOTHING)).unwrap_err().code(), "EMBEDDER_UNSUPPORTED", "{text}");
    }
}

#[test]
fn speech_is_off_by_default() {
    assert!(speech(&config("", [KEY])).unwrap().is_none());
    assert!(speech(&config("", [("TTS_PROVIDER", "none")])).unwrap().is_none());
    assert_eq!(speech(&config("", [("TTS_PROVIDER", "fake")])).unwrap().unwrap().name(), "fake");
    let env = [KEY, ("TTS_PROVIDER", "openai"), ("OPENAI_TTS_MODEL", "tts-1"), ("OPENAI_TTS_VOICE", "nova")];
    assert_eq!(speech(&config("", env)).unwrap().unwrap().model(), "tts-1");
    let keyless = speech(&config("", [("TTS_PROVIDER", "openai")])).unwrap_err();
    assert_eq!(keyless.code(), "PROVIDER_KEY_MISSING");
    let deaf = speech(&config("[speech]\nprovider = 'extractive'", NOTHING)).unwrap_err();
    assert_eq!(deaf.code(), "SPEECH_UNSUPPORTED");
}

#[test]
fn the_ways_to_a_vendor_are_checked_at_the_start() {
    let with = |line: &str| config(&format!("[providers.openai]\nkey_env = 'OPENAI_API_KEY'\n{line}"), [KEY]);
    refused(&with("ca_file = '/nowhere/ca.pem'"), None, "CA_CERTIFICATE");
    refused(&with("proxy = 'http://['"), None, "PROXY");
    refused(&with("endpoint = 'https://user:pass@h/v1'"), None, "PROVIDER_URL");
    route(&with("proxy = 'none'\nconnect_timeout_ms = 100"), None).unwrap();
}

#[test]
fn a_provider_whose_key_would_go_astray_is_refused_only_where_it_is_named() {
    let file = "[llm]\nprimary = 'openai'\n[providers.openai]\nendpoint = 'https://elsewhere.example/v1'";
    refused(&config(file, [KEY]), None, "WEAKER_SOURCE");
    let embeds_only = format!("{}\n", file.replace("primary", "embedder"));
    let error = embeds(&config(&embeds_only, [KEY])).unwrap_err();
    assert_eq!(error.code(), "WEAKER_SOURCE");
    let speaks = config("[providers.openai]\nca_file = 'ca.pem'", [KEY, ("TTS_PROVIDER", "openai")]);
    assert_eq!(speech(&speaks).unwrap_err().code(), "WEAKER_SOURCE");
    route(&config(&format!("{file}\nkey_env = 'OPENAI_API_KEY'"), [KEY]), None).unwrap();
    let plain = [KEY, ("OPENAI_BASE_URL", "http://elsewhere.example/v1")];
    refused(&config("", plain), Some("openai"), "PLAIN_HTTP");
    let (names, _) = providers(&config("", plain), None);
    assert_eq!(names, ["extractive"], "a key that is merely known stops nothing");
}

#[test]
fn the_usual_model_of_each_vendor_is_that_of_the_library_and_has_a_price() {
    let (prices, now) = (PriceTable::shipped().unwrap(), "2026-11-21T00:00:00Z".parse().unwrap());
    for (kind, name, usual) in [
        (ProviderKind::OpenAi, "openai", crate::openai::OpenAi::DEFAULT_MODEL),
        (ProviderKind::Anthropic, "anthropic", crate::anthropic::MODEL),
        (ProviderKind::Gemini, "gemini", crate::gemini::MODEL),
    ] {
        assert_eq!(kind.model(), Some(usual));
        assert!(prices.find(name, usual, now).is_some(), "{usual} has no price");
    }
    assert_eq!(ProviderKind::Ollama.model(), Some(crate::ollama::MODEL));
}
