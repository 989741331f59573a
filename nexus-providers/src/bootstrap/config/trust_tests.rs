//! Destinations of a key, for each pair of the sources of both.

use super::*;
use crate::bootstrap::Environment;

const VARIABLE: &str = "OPENAI_API_KEY";
const NAMED: &str = "NAMED_KEY";

/// Source of a value in a test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    Nowhere,
    Found,
    File,
    /// The file names the variable, and the environment sets it.
    FileByName,
    Variable,
}

/// Returns a configuration whose file, environment and found `.env` set `way` and the key, each at its source.
fn configured(key: From, way: From, field: &str, value: &str) -> Config {
    let by_path = format!("NEXUS__PROVIDERS__OPENAI__{}", field.to_ascii_uppercase());
    let (mut text, mut found) = (vec!["[providers.openai]".to_owned()], Vec::new());
    let mut variables = Vec::new();
    match way {
        From::File => text.push(format!("{field} = '{value}'")),
        From::Variable => variables.push((by_path, value.to_owned())),
        From::Found => {
            let names = [by_path.as_str(), "OPENAI_BASE_URL", "HTTPS_PROXY"];
            found.extend(names.map(|name| format!("{name}={value}")));
        }
        From::Nowhere | From::FileByName => {}
    }
    match key {
        From::File => text.push("key = 'sk-0123456789'".to_owned()),
        From::FileByName => {
            text.push(format!("key_env = '{NAMED}'"));
            variables.push((NAMED.to_owned(), "sk-0123456789".to_owned()));
        }
        From::Variable => variables.push((VARIABLE.to_owned(), "sk-0123456789".to_owned())),
        From::Found => found.push(format!("{VARIABLE}=sk-0123456789")),
        From::Nowhere => {}
    }
    let env = variables
        .into_iter()
        .fold(Environment::from([("", ""); 0]), |env, (name, value)| env.and(&name, &value));
    Config::parse(&text.join("\n"), &env.beside(&found.join("\n"))).unwrap()
}

fn checked(config: &Config) -> Result<()> {
    config.check_way("openai", ProviderKind::OpenAi, &config.providers["openai"])
}

#[test]
fn a_key_never_goes_where_only_a_weaker_source_says() {
    let elsewhere = [
        ("endpoint", "https://elsewhere.example/v1"),
        ("proxy", "http://elsewhere.example:3128"),
        ("ca_file", "elsewhere.pem"),
    ];
    for (field, value) in elsewhere {
        for key in [From::Nowhere, From::Found, From::File, From::FileByName, From::Variable] {
            for way in [From::Nowhere, From::Found, From::File, From::Variable] {
                let config = configured(key, way, field, value);
                let provider = &config.providers["openai"];
                assert_eq!(provider.key.is_some(), key != From::Nowhere, "{key:?}");
                // A found file sets no address of a vendor.
                let is_set = provider.leads_elsewhere(field);
                assert_eq!(is_set, matches!(way, From::File | From::Variable), "{field} {way:?}");
                let is_refused = key == From::Variable && way == From::File;
                let said = checked(&config);
                assert_eq!(said.is_err(), is_refused, "key {key:?}, {field} {way:?}: {said:?}");
                if let Err(error) = said {
                    assert_eq!(error.code(), "WEAKER_SOURCE");
                    let both = ["nexus.toml", "environment (OPENAI_API_KEY)", "`openai`"];
                    assert!(both.iter().all(|part| error.message().contains(part)), "{error}");
                    assert!(error.hint().unwrap().contains("key_env = \"OPENAI_API_KEY\""));
                }
            }
        }
    }
}

