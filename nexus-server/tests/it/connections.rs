//! Clients that hold connections: deadlines, limits, and health probes that are still answered.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::{Either, select};
use nexus_core::Nexus;
use nexus_fake_provider::Scripted;
use nexus_server::ConnectionLimits;
use nexus_store_memory::MemoryStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::binary::{binary, listening};
use crate::fixture::{admin, asking, builder, library, patiently, scripted, serving};
use crate::sockets::{Running, ask_this, read_until, run};

/// A deadline that passes within a test.
const SOON: Duration = Duration::from_millis(200);
/// A deadline that does not.
const LATE: Duration = Duration::from_hours(1);
const PROBE: &str = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Deadlines that no test waits for, and room.
fn generous() -> ConnectionLimits {
    ConnectionLimits { header: LATE, idle: LATE, body: LATE, write: LATE, ..ConnectionLimits::default() }
}

fn empty() -> Nexus {
    builder(MemoryStore::default()).build().unwrap()
}

async fn limited(limits: ConnectionLimits) -> Running {
    run(serving(&empty(), admin()).with_limits(limits), Duration::ZERO).await
}

async fn open(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    socket
}

/// Everything that the server sends until it closes the connection.
async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut may end with a reset, which is an end too.
    let _ = patiently(socket.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).unwrap()
}

/// The first line of the answer to one request on a connection of its own.
async fn status(address: SocketAddr, request: &str) -> String {
    let mut read = String::new();
    read_until(&mut open(address, request).await, &mut read, "\r\n").await;
    read.lines().next().unwrap().to_owned()
}

