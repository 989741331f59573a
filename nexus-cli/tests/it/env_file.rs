//! Files of variables: what a folder's `.env` cannot do, and what a named file can.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use nexus_providers::Secret;
use nexus_providers::bootstrap::variable_names;
use serde_json::Value;

use crate::bench::{Bench, check};
use crate::models::Vendor;

const QUESTION: &str = "How many unused days of annual leave carry over to the next year?";
const VICTIM: &str = "sk-victim-0123456789abcdef";

/// Listener on the loopback address that records requests and answers with an error.
struct Sink {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Sink {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 8_192];
                let read = stream.read(&mut bytes).unwrap_or(0);
                keeps.lock().unwrap().extend_from_slice(&bytes[..read.max(1)]);
                let _ =
                    stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Self { address, heard }
    }

    #[track_caller]
    fn heard_nothing(&self, what: &str) {
        let heard = self.heard.lock().unwrap();
        assert!(heard.is_empty(), "{what}: {}", String::from_utf8_lossy(&heard));
    }
}

/// A closed port, so that a vendor's own address is out of reach at once, with or without a network.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Environment of the user: a key in a variable, and `openai` in the configuration.
fn victim(bench: &Bench) {
    std::fs::create_dir_all(bench.path("home/.config/nexus")).unwrap();
    bench.write("home/.config/nexus/nexus.toml", "[llm]\nprimary = 'openai'\n");
}

#[test]
fn no_variable_of_a_folder_has_the_users_key_sent_elsewhere() {
    let (bench, sink) = (Bench::new(), Sink::new());
    victim(&bench);
    let nowhere = nowhere();
    let own = [
        ("OPENAI_API_KEY", VICTIM),
        ("AWS_SECRET_ACCESS_KEY", VICTIM),
        ("ALL_PROXY", nowhere.as_str()),
        ("EXT_RETRY_MAX_ATTEMPTS", "1"),
    ];
    let paths = ["ENDPOINT", "PROXY", "CA_FILE", "KEY_ENV", "ALLOW_PLAIN_HTTP"]
        .map(|field| format!("NEXUS__PROVIDERS__OPENAI__{field}"));
    let hostile = format!(
        "[llm]\nprimary='openai'\n[providers.openai]\nendpoint='http://{}/v1'\nkey_env='OPENAI_API_KEY'",
        sink.address
    );
    bench.write("evil.toml", &hostile);
    let names: Vec<String> = variable_names().map(str::to_owned).chain(paths).collect();
    assert!(names.len() > 50);
    let url = format!("http://{}/v1", sink.address);
    let line = |name: &str| match name {
        "NEXUS_CONFIG" => format!("{name}=./evil.toml\n"),
        "NEXUS_CONFIG_DIR" => format!("{name}=.\n"),
        name if name.ends_with("KEY_ENV") => format!("{name}=AWS_SECRET_ACCESS_KEY\n"),
        name => format!("{name}={url}/${{AWS_SECRET_ACCESS_KEY}}\n{name}={url}\n"),
    };
    let providers = ["providers", "check", "openai"];
    // One by one, in the first letters of a run; then all at once, which also shows that none helps another.
    for name in &names {
        bench.write(".env", &line(name));
        let said = bench.with(&own, &providers);
        sink.heard_nothing(name);
        assert!(!format!("{said:?}").contains(VICTIM), "{said:#?}");
    }
    bench.write(".env", &names.iter().map(|name| line(name)).collect::<String>());
    let said = bench.with(&own, &providers).ends(1);
    for name in ["OPENAI_BASE_URL", "HTTPS_PROXY", "NEXUS_CONFIG", "SSL_CERT_FILE", "AUDIT_SECRET"] {
        assert!(said.err.contains(&format!("`{name}`")), "{said:#?}");
    }
    sink.heard_nothing("all together");
}

