//! The end of the real binary while a model answers: what the vendor billed is in the ledger, to the token.

use std::process::{Command, Stdio};
use std::time::Duration;

use nexus_core::ledger::{AttemptStatus, LedgerQuery};
use nexus_core::{Nexus, Page};
use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::binary::{binary, listening};
use crate::fixture::{admin, builder, library};
use crate::sockets::{ask_this, read_until};

const CLIENTS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn n35_a_server_that_is_stopped_under_load_has_booked_what_its_vendor_billed() {
    let (vendor, home) = (Scripted::start().await.unwrap(), tempfile::tempdir().unwrap());
    let data = home.path().join("data");
    library(builder(MemoryStore::open(&data).unwrap())).await.shutdown(Duration::from_secs(9)).await.unwrap();
    let mut server = binary(home.path())
        .envs([("LLM_PROVIDER", "fake"), ("FAKE_PROVIDER_URL", &vendor.url())])
        .env("NEXUS__PROVIDERS__FAKE__MODEL", "scripted-1+frames=60+pace=20ms")
        .envs([("NEXUS_TENANT", "acme"), ("NEXUS_USER", "ada"), ("NEXUS_ROLE", "admin")])
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .args(["--listen", "127.0.0.1:0", "--grace", "30", "--data"])
        .arg(&data)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (log, address) = listening(&mut server);

    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let message = format!("How many days of paid leave has person {number}?");
        let body =
            json!({ "session_id": format!("s-{number}"), "corpus_id": "handbook", "message": message });
        clients.push(ask_this(address.parse().unwrap(), &body, "token.delta").await);
    }
    // All of them are in the middle of an answer; some disconnect at the shutdown.
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    let leaving = clients.split_off(CLIENTS / 2);
    drop(leaving);
    for (socket, read) in &mut clients {
        read_until(socket, read, "event: done").await;
    }
    assert!(server.wait().unwrap().success());
    drop(log);

    let nexus: Nexus = builder(MemoryStore::open(&data).unwrap()).build().unwrap();
    let query = LedgerQuery { page: Page::first(100), ..LedgerQuery::default() };
    let lines = nexus.ledger(&admin(), query).await.unwrap();
    assert!(lines.iter().all(|line| line.status == AttemptStatus::Settled && !line.estimated), "{lines:?}");
    let mut booked: Vec<_> = lines.iter().map(|line| (line.usage.input(), line.usage.output())).collect();
    let bill = vendor.settled_log().await;
    let mut billed: Vec<_> =
        bill.iter().map(|entry| (Some(entry.billed.all_input()), Some(entry.billed.all_output()))).collect();
    booked.sort_unstable();
    billed.sort_unstable();
    assert_eq!((booked.len(), booked), (CLIENTS, billed));
}