/// Sends `bytes` one by one, again and again, until the server closes the connection; returns what it said.
async fn drip(mut socket: TcpStream, bytes: &[u8]) -> String {
    let (mut reading, mut writing) = socket.split();
    let write = async {
        for byte in bytes.iter().cycle() {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(SOON / 40).await;
        }
    };
    let mut told = Vec::new();
    let read = reading.read_to_end(&mut told);
    match patiently(select(Box::pin(read), Box::pin(write))).await {
        Either::Left(_) | Either::Right(_) => {}
    }
    String::from_utf8(told).unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let server = limited(ConnectionLimits { header: SOON, ..generous() }).await;
    let beginnings = [
        "",
        "G",
        "GET /health/live",
        "GET /health/live HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: ",
    ];
    for beginning in beginnings {
        assert_eq!(rest(&mut open(server.address, beginning).await).await, "", "{beginning}");
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let server = limited(ConnectionLimits { header: SOON, ..generous() }).await;
    for (beginning, bytes) in [("", "G"), ("GET / HTTP/1.1\r\n", "x"), ("GET / HTTP/1.1\r\n", "x: 1\r\n")] {
        assert_eq!(drip(open(server.address, beginning).await, bytes.as_bytes()).await, "", "{beginning}");
    }
}

#[tokio::test]
async fn a_second_head_on_a_connection_is_held_to_the_same_deadline() {
    let server = limited(ConnectionLimits { header: SOON, ..generous() }).await;
    let (mut socket, mut read) = (open(server.address, PROBE).await, String::new());
    read_until(&mut socket, &mut read, r#"{"status":"ok"}"#).await;
    socket.write_all(b"GET /health/live HTTP/1.1\r\n").await.unwrap();
    assert_eq!(rest(&mut socket).await, "");
}

#[tokio::test]
async fn a_connection_without_another_request_is_closed() {
    let server = limited(ConnectionLimits { idle: SOON, ..generous() }).await;
    let told = rest(&mut open(server.address, PROBE).await).await;
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with(r#"{"status":"ok"}"#), "{told}");
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_refused_after_its_deadline() {
    let server = limited(ConnectionLimits { body: SOON, ..generous() }).await;
    let head = "POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n";
    let told = drip(open(server.address, head).await, b" ").await;
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("BODY_TOO_SLOW"), "{told}");
}

#[tokio::test]
async fn a_body_that_no_route_reads_holds_no_connection() {
    let server = limited(generous()).await;
    let head = "GET /health/live HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999\r\n\r\n";
    let told = drip(open(server.address, head).await, b" ").await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
}

#[tokio::test]
async fn an_event_stream_with_heartbeats_outlasts_every_deadline() {
    let (_script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let limits = ConnectionLimits { header: SOON, idle: SOON, body: SOON, write: SOON, ..generous() };
    let server = serving(&nexus, admin()).with_heartbeat(SOON / 4).with_limits(limits);
    let server = run(server, Duration::ZERO).await;
    let (mut socket, mut read) = ask_this(server.address, &asking(), "metadata").await;
    while read.matches("event: heartbeat").count() < 20 {
        let mut more = String::new();
        read_until(&mut socket, &mut more, "\n\n").await;
        read.push_str(&more);
    }
    assert!(!read.contains("event: error"), "{read}");
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_the_connection_that_has_waited_longest() {
    let server = limited(ConnectionLimits { connections: 4, ..generous() }).await;
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(open(server.address, "GET /health/live HTTP/1.1\r\nx: ").await);
    }
    assert_eq!(status(server.address, PROBE).await, "HTTP/1.1 200 OK");
    // All but the last three had to go: for each other, and for the probe.
    for socket in &mut waiting[..37] {
        assert_eq!(rest(socket).await, "");
    }
    let (socket, mut read) = (&mut waiting[39], String::new());
    socket.write_all(b"\r\nhost: localhost\r\n\r\n").await.unwrap();
    read_until(socket, &mut read, "HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn while_every_connection_is_being_answered_health_is_still_told_and_the_rest_refused() {
    let (_script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let limits = ConnectionLimits { connections: 2, ..generous() };
    let server = run(serving(&nexus, admin()).with_limits(limits), Duration::ZERO).await;
    let (_first, read) = ask_this(server.address, &asking(), "event: metadata").await;
    let id = read.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    let resume = format!(
        "POST /v1/run HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {id}\r\ncontent-length: 0\r\n\r\n"
    );
    assert_eq!(
        status(server.address, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await,
        "HTTP/1.1 404 Not Found"
    );
    let mut second = open(server.address, &resume).await;
    let mut read = String::new();
    read_until(&mut second, &mut read, "HTTP/1.1 200 OK").await;

    for _ in 0..20 {
        assert_eq!(status(server.address, PROBE).await, "HTTP/1.1 200 OK");
    }
    let mut third = open(server.address, &resume).await;
    let told = rest(&mut third).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("SERVICE_BUSY"), "{told}");
    assert!(told.contains("retry-after: 1") && told.contains("connection: close"), "{told}");
}

#[tokio::test]
async fn http_2_is_refused_however_it_is_asked_for() {
    let server = limited(generous()).await;
    let told = rest(&mut open(server.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 4"), "{told:?}");

    // A request to go on in HTTP/2 is answered as if it had not asked.
    let upgrade = "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings, close\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let told = rest(&mut open(server.address, upgrade).await).await;
    assert!(told.starts_with("HTTP/1.1 200 OK") && told.ends_with(r#"{"status":"ok"}"#), "{told:?}");
}

#[tokio::test]
async fn connections_without_a_request_do_not_hold_up_the_end() {
    let server = run(serving(&empty(), admin()).with_limits(generous()), LATE).await;
    let mut silent = open(server.address, "").await;
    let mut half = open(server.address, "GET /health/live HTTP/1.1\r\n").await;
    let mut idle = open(server.address, PROBE).await;
    read_until(&mut idle, &mut String::new(), r#"{"status":"ok"}"#).await;
    server.stop.send(()).unwrap();
    for socket in [&mut silent, &mut half, &mut idle] {
        assert_eq!(rest(socket).await, "");
    }
    patiently(server.served).await.unwrap().unwrap();
}

fn probe(address: &str) -> String {
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(socket, "GET /health/live HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn three_hundred_half_open_connections_do_not_end_a_server_that_may_open_two_hundred_files() {
    let home = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_nexus-server");
    let mut shell = Command::new("sh");
    shell.env_clear().envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
    let mut server = shell
        .env("HOME", home.path())
        .current_dir(home.path())
        .args(["-c", "ulimit -n 200; exec \"$0\" --listen 127.0.0.1:0 --grace 0", program])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        socket.write_all(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ").unwrap();
        held.push(socket);
    }
    for _ in 0..3 {
        let answer = probe(&address);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(log.any(|line| line.unwrap().contains("make room for others")));
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_stream_is_dropped_and_the_log_says_so() {
    let (vendor, home) = (Scripted::start().await.unwrap(), tempfile::tempdir().unwrap());
    let data = home.path().join("data");
    library(builder(MemoryStore::open(&data).unwrap())).await.shutdown(Duration::from_secs(9)).await.unwrap();
    let mut server = binary(home.path())
        .envs([("LLM_PROVIDER", "fake"), ("FAKE_PROVIDER_URL", &vendor.url())])
        .env("NEXUS__PROVIDERS__FAKE__MODEL", "scripted-1+frames=60+pace=20ms")
        .envs([("NEXUS_TENANT", "acme"), ("NEXUS_USER", "ada"), ("NEXUS_ROLE", "admin")])
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .env("NEXUS__SERVER__WRITE_MS", "200")
        .args(["--listen", "127.0.0.1:0", "--grace", "0", "--data"])
        .arg(&data)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);
    let address: SocketAddr = address.parse().unwrap();
    let (_answered, read) = ask_this(address, &asking(), "event: done").await;
    let (_, run) = read.split_once("\"run_id\":\"").unwrap();
    let run = run.split_once('"').unwrap().0;
    // The same stream again and again, and nothing of it read: sooner or later no buffer takes more.
    let again = format!(
        "POST /v1/run HTTP/1.1\r\nhost: {address}\r\nlast-event-id: {run}:0\r\ncontent-length: 0\r\n\r\n"
    );
    let socket = TcpStream::connect(address).await.unwrap();
    let deaf = async {
        let (_unread, mut writing) = socket.into_split();
        while writing.write_all(again.as_bytes()).await.is_ok() {}
    };
    let told = tokio::task::spawn_blocking(move || {
        log.any(|line| line.unwrap().contains("whose client does not read"))
    });
    let (told, ()) = patiently(futures::future::join(told, deaf)).await;
    assert!(told.unwrap());
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}