#[test]
fn a_refusal_for_a_weaker_source_tells_how_the_key_may_go_there() {
    let refusal = |field: &str, variables: Environment| {
        let text = format!("[providers.openai]\n{field} = 'https://elsewhere.example/v1'");
        let config = Config::parse(&text, &variables).unwrap();
        (text, checked(&config).unwrap_err())
    };
    let by_path = "NEXUS__PROVIDERS__OPENAI__KEY";
    for field in ["endpoint", "proxy", "ca_file"] {
        let key = || Environment::from([(by_path, "sk-0123456789")]);
        let (text, error) = refusal(field, key());
        assert!(error.message().contains("nexus.toml") && error.message().contains(by_path), "{error}");
        let (named, moved) = (
            format!("key_env = \"{by_path}\""),
            format!("NEXUS__PROVIDERS__OPENAI__{}", field.to_uppercase()),
        );
        let hint = error.hint().unwrap();
        assert!(hint.contains(&named) && hint.contains(&moved), "{hint}");
        // Each of the two hints solves it.
        checked(&Config::parse(&format!("{text}\n{named}"), &key()).unwrap()).unwrap();
        checked(&Config::parse(&text, &key().and(&moved, "https://elsewhere.example/v1")).unwrap()).unwrap();
    }
    let named = Environment::from([("NEXUS__PROVIDERS__OPENAI__KEY_ENV", NAMED), (NAMED, "sk-0123456789")]);
    let (_, error) = refusal("endpoint", named);
    assert!(!error.hint().unwrap().contains("key_env ="), "the environment's word for it wins: {error:?}");
}

#[test]
fn a_missing_key_is_told_with_where_it_was_looked_for_and_where_it_would_go() {
    let missing = |text: &str, variables: Environment| {
        let config = Config::parse(text, &variables).unwrap();
        config.key_missing("openai", ProviderKind::OpenAi, &config.providers["openai"])
    };
    let none = || Environment::from([("", ""); 0]);
    let check = |error: &Error, message: &str, hint: &str| {
        assert_eq!(
            (error.code(), error.message(), error.hint()),
            ("PROVIDER_KEY_MISSING", message, Some(hint))
        );
    };
    check(
        &missing("[providers.openai]", none()),
        "the provider `openai` has no key: `OPENAI_API_KEY` is not set; its endpoint is the default of its type",
        "set `OPENAI_API_KEY`, or name another variable with `key_env`",
    );
    let elsewhere = "[providers.openai]\nendpoint = 'https://elsewhere.example/v1'\n";
    check(
        &missing(elsewhere, none()),
        "the provider `openai` has no key: `OPENAI_API_KEY` is not set; its endpoint is from nexus.toml",
        "set `OPENAI_API_KEY`, and write `key_env = \"OPENAI_API_KEY\"` into `[providers.openai]`, where the endpoint is",
    );
    check(
        &missing(&format!("{elsewhere}key_env = 'NAMED_KEY'"), none()),
        "the provider `openai` has no key: `NAMED_KEY`, which `key_env` in nexus.toml names, is not set; its endpoint is from \
         nexus.toml",
        "set `NAMED_KEY`",
    );
    let variable = Environment::from([("OPENAI_BASE_URL", "https://elsewhere.example/v1")]);
    check(
        &missing("[providers.openai]", variable),
        "the provider `openai` has no key: `OPENAI_API_KEY` is not set; its endpoint is from environment (OPENAI_BASE_URL)",
        "set `OPENAI_API_KEY`, or name another variable with `key_env`",
    );
}

#[test]
fn every_origin_has_its_strength() {
    let order = [
        Origin::Default,
        Origin::FoundEnvFile(".env".into()),
        Origin::ConfigFile("nexus.toml".into()),
        Origin::Environment,
        Origin::CommandLine,
    ];
    assert!(order.is_sorted_by(|one, other| one.strength() < other.strength()));
    assert_eq!(Origin::EnvFile("f".into()).strength(), Origin::Environment.strength());
}

#[test]
fn no_proxy_leads_nowhere() {
    checked(&configured(From::Variable, From::File, "proxy", "none")).unwrap();
}

