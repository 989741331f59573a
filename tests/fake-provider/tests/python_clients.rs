//! The vendors' own clients read the scripted provider, and refuse a wrong wire, so that the fake has the real one.
//! The checks are in `python/clients.py`; the clients come from their packages.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::path::Path;
use std::process::Command;

use nexus_fake_provider::Scripted;

/// Runs a program to its end, off the threads that serve.
async fn run(mut command: Command) -> (bool, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_of_openai_and_anthropic_read_the_fake_as_the_real_thing() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let mut install = Command::new("bash");
    install.arg(root.join("scripts/python-clients.sh"));
    let (installed, _, complaint) = run(install).await;
    assert!(installed, "the clients are not there: {complaint}");

    let scripted = Scripted::start().await.unwrap();
    let mut clients = Command::new(root.join("target/tools/python-clients/bin/python"));
    clients.arg(here.join("python/clients.py")).arg(scripted.url());
    // The test ignores a developer's variables for real vendors.
    for (name, _) in std::env::vars() {
        let known = name.to_ascii_uppercase();
        if known.starts_with("OPENAI") || known.starts_with("ANTHROPIC") || known.ends_with("_PROXY") {
            clients.env_remove(name);
        }
    }
    let (passed, checks, complaint) = run(clients).await;
    assert!(passed, "after these checks: {checks}\n{complaint}");
    for vendor in ["openai", "anthropic"] {
        let count = checks.lines().filter(|check| check.starts_with(vendor)).count();
        assert!(count >= 7, "{count} checks of {vendor}: {checks}");
    }
}
