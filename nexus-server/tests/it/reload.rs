//! Reload of the configuration by the real binary while a model answers.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::binary::{binary, listening};
use crate::fixture::{builder, library};
use crate::sockets::{ask_this, read_until};

fn question(number: usize) -> Value {
    json!({
        "session_id": format!("s-{number}"), "corpus_id": "handbook",
        "message": format!("How many days of paid leave has person {number}?")
    })
}

fn configure(file: &Path, vendor: &Scripted, model: &str) {
    let endpoint = vendor.openai_url();
    let text = format!(
        "[llm]\nprimary = 'ours'\n[providers.ours]\ntype = 'openai_compatible'\nendpoint = '{endpoint}'\n\
         model = '{model}'\nkey_env = 'OUR_KEY'\nown_hardware = true\n"
    );
    fs::write(file, text).unwrap();
}

fn hang_up(server: &Child) {
    assert!(Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_replaces_the_models_and_leaves_answers_that_go_on_alone() {
    let (before, after) = (Scripted::start().await.unwrap(), Scripted::start().await.unwrap());
    let home = tempfile::tempdir().unwrap();
    let (data, file) = (home.path().join("data"), home.path().join("nexus.toml"));
    library(builder(MemoryStore::open(&data).unwrap())).await.shutdown(Duration::from_secs(9)).await.unwrap();
    configure(&file, &before, "scripted-1+frames=60+pace=20ms");
    let mut server = binary(home.path())
        .envs([("NEXUS_TENANT", "acme"), ("NEXUS_USER", "ada"), ("NEXUS_ROLE", "admin")])
        .envs([("AUDIT_SECRET", "a secret that only these tests know"), ("OUR_KEY", "sk-scripted")])
        .args(["--listen", "127.0.0.1:0", "--grace", "30", "--data"])
        .arg(&data)
        .arg("--config")
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);
    let address = address.parse().unwrap();
    let (mut socket, mut read) = ask_this(address, &question(1), "token.delta").await;

    fs::write(&file, "[llm]\nprimary = 'absent'").unwrap();
    hang_up(&server);
    assert!(log.any(|line| line.unwrap().contains("cannot reload the configuration")));
    ask_this(address, &question(2), "event: done").await;
    assert_eq!((before.log().len(), after.log().len()), (2, 0));

    configure(&file, &after, "scripted-1");
    let configured = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{configured}[retention]\nruns_days = 1\n[server]\nidle_ms = 9\n")).unwrap();
    hang_up(&server);
    let lines: Vec<String> = log
        .by_ref()
        .map(Result::unwrap)
        .take_while(|line| !line.contains("reloaded the configuration"))
        .collect();
    let told =
        |section: &str| lines.iter().any(|line| line.contains(section) && line.contains("needs a restart"));
    assert!(told("[retention]") && told("[server]") && !told("tenant"), "{lines:?}");
    ask_this(address, &question(3), "event: done").await;
    read_until(&mut socket, &mut read, "event: done").await;
    assert!(read.contains("message.final"), "{read}");
    assert_eq!((before.log().len(), after.log().len()), (2, 1));

    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}