#[test]
fn credentials_of_google_are_a_key_like_any_other() {
    let vertex = |text: &str, env: Environment| {
        let config = Config::parse(&format!("[providers.vertex]\n{text}"), &env).unwrap();
        config.check_way("vertex", ProviderKind::Vertex, &config.providers["vertex"])
    };
    let named = || Environment::from([("GOOGLE_APPLICATION_CREDENTIALS", "/adc.json")]);
    let elsewhere = "endpoint = 'https://elsewhere.example'\n";
    assert_eq!(vertex(elsewhere, named()).unwrap_err().code(), "WEAKER_SOURCE");
    vertex(&format!("{elsewhere}credentials_file = 'adc.json'"), named()).unwrap();
    vertex(elsewhere, Environment::from([("", ""); 0])).unwrap();
    let plain = vertex("endpoint = 'http://elsewhere.example'", Environment::from([("", ""); 0]));
    assert_eq!(plain.unwrap_err().code(), "PLAIN_HTTP");
}

#[test]
fn plain_http_carries_a_key_to_this_machine_only_unless_allowed() {
    let check = |fields: &str, code: Option<&str>| {
        let text = format!("[providers.openai]\nkey = 'sk-0123456789'\n{fields}");
        let config = Config::parse(&text, &Environment::from([("", ""); 0])).unwrap();
        let said = checked(&config);
        assert_eq!(said.as_ref().err().map(Error::code), code, "{fields}: {said:?}");
    };
    for near in [
        "127.0.0.1:1",
        "127.8.8.8",
        "localhost:8000",
        "[::1]:80",
        "[::ffff:127.0.0.1]",
        "a.localhost",
        "0.0.0.0:1",
    ] {
        check(&format!("endpoint = 'http://{near}/v1'"), None);
    }
    for far in
        ["vendor.example", "10.0.0.1", "[fe80::1]", "localhost.example", "127.0.0.1.example", "167772161"]
    {
        check(&format!("endpoint = 'http://{far}/v1'"), Some("PLAIN_HTTP"));
        check(&format!("endpoint = ' HTTP://{far}/v1'"), Some("PLAIN_HTTP"));
        check(&format!("endpoint = 'https://{far}/v1'"), None);
        check(&format!("endpoint = 'http://{far}/v1'\nallow_plain_http = true"), None);
        check(&format!("endpoint = 'http://{far}/v1'\nallow_plain_http = false"), Some("PLAIN_HTTP"));
    }
    check("endpoint = 'http://127.0.0.1/v1'\nproxy = 'http://proxy.example:3128'", Some("PLAIN_HTTP"));
    check("endpoint = 'http://127.0.0.1/v1'\nproxy = 'http://127.0.0.1:3128'", None);
    check("endpoint = 'https://vendor.example/v1'\nproxy = 'http://proxy.example:3128'", None);
}

#[test]
fn an_address_of_ollama_without_a_scheme_is_plain_http() {
    let text = "[providers.ollama]\nkey = 'k-0123456789'\nendpoint = 'gpu-1:11434'";
    let config = Config::parse(text, &Environment::from([("", ""); 0])).unwrap();
    let said = config.check_way("ollama", ProviderKind::Ollama, &config.providers["ollama"]);
    assert_eq!(said.unwrap_err().code(), "PLAIN_HTTP");
}

#[test]
fn a_server_at_its_usual_place_is_plain_http_as_well() {
    let text = "[providers.vllm]\nmodel = 'm'\nkey = 'k-0123456789'\nproxy = 'http://proxy.example:3128'";
    let config = Config::parse(text, &Environment::from([("", ""); 0])).unwrap();
    let said = config.check_way("vllm", ProviderKind::Vllm, &config.providers["vllm"]);
    assert_eq!(said.unwrap_err().code(), "PLAIN_HTTP");
}

#[test]
fn a_found_file_never_permits_plain_http() {
    let env =
        Environment::from([("OPENAI_BASE_URL", "http://elsewhere.example/v1"), (VARIABLE, "sk-0123456789")]);
    let found = "NEXUS__PROVIDERS__OPENAI__ALLOW_PLAIN_HTTP=true";
    let config = Config::parse("", &env.clone().beside(found)).unwrap();
    assert_eq!(checked(&config).unwrap_err().code(), "PLAIN_HTTP");
    let config = Config::parse("", &env.and(found.split('=').next().unwrap(), "true")).unwrap();
    checked(&config).unwrap();
}
