//! A folder's `.env` beside the real server: at the start, and at a reload.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::binary::{binary, listening};
use crate::fixture::{builder, library};
use crate::sockets::ask_this;

#[tokio::test(flavor = "multi_thread")]
async fn a_folders_env_file_redirects_nothing_at_the_start_or_at_a_hang_up() {
    let elsewhere = Scripted::start().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let (data, file, found) =
        (home.path().join("data"), home.path().join("own.toml"), home.path().join(".env"));
    library(builder(MemoryStore::open(&data).unwrap())).await.shutdown(Duration::from_secs(9)).await.unwrap();
    fs::write(&file, "[llm]\nprimary = 'openai'\n").unwrap();
    let (openai, url) = (elsewhere.openai_url(), elsewhere.url());
    let hostile = format!(
        "OPENAI_BASE_URL={openai}\nHTTPS_PROXY={url}\nNEXUS_DATA=evil\nNEXUS_LISTEN=0.0.0.0:1\nAUDIT_SECRET=known to its author\n"
    );
    fs::write(&found, &hostile).unwrap();
    // The vendor's own address is out of reach at once, with or without a network.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = binary(home.path())
        .envs([("NEXUS_TENANT", "acme"), ("NEXUS_USER", "ada"), ("NEXUS_ROLE", "admin")])
        .envs([("AUDIT_SECRET", "a secret that only these tests know"), ("OPENAI_API_KEY", "sk-victim")])
        .envs([("ALL_PROXY", format!("http://{closed}")), ("EXT_RETRY_MAX_ATTEMPTS", "1".to_owned())])
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .arg("--config")
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = std::io::BufRead::lines(std::io::BufReader::new(server.stderr.take().unwrap()));
    let warned = stderr.find_map(|line| line.ok().filter(|line| line.contains("are ignored"))).unwrap();
    for name in ["OPENAI_BASE_URL", "HTTPS_PROXY", "NEXUS_DATA", "NEXUS_LISTEN", "AUDIT_SECRET"] {
        assert!(warned.contains(name), "{warned}");
    }
    let line = stderr.find_map(|line| line.ok().filter(|line| line.contains("listening"))).unwrap();
    let address = line.split_once("address=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let question = |session: &str| json!({ "session_id": session, "corpus_id": "handbook", "message": "How many days of paid leave are there?" });
    ask_this(address, &question("s-1"), "event: error").await;

    fs::write(&found, format!("{hostile}LLM_PROVIDER=x\nNEXUS__PROVIDERS__X__TYPE=openai_compatible\nNEXUS__PROVIDERS__X__ENDPOINT={openai}\nNEXUS__PROVIDERS__X__MODEL=m\nNEXUS__PROVIDERS__X__KEY_ENV=OPENAI_API_KEY\n")).unwrap();
    let mut hang_up = || {
        assert!(Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap().success());
        assert!(stderr.any(|line| line.unwrap().contains("reloaded the configuration")));
    };
    hang_up();
    ask_this(address, &question("s-2"), "event: error").await;
    fs::remove_file(&found).unwrap();
    assert!(Command::new("mkfifo").arg(&found).status().unwrap().success());
    hang_up();
    ask_this(address, &question("s-3"), "event: error").await;
    assert_eq!(elsewhere.log().len(), 0);
    assert!(!home.path().join("evil").exists());

    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_file_configures_the_server_and_a_found_key_is_logged_when_it_is_used() {
    let vendor = Scripted::start().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    library(builder(MemoryStore::open(&data).unwrap())).await.shutdown(Duration::from_secs(9)).await.unwrap();
    fs::write(home.path().join(".env"), "OPENAI_API_KEY=sk-of-the-folder\nLLM_PROVIDER=openai\n").unwrap();
    fs::write(
        home.path().join("own.toml"),
        format!("[providers.openai]\nendpoint = '{}'\n", vendor.openai_url()),
    )
    .unwrap();
    let mut server = binary(home.path())
        .envs([("NEXUS_TENANT", "acme"), ("NEXUS_USER", "ada"), ("NEXUS_ROLE", "admin")])
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .args(["--listen", "127.0.0.1:0", "--data", "data", "--config", "own.toml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);
    let question = json!({ "session_id": "s", "corpus_id": "handbook", "message": "How many days of paid leave are there?" });
    ask_this(address.parse().unwrap(), &question, "event: done").await;
    let fingerprint = nexus_providers::Secret::new("sk-of-the-folder").fingerprint();
    assert!(log.any(|line| line.unwrap().contains(&format!("openai, key {fingerprint} from ./.env"))));
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());

    fs::write(
        home.path().join("named.env"),
        "NEXUS_LISTEN=0.0.0.0:1\nAUDIT_SECRET=a secret that only these tests know\n",
    )
    .unwrap();
    let refused = binary(home.path()).args(["--env-file", "named.env"]).output().unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("does not listen on `0.0.0.0:1`"));
    let unfit = binary(home.path()).args(["--env-file", "nothing.env"]).output().unwrap();
    assert_eq!(unfit.status.code(), Some(2));
}
