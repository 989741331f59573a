//! The server on real sockets: streams that arrive incrementally, clients that disconnect, and graceful shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use nexus_core::run::Outcome;
use nexus_core::{Nexus, RunId};
use nexus_server::AppState;
use nexus_server::listen::LoopbackListener;
use nexus_server::serve::serve;
use nexus_store_memory::MemoryStore;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fixture::{admin, asking, builder, keys, library, patiently, scripted, serving};

/// A server on a port of its own, and the handle that stops it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<nexus_core::Result<()>>,
}

async fn running(nexus: &Nexus, grace: Duration) -> Running {
    run(serving(nexus, admin()), grace).await
}

/// Serves on any free port.
pub(crate) async fn run(server: AppState, grace: Duration) -> Running {
    let listener = LoopbackListener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    let served = tokio::spawn(serve(listener, server, grace, async {
        let _ = stopped.await;
    }));
    Running { address, stop, served }
}

async fn ask_until(address: SocketAddr, expected: &str) -> (TcpStream, String) {
    ask_this(address, &asking(), expected).await
}

/// Asks over a socket, and reads until `expected` has come.
pub(crate) async fn ask_this(address: SocketAddr, body: &Value, expected: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "POST /v1/run HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut read = String::new();
    read_until(&mut socket, &mut read, expected).await;
    (socket, read)
}

pub(crate) async fn read_until(socket: &mut TcpStream, read: &mut String, expected: &str) {
    let mut bytes = [0; 4096];
    while !read.contains(expected) {
        let count = patiently(socket.read(&mut bytes)).await.unwrap();
        assert_ne!(count, 0, "the stream ended before `{expected}` in {read}");
        read.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
}

fn run_in(read: &str) -> RunId {
    let (_, rest) = read.split_once("\"run_id\":\"").unwrap();
    RunId::parse(rest.split_once('"').unwrap().0).unwrap()
}

#[tokio::test]
async fn words_arrive_while_the_model_still_speaks() {
    let (script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let server = running(&nexus, Duration::ZERO).await;
    let (mut socket, mut read) = ask_until(server.address, "metadata").await;
    script.say("25 ");
    read_until(&mut socket, &mut read, "token.delta").await;
    assert!(!read.contains("message.final"));
    script.finish();
    read_until(&mut socket, &mut read, "event: done").await;
    server.stop.send(()).unwrap();
    patiently(server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_take_its_run_along() {
    let (script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let server = running(&nexus, Duration::ZERO).await;
    let (socket, read) = ask_until(server.address, "metadata").await;
    drop(socket);
    script.say("25 days [1].");
    script.finish();
    let mut events = nexus.events(&admin(), &run_in(&read), 0).await.unwrap();
    while patiently(events.next()).await.unwrap().is_some() {}
    let run = nexus.run(&admin(), &run_in(&read)).await.unwrap();
    assert_eq!(run.outcome(), Some(&Outcome::Answered));
}

#[tokio::test]
async fn a_run_that_a_stopped_server_left_is_finished_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (_script, model) = scripted();
    let nexus = library(builder(MemoryStore::open(directory.path()).unwrap()).llm(model)).await;
    let server = running(&nexus, Duration::ZERO).await;
    let (mut socket, mut read) = ask_until(server.address, "metadata").await;
    server.stop.send(()).unwrap();
    read_until(&mut socket, &mut read, "SERVER_STOPPING").await;
    patiently(server.served).await.unwrap().unwrap();
    drop(nexus);

    let nexus = Nexus::builder()
        .store(MemoryStore::open(directory.path()).unwrap())
        .audit_keys(keys())
        .build()
        .unwrap();
    assert_eq!(nexus.resume().await.unwrap(), 1);
    let mut events = nexus.events(&admin(), &run_in(&read), 0).await.unwrap();
    while patiently(events.next()).await.unwrap().is_some() {}
    let run = nexus.run(&admin(), &run_in(&read)).await.unwrap();
    assert_eq!(run.outcome(), Some(&Outcome::Answered));
}

#[tokio::test]
async fn a_run_that_ends_within_the_grace_is_streamed_to_its_end() {
    let (script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let server = running(&nexus, Duration::from_mins(1)).await;
    let (mut socket, mut read) = ask_until(server.address, "metadata").await;
    server.stop.send(()).unwrap();
    script.say("25 days [1].");
    script.finish();
    read_until(&mut socket, &mut read, "event: done").await;
    patiently(server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_other_machines_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = LoopbackListener::bind(address.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "LISTEN_NOT_LOOPBACK", "{address}");
    }
}