#[test]
fn a_folder_brings_neither_a_provider_of_its_own_nor_another_identity_store_or_signature() {
    let (bench, sink) = (Bench::ingested(), Sink::new());
    let own_env = [("AWS_SECRET_ACCESS_KEY", VICTIM), ("OPENAI_API_KEY", VICTIM)];
    bench.write(
        ".env",
        &format!(
            "LLM_PROVIDER=x\nNEXUS__PROVIDERS__X__TYPE=openai_compatible\n\
             NEXUS__PROVIDERS__X__ENDPOINT=http://{}/v1\nNEXUS__PROVIDERS__X__MODEL=m\n\
             NEXUS__PROVIDERS__X__OWN_HARDWARE=true\nNEXUS__PROVIDERS__X__KEY_ENV=AWS_SECRET_ACCESS_KEY\n\
             NEXUS_DATA=other\nNEXUS_TENANT=evil\nNEXUS_USER=eve\nNEXUS_ROLE=janitor\nUSER=eve\n\
             AUDIT_SECRET=attacker-knows-this-secret\n",
            sink.address
        ),
    );
    let said = bench.with(&own_env, &["ask", "--corpus", "handbook", QUESTION]).ends(0);
    assert_eq!(said.err.matches("warning:").count(), 1, "{said:#?}");
    check(&bench, "env-file-ignored", said.err.split("\nhint").next().unwrap());
    sink.heard_nothing("a provider of the folder's");
    assert!(!bench.path("other").exists());
    // The records were signed with the user's own secret: without the file they verify.
    std::fs::remove_file(bench.path(".env")).unwrap();
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn a_named_file_is_obeyed_as_the_environment_is() {
    let (bench, vendor) = (Bench::ingested(), Vendor::new());
    let key = "sk-named-0123456789";
    bench.write(
        "vendor.env",
        &format!("LLM_PROVIDER=openai\nOPENAI_API_KEY={key}\nOPENAI_BASE_URL={}\n", vendor.openai_url()),
    );
    let ask = ["ask", "--corpus", "handbook", QUESTION];
    let by_option = bench.run(&[&["--env-file", "vendor.env"][..], &ask].concat());
    assert_eq!(vendor.bill().len(), 1, "{by_option:#?}");
    assert!(!by_option.err.contains("key"), "a file that the user named causes no note: {by_option:#?}");
    bench.with(&[("NEXUS_ENV_FILE", "vendor.env")], &[&ask[..], &["--no-cache"]].concat());
    assert_eq!(vendor.bill().len(), 2);
    for without in [&["--no-env-file"][..], &["--env-file", "/dev/null"]] {
        bench.with(&[("NEXUS_ENV_FILE", "vendor.env")], &[without, &ask].concat()).ends(0);
    }
    assert_eq!(vendor.bill().len(), 2);
}

#[test]
fn a_named_file_that_is_unfit_is_a_usage_error() {
    let bench = Bench::new();
    bench.write("broken.env", "A='open\n");
    assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
    for file in ["broken.env", "nothing.env", "pipe", "docs", "/dev/zero"] {
        let said = bench.run(&["--env-file", file, "--json", "models"]).ends(2);
        assert_eq!(said.error_code(), "INVALID_ENV_FILE", "{file}");
        bench.with(&[("NEXUS_ENV_FILE", file)], &["models"]).ends(2);
    }
    bench.run(&["--env-file", "broken.env", "--no-env-file", "models"]).ends(2);
}

#[test]
fn whatever_is_called_env_stops_no_command() {
    let bench = Bench::ingested();
    let runs = |what: &str| {
        let said = bench.run(&["status"]);
        assert_eq!(said.code, Some(0), "{what}: {said:#?}");
        said.err
    };
    for line in ["GREETING=hello world", "a line", "A='open", "export", "=", "\u{feff}\0"] {
        bench.write(".env", line);
        assert_eq!(runs(line), "");
    }
    std::fs::write(bench.path(".env"), b"A=\xff\xfe\nB=\x00").unwrap();
    assert_eq!(runs("not UTF-8"), "");
    bench.write(".env", &"#".repeat(1 << 20));
    assert!(runs("large").contains("more than 64 KiB"));
    std::fs::remove_file(bench.path(".env")).unwrap();
    std::fs::create_dir(bench.path(".env")).unwrap();
    assert_eq!(runs("a directory"), "");
    std::fs::remove_dir(bench.path(".env")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path(".env")).status().unwrap().success());
    assert_eq!(runs("a pipe"), "");
    for target in ["/dev/zero", "nowhere", ".env"] {
        std::fs::remove_file(bench.path(".env")).unwrap();
        std::os::unix::fs::symlink(target, bench.path(".env")).unwrap();
        let said = runs(target);
        assert!(said.is_empty() || target == ".env", "{said}");
    }
}

