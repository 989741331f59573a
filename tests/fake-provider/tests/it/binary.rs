//! Binary, started as a newcomer would.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::client::{KEY, Vendor, ask};

#[tokio::test]
async fn the_binary_says_where_it_listens_and_serves_its_log() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-provider"))
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(5).map(Result::unwrap).collect();
    let url = lines[4].strip_prefix("export OLLAMA_HOST=").unwrap();
    assert!(lines[1].contains(&format!("OPENAI_BASE_URL={url}/v1")), "{lines:?}");
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let (path, headers, body) = Vendor::OpenAi.request("gpt-4o", false, "Hi");
    ask(address, &path, &headers, &body.to_string()).await.unwrap();
    let log = ask(address, "/_scripted/log", &[KEY], "").await.unwrap().json();
    assert_eq!(log[0]["dialect"], "openai");
    assert_eq!(log[0]["outcome"], "completed");
    assert_eq!(log[0]["billed"]["output"], json!(4));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_binary_prints_the_table_of_directives() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-provider"))
        .arg("--directives")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text.lines().count(), nexus_fake_provider::script::DIRECTIVES.len());
}
