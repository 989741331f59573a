//! Rules of the bootstrap, each in a directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nexus_core::ErrorKind;

use super::config::ProviderKind;
use super::config::env_overrides::{NAMES, PROVIDER_NAMES};
use super::variables::{InFoundFile, VARIABLES, in_found_file};
use super::{Config, EnvFile, Environment, Origin, audit_keys, config_dir, settings::settings_from_env};

const NOTHING: [(&str, &str); 0] = [];

#[track_caller]
fn refused<T: std::fmt::Debug>(result: nexus_core::Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().code(), code);
}

#[test]
fn a_key_is_made_once_and_only_its_user_can_read_it() {
    let home = tempfile::tempdir().unwrap();
    let (config, data, env) =
        (home.path().join("a/config"), home.path().join("data"), Environment::from(NOTHING));
    let first = audit_keys(&env, &config, &data).unwrap();
    let made = first.made.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&made), mode(&config)), (0o600, 0o700));
    assert_eq!(fs::read_dir(&config).unwrap().count(), 1);
    let second = audit_keys(&env, &config, &data).unwrap();
    assert!(second.made.is_none());
    assert_eq!(second.ring.active_kid(), first.ring.active_kid());
}

#[test]
fn processes_that_make_the_key_at_once_agree_on_it() {
    let home = tempfile::tempdir().unwrap();
    let (config, data) = (home.path().join("config"), home.path().join("data"));
    let keys: Vec<(String, bool)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| audit_keys(&Environment::from(NOTHING), &config, &data).unwrap()))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, super::AuditKeys>| thread.join().unwrap();
        threads
            .into_iter()
            .map(join)
            .map(|keys| (keys.ring.active_kid().to_owned(), keys.made.is_some()))
            .collect()
    });
    assert!(keys.iter().all(|(kid, _)| *kid == keys[0].0), "{keys:?}");
    assert_eq!(keys.iter().filter(|(_, made)| *made).count(), 1);
}