#[test]
fn a_key_of_a_found_file_is_announced_once_when_it_is_first_used() {
    let (bench, vendor) = (Bench::new(), Vendor::new());
    let key = "sk-folder-0123456789";
    let endpoint = vendor.openai_url();
    bench.write(
        "own.toml",
        &format!("[llm]\nembedder = 'openai'\n[providers.openai]\nendpoint = '{endpoint}'\n"),
    );
    bench.write(".env", &format!("OPENAI_API_KEY={key}\n"));
    let line = format!("openai, key {} from ./.env", Secret::new(key).fingerprint());
    let run = |more: &[&str]| bench.run(&[&["--config", "own.toml"][..], more].concat()).ends(0).err;
    let told = run(&["ingest", "docs", "--corpus", "handbook"]);
    assert!(vendor.heard() > 1, "the documents were embedded one by one");
    assert_eq!(told.lines().filter(|told| *told == line).count(), 1, "{told}");
    assert!(!run(&["models"]).contains(&line), "nothing was used");
    let json = run(&["--json", "ask", "--corpus", "handbook", QUESTION]);
    let told: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(told["note"]["message"], line);
    let ci = bench.with(&[("CI", "true")], &["--config", "own.toml", "models", "--json"]).ends(2);
    assert_eq!(ci.error_code(), "PROVIDER_KEY_MISSING");
}

#[test]
fn no_configuration_file_of_the_working_directory_is_read() {
    let bench = Bench::new();
    for folder in [".nexus", ".config/nexus", "nexus", "config", ".config"] {
        std::fs::create_dir_all(bench.path(folder)).unwrap();
    }
    let hostile = "tenant = 'evil'\ndata = 'evil'\n[llm]\nprimary = 'fake'\n";
    for place in ["", ".nexus/", ".config/nexus/", "nexus/", "config/", ".config/"] {
        for name in
            ["nexus.toml", ".nexus.toml", "config.toml", "nexus.json", ".nexusrc", "nexus.yaml", "audit-key"]
        {
            bench.write(&format!("{place}{name}"), hostile);
        }
    }
    let shown = |variables: &[(&str, &str)]| {
        let said = bench.with(variables, &["config", "show", "--sources", "--json"]).ends(0).json();
        assert!(said["file"].is_null(), "{said}");
        let fields = said["fields"].as_array().unwrap().clone();
        let field = |name: &str| fields.iter().find(|field| field["field"] == name).unwrap().clone();
        (field("tenant")["value"].clone(), field("llm.primary")["source"].clone())
    };
    assert_eq!(shown(&[]), ("local".into(), "default".into()));
    assert_eq!(shown(&[("XDG_CONFIG_HOME", ".")]), ("local".into(), "default".into()));
    assert!(!bench.path("evil").exists());
}

#[test]
fn the_configuration_is_shown_with_the_source_of_each_value_and_without_secrets() {
    let bench = Bench::new();
    bench.write(
        "some.toml",
        "tenant = 'acme'\n[providers.openai]\nkey = 'sk-file-0123456789'\nmodel = 'gpt-4o'\n",
    );
    bench.write(".env", "ANTHROPIC_API_KEY=sk-found-0123456789\n");
    let variables = [("NEXUS_ROLE", "reader,auditor"), ("GEMINI_API_KEY", "sk-env-0123456789")];
    let show = |more: &[&str]| {
        let show = ["--config", "some.toml", "--user", "eve", "config", "show", "--sources"];
        bench.with(&variables, &[&show[..], more].concat()).ends(0)
    };
    let said = show(&[]);
    check(&bench, "config-show", &said.out);
    let json = show(&["--json"]).json();
    let fields = json["fields"].as_array().unwrap();
    let source = |name: &str| {
        let field = fields.iter().find(|field| field["field"] == name).unwrap();
        (field["source"].as_str().unwrap().to_owned(), field["variable"].clone())
    };
    assert_eq!(source("tenant"), ("some.toml".to_owned(), Value::Null));
    assert_eq!(source("user"), ("command line".to_owned(), Value::Null));
    assert_eq!(source("roles"), ("environment".to_owned(), "NEXUS_ROLE".into()));
    assert_eq!(source("providers.anthropic.key"), ("./.env".to_owned(), "ANTHROPIC_API_KEY".into()));
    assert_eq!(source("data"), ("default".to_owned(), Value::Null));
    assert!(!format!("{said:?}{json}").contains("0123456789"));
}
