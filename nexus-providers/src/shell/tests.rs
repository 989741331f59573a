//! The rules of the shell's surroundings, each in a directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Config, Environment, audit_keys, config_dir, settings_from_env};

const NOTHING: [(&str, &str); 0] = [];

#[track_caller]
fn refused<T: std::fmt::Debug>(result: nexus_core::Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().stable_code(), code);
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
fn a_file_that_is_named_must_be_there_and_one_that_is_not_need_not() {
    let home = tempfile::tempdir().unwrap();
    let other = home.path().join("other.toml");
    let by_name = |env: &Environment| Config::read(None, home.path(), env);
    let env = Environment::from([("NEXUS_CONFIG", other.to_str().unwrap())]);
    refused(by_name(&env), "CONFIG_UNREADABLE");
    fs::write(&other, "tenant = 'other'\n").unwrap();
    assert_eq!(by_name(&env).unwrap().tenant.as_deref(), Some("other"));
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

#[test]
fn a_dotenv_file_speaks_where_the_environment_is_silent_and_never_in_ci() {
    let home = tempfile::tempdir().unwrap();
    let with = |env: &Environment| env.clone().with_dotenv(home.path());
    let env = Environment::from([("A", "process"), ("B", "")]);
    assert_eq!(with(&env).unwrap().text("A").unwrap().as_deref(), Some("process"));
    fs::write(home.path().join(".env"), "# keys\nA=file\nB=file\nexport C='a b' # why\n").unwrap();
    let both = with(&env).unwrap();
    let text = |name| both.text(name).unwrap();
    assert_eq!((text("A").as_deref(), text("B"), text("C").as_deref()), (Some("process"), None, Some("a b")));
    let ci = Environment::from([("CI", "true")]);
    assert_eq!(with(&ci).unwrap().text("C").unwrap(), None);
    fs::write(home.path().join(".env"), "KEY='sk-0123456789\n").unwrap();
    let error = with(&env).unwrap_err();
    assert_eq!(error.stable_code(), "INVALID_DOTENV");
    assert!(!error.report().contains("0123456789"), "{}", error.report());
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