#[test]
fn an_operators_key_comes_before_the_users_own() {
    let home = tempfile::tempdir().unwrap();
    let kid = |env: Environment| {
        audit_keys(&env, &home.path().join("config"), &home.path().join("data"))
            .unwrap()
            .ring
            .active_kid()
            .to_owned()
    };
    let secret = ("AUDIT_SECRET", "a secret of at least sixteen bytes");
    let ring = ("AUDIT_KEYS_JSON", r#"[{"kid":"2026","secret":"another secret of sixteen","active":true}]"#);
    assert_eq!(kid(Environment::from([secret, ring])), "2026");
    assert_eq!(kid(Environment::from([secret])), "k0");
    assert!(!home.path().join("config").exists(), "no key is made when one is given");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (config, data, env) =
        (home.path().join("config"), home.path().join("data"), Environment::from(NOTHING));
    let made = audit_keys(&env, &config, &data).unwrap().made.unwrap();
    fs::set_permissions(&made, fs::Permissions::from_mode(0o644)).unwrap();
    refused(audit_keys(&env, &config, &data), "AUDIT_KEYS");
}

#[test]
fn a_damaged_key_is_refused_rather_than_replaced() {
    let home = tempfile::tempdir().unwrap();
    let (config, data, env) =
        (home.path().join("config"), home.path().join("data"), Environment::from(NOTHING));
    let made = audit_keys(&env, &config, &data).unwrap().made.unwrap();
    fs::write(&made, "00").unwrap();
    refused(audit_keys(&env, &config, &data), "AUDIT_KEYS");
    assert_eq!(fs::read_to_string(&made).unwrap(), "00");
}

#[test]
fn no_key_is_made_in_the_data_directory() {
    let home = tempfile::tempdir().unwrap();
    let (config, env) = (home.path().join("config"), Environment::from(NOTHING));
    refused(audit_keys(&env, &config, home.path()), "AUDIT_KEYS");
    assert!(!config.exists());
}

#[test]
fn the_configuration_directory_follows_the_first_variable_that_is_set() {
    let all = [("NEXUS_CONFIG_DIR", "/n"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
    assert_eq!(config_dir(&Environment::from(all)).unwrap(), Path::new("/n"));
    assert_eq!(config_dir(&Environment::from([all[1], all[2]])).unwrap(), Path::new("/x/nexus"));
    assert_eq!(config_dir(&Environment::from([all[2]])).unwrap(), Path::new("/h/.config/nexus"));
    let relative = Environment::from([("XDG_CONFIG_HOME", "."), all[2]]);
    assert_eq!(config_dir(&relative).unwrap(), Path::new("/h/.config/nexus"), "never the working directory");
    refused(config_dir(&Environment::from(NOTHING)), "NO_CONFIG_DIR");
}

#[test]
fn a_configuration_says_who_and_where_or_nothing_at_all() {
    let home = tempfile::tempdir().unwrap();
    let read = |file: Option<&Path>, env: &Environment| Config::read(file, home.path(), env);
    let nothing = Environment::from(NOTHING);
    assert!(read(None, &nothing).unwrap().tenant.is_none());
    let file = home.path().join("nexus.toml");
    fs::write(&file, "tenant = 'acme'\nroles = ['reader']\ndata = '/srv/nexus'\n").unwrap();
    let config = read(None, &nothing).unwrap();
    assert_eq!((config.tenant.as_deref(), config.roles), (Some("acme"), vec!["reader".to_owned()]));
    let set = [("NEXUS_DATA", "/d"), ("NEXUS_USER", "eve"), ("NEXUS_ROLE", "reader, auditor")];
    let config = read(None, &Environment::from(set)).unwrap();
    assert_eq!((config.data.as_deref(), config.user.as_deref()), (Some(Path::new("/d")), Some("eve")));
    assert_eq!(config.roles, ["reader", "auditor"]);
    fs::write(&file, "tenent = 'acme'\n").unwrap();
    refused(read(None, &nothing), "INVALID_CONFIG");
}

#[test]
fn an_empty_variable_names_no_path() {
    let home = tempfile::tempdir().unwrap();
    let empty = ["NEXUS_CONFIG", "NEXUS_DATA", "NEXUS_ENV_FILE"].map(|name| (name, ""));
    let env = Environment::from(empty).with_env_file(&EnvFile::Unsaid, home.path()).unwrap();
    let config = Config::read(None, home.path(), &env).unwrap();
    assert_eq!((config.file(), &config.data), (None, &None));
    let dirs = Environment::from([("NEXUS_CONFIG_DIR", ""), ("XDG_CONFIG_HOME", ""), ("HOME", "/h")]);
    assert!(config_dir(&dirs).unwrap().starts_with("/h"));
}

#[test]
fn a_file_that_is_named_must_be_there_and_one_that_is_not_need_not() {
    let home = tempfile::tempdir().unwrap();
    let other = home.path().join("other.toml");
    let by_name = |env: &Environment| Config::read(None, home.path(), env);
    let env = Environment::from([("NEXUS_CONFIG", other.to_str().unwrap())]);
    refused(by_name(&env), "CONFIG_UNREADABLE");
    fs::write(&other, "tenant = 'other'\n").unwrap();
    assert_eq!(by_name(&env).unwrap().tenant.as_deref(), Some("other"));
    fs::write(&other, vec![b'#'; (1 << 20) + 1]).unwrap();
    refused(by_name(&env), "CONFIG_UNREADABLE");
    for unfit in ["/dev/zero", home.path().to_str().unwrap()] {
        refused(by_name(&Environment::from([("NEXUS_CONFIG", unfit)])), "CONFIG_UNREADABLE");
    }
    fs::write(&other, "tenant = 'other'\n").unwrap();
    let option = home.path().join("option.toml");
    fs::write(&option, "tenant = 'option'\n").unwrap();
    assert_eq!(Config::read(Some(&option), home.path(), &env).unwrap().tenant.as_deref(), Some("option"));
}

#[test]
fn files_that_the_configuration_names_lie_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("nexus.toml");
    fs::write(&file, "[tenants.acme]\nquotas_file = 'acme.json'\n").unwrap();
    let read = || Config::read(None, home.path(), &Environment::from(NOTHING));
    refused(read(), "CONFIG_UNREADABLE");
    fs::write(home.path().join("acme.json"), r#"{"rate_limits": {"user_rpm": 20}}"#).unwrap();
    assert_eq!(read().unwrap().gateway_settings().unwrap().tenants["acme"].limits.len(), 1);
    fs::write(home.path().join("acme.json"), r#"{"rate_limit": {}}"#).unwrap();
    refused(read(), "INVALID_QUOTAS");
}

fn with_file(env: &Environment, wanted: &EnvFile, directory: &Path) -> nexus_core::Result<Environment> {
    env.clone().with_env_file(wanted, directory)
}

#[test]
fn a_named_file_is_as_strong_as_the_environment_and_yields_to_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("some.env");
    fs::write(&file, "# keys\nA=file\nB=file\nexport C='a b' # why\nD=${A}\nNEXUS_TENANT=acme\n").unwrap();
    let env = Environment::from([("A", "process"), ("B", ""), ("CI", "true")]);
    let named = with_file(&env, &EnvFile::Named(file.clone()), home.path()).unwrap();
    let text = |name| named.text(name).unwrap().unwrap();
    assert_eq!(["A", "B", "C", "D"].map(text), ["process", "file", "a b", "${A}"]);
    assert_eq!(named.origin("B").unwrap(), &Origin::EnvFile(file.clone()));
    assert_eq!(Config::parse("tenant = 'other'", &named).unwrap().tenant.as_deref(), Some("acme"));
    let by_variable = Environment::from([("NEXUS_ENV_FILE", file.to_str().unwrap())]);
    let by_variable = with_file(&by_variable, &EnvFile::Unsaid, Path::new("/nowhere")).unwrap();
    assert_eq!(by_variable.text("C").unwrap().as_deref(), Some("a b"));
}

#[test]
fn a_named_file_that_cannot_be_read_or_understood_is_an_error_that_quotes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("some.env");
    let env = Environment::from(NOTHING);
    let read = |file: &Path| with_file(&env, &EnvFile::Named(file.to_owned()), home.path()).unwrap_err();
    let of = |content: &[u8]| {
        fs::write(&file, content).unwrap();
        read(&file)
    };
    let large = [b"A=".to_vec(), vec![b'x'; 64 << 10]].concat();
    for content in [b"KEY='sk-0123456789\n".as_slice(), b"sk-0123456789", b"A=\xff0123456789", &large] {
        let error = of(content);
        assert_eq!((error.code(), error.kind()), ("INVALID_ENV_FILE", ErrorKind::InvalidInput));
        assert!(!error.report().contains("0123456789"), "{}", error.report());
    }
    for missing in [home.path().join("nothing"), home.path().to_owned(), "/dev/zero".into()] {
        assert_eq!(read(&missing).code(), "INVALID_ENV_FILE", "{}", missing.display());
    }
}

#[test]
fn no_variable_of_a_found_file_is_one_of_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let others = ["NEXUS__LLM__PRIMARY", "GREETING"];
    let lines = VARIABLES.iter().map(|(name, _)| *name).chain(others).map(|name| format!("{name}=found"));
    fs::write(home.path().join(".env"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    let env = Environment::from([("A", "process")]);
    let found = with_file(&env, &EnvFile::Unsaid, home.path()).unwrap();
    assert_eq!(found.names().collect::<Vec<_>>(), ["A"]);
    assert!(found.found().is_some());
    for (set, wanted) in [
        (("CI", "true"), EnvFile::Unsaid),
        (("NEXUS_NO_ENV_FILE", "true"), EnvFile::Unsaid),
        (("NEXUS_NO_ENV_FILE", "1"), EnvFile::Unsaid),
        (("A", "b"), EnvFile::Without),
        (("NEXUS_ENV_FILE", "/nowhere"), EnvFile::Without),
    ] {
        assert!(with_file(&Environment::from([set]), &wanted, home.path()).unwrap().found().is_none());
    }
    let unclear = Environment::from([("NEXUS_NO_ENV_FILE", "perhaps")]);
    refused(with_file(&unclear, &EnvFile::Unsaid, home.path()), "INVALID_SETTING");
}

#[test]
fn a_found_file_of_any_kind_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    let env = Environment::from(NOTHING);
    let file = home.path().join(".env");
    let config = || {
        let env = with_file(&env, &EnvFile::Unsaid, home.path()).unwrap();
        Config::parse("", &env).unwrap()
    };
    let warns = |config: &Config| config.warnings().map(|(warning, _)| warning).collect::<Vec<_>>();
    for content in [
        b"GREETING=hello world".as_slice(),
        b"\xff\xfe\0",
        b"a line\nA='open",
        b"OPENAI_API_KEY=\xff\nUSER=eve\nCI=true",
    ] {
        fs::write(&file, content).unwrap();
        assert_eq!(warns(&config()), Vec::<String>::new(), "{content:?}");
    }
    fs::write(&file, vec![b'#'; (64 << 10) + 1]).unwrap();
    assert!(warns(&config())[0].contains("more than 64 KiB"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(warns(&config()), Vec::<String>::new());
    fs::remove_dir(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    assert_eq!(warns(&config()), Vec::<String>::new());
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    assert_eq!(warns(&config()), Vec::<String>::new());
}

/// Returns the effects of `text` in a found `.env` beside `toml` and `env`: the fields that it sets, and the
/// warnings.
fn found<const N: usize>(text: &str, toml: &str, env: [(&str, &str); N]) -> (Vec<String>, String) {
    let config = Config::parse(toml, &Environment::from(env).beside(text)).unwrap();
    let fields = config.fields().into_iter();
    let from_found = |field: &super::Field| matches!(field.source.origin, Origin::FoundEnvFile(_));
    let fields = fields.filter(from_found).map(|field| field.path).collect();
    (fields, config.warnings().map(|(warning, _)| warning).collect())
}

#[test]
fn a_found_file_sets_keys_and_models_where_nothing_stronger_does() {
    let all =
        "OPENAI_API_KEY=k1\nANTHROPIC_API_KEY=k2\nGEMINI_API_KEY=k3\nGEMINI_MODEL=m\nOPENAI_TTS_MODEL=t";
    let (fields, warnings) = found(all, "", NOTHING);
    let expected = [
        "providers.anthropic.key",
        "providers.gemini.key",
        "providers.gemini.model",
        "providers.openai.key",
        "providers.vertex.model",
        "speech.model",
    ];
    assert_eq!((fields.as_slice(), warnings.as_str()), (expected.map(str::to_owned).as_slice(), ""));
    let stronger = "
        [providers.openai]
        key = 'sk'
        [providers.gemini]
        endpoint = 'https://gemini.example'
        [providers.vertex]
        model = 'own'
        [speech]
        model = 'own'
    ";
    let (fields, _) = found(all, stronger, [("ANTHROPIC_API_KEY", "sk")]);
    assert_eq!(fields, ["providers.gemini.key"], "a model says nothing of what another place serves");
    let (fields, warnings) =
        found("OPENAI_API_KEY=k1\nOUR_KEY=k2", "[providers.openai]\nkey_env = 'OUR_KEY'", NOTHING);
    assert!(fields.is_empty() && warnings.contains("`OUR_KEY`"), "{warnings}");
}

#[test]
fn a_found_file_names_who_answers_only_beside_the_key_that_is_used() {
    let both = "LLM_PROVIDER=openai\nOPENAI_API_KEY=k";
    let primary = "llm.primary".to_owned();
    assert!(found(both, "", NOTHING).0.contains(&primary));
    assert!(found(both, "[llm]\nembedder = 'ollama'\nmax_tokens = 1", NOTHING).0.contains(&primary));
    for stronger in ["primary = 'ollama'", "fallbacks = ['ollama']", "allowed_providers = ['extractive']"] {
        let (fields, warnings) = found(both, &format!("[llm]\n{stronger}"), NOTHING);
        assert!(!fields.contains(&primary) && warnings.contains("`LLM_PROVIDER`"), "{stronger}");
    }
    let (fields, warnings) = found(both, "[llm]\nprimary = 'openai'", NOTHING);
    assert_eq!((fields.contains(&primary), warnings.as_str()), (false, ""), "both say the same");
    assert!(!found(both, "", [("LLM_PROVIDER", "extractive")]).0.contains(&primary));
    for alone in [
        "LLM_PROVIDER=openai",
        "LLM_PROVIDER=fake",
        "LLM_PROVIDER=x\nOPENAI_API_KEY=k",
        "LLM_PROVIDER=vertex",
    ] {
        let (fields, warnings) = found(alone, "", NOTHING);
        assert!(!fields.contains(&primary) && warnings.contains("`LLM_PROVIDER`"), "{alone}: {warnings}");
    }
    // A folder never spends the user's own key.
    let (fields, warnings) = found(both, "", [("OPENAI_API_KEY", "the user's own")]);
    assert!(fields.is_empty() && warnings.contains("`LLM_PROVIDER`"), "{warnings}");
}

#[test]
fn everything_else_of_ours_in_a_found_file_is_named_and_ignored() {
    for (name, may) in VARIABLES {
        let (fields, warnings) = found(&format!("{name}=http://127.0.0.1:9/${{HOME}}"), "", NOTHING);
        let is_named = warnings.contains(&format!("`{name}`"));
        let is_taken = !fields.is_empty();
        let expected = match may {
            InFoundFile::Key | InFoundFile::Model => (false, true),
            InFoundFile::Provider | InFoundFile::Ignored => (true, false),
            InFoundFile::System => (false, false),
        };
        assert_eq!((is_named, is_taken), expected, "{name}");
    }
    for name in ["NEXUS__LLM__PRIMARY", "NEXUS__PROVIDERS__OPENAI__KEY_ENV", "NEXUS_OF_NEXT_YEAR"] {
        assert!(found(&format!("{name}=x"), "", NOTHING).1.contains(&format!("`{name}`")));
    }
    assert_eq!(found("GREETING=hello\nDATABASE_URL=postgres://h/d", "", NOTHING).1, "");
}

/// A new variable needs a row in the table before it is read.
#[test]
fn every_variable_that_is_read_has_a_decision() {
    let known = |name: &str| in_found_file(name).is_some();
    let overlaid = NAMES.iter().map(|(name, ..)| *name).chain(PROVIDER_NAMES.iter().map(|(name, ..)| *name));
    for name in overlaid.chain(ProviderKind::ALL.into_iter().filter_map(ProviderKind::key_variable)) {
        assert!(VARIABLES.iter().any(|(row, _)| *row == name), "{name} has no row");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut left, mut read) = (Vec::new(), std::collections::BTreeSet::new());
    left.extend(
        ["nexus-providers/src/bootstrap", "nexus-providers/src/gemini", "nexus-cli/src", "nexus-server/src"]
            .map(|dir| root.join(dir)),
    );
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("mod tests {").next().unwrap();
            for call in [
                "env.text(\"",
                "env.path(\"",
                "self.text(\"",
                "env::var(\"",
                "var_os(\"",
                "env = \"",
                "limit(env, \"",
                "choice(env, \"",
            ] {
                read.extend(
                    text.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned),
                );
            }
        }
    }
    assert!(read.len() > 15, "{read:?}");
    let missing: Vec<_> = read.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "these have no row: {missing:?}");
}

#[test]
fn a_setting_that_means_nothing_is_refused() {
    let set = Environment::from([
        ("RUN_MAX_CONCURRENCY", "3"),
        ("INGEST_EXECUTION_MODE", "Inline"),
        ("DEBUG_EVENTS", "true"),
    ]);
    let settings = settings_from_env(&set).unwrap();
    assert_eq!((settings.max_runs, settings.ingest_inline), (3, true));
    assert!(settings.debug_events);
    for bad in [
        ("RUN_MAX_CONCURRENCY", "0"),
        ("INGEST_MAX_CONCURRENCY", "many"),
        ("DEBUG_EVENTS", "yes!"),
        ("INGEST_EXECUTION_MODE", "later"),
    ] {
        refused(settings_from_env(&Environment::from([bad])), "INVALID_SETTING");
    }
}
