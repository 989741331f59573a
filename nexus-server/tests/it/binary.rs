//! The real binary: its help, its refusals, and its end.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// Returns the binary without this process's environment, except for the path of coverage counters.
pub(crate) fn binary(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-server"));
    command
        .env_clear()
        .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
        .env("HOME", home)
        .current_dir(home);
    command
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("exit {}\n{}{}", output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_teaches() {
    let home = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", told(&binary(home.path()).arg("--help").output().unwrap()));
}

#[test]
fn an_address_that_other_machines_reach_is_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let output = binary(home.path())
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .args(["--listen", "0.0.0.0:8080"])
        .output()
        .unwrap();
    insta::assert_snapshot!(told(&output), @r##"
    exit 2
    error: the server has no authentication yet, so it does not listen on `0.0.0.0:8080`, which other machines reach
    hint: use `127.0.0.1` or `[::1]`, and a tunnel such as `ssh -L` from elsewhere
    "##);
    assert!(!home.path().join("nexus-data").exists(), "nothing is made for a server that does not start");
}

#[test]
fn a_setting_that_means_nothing_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let output = binary(home.path())
        .env("RUN_MAX_CONCURRENCY", "many")
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .output()
        .unwrap();
    insta::assert_snapshot!(told(&output), @r##"
    exit 2
    error: cannot parse the variable `RUN_MAX_CONCURRENCY`
    hint: it may be: a number from 1
    "##);
}

#[test]
fn a_log_setting_that_means_nothing_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let output = binary(home.path()).env("RUST_LOG", "nexus=loud=very").output().unwrap();
    insta::assert_snapshot!(told(&output), @r##"
    exit 2
    error: cannot parse `RUST_LOG`
    hint: try `info`
    "##);
}

#[test]
fn an_address_that_is_taken_is_named_with_a_way_out() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = binary(home.path())
        .env("RUST_LOG", "off")
        .env("AUDIT_SECRET", "a secret that only these tests know")
        .args(["--listen", &address])
        .output()
        .unwrap();
    insta::assert_snapshot!(told(&output).replace(&address, "[address]"), @r##"
    exit 1
    error: cannot listen on `[address]`
    hint: is another server running? `--listen 127.0.0.1:0` takes any free port
    "##);
    assert!(!home.path().join("nexus-data").exists(), "nothing is made for a server that does not start");
}

/// The log of a server that was just started, and where it listens.
pub(crate) fn listening(server: &mut Child) -> (Lines<BufReader<ChildStderr>>, String) {
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    let line = log.find_map(|line| line.ok().filter(|line| line.contains("listening"))).unwrap();
    let address = line.split_once("address=").unwrap().1.split(' ').next().unwrap().to_owned();
    (log, address)
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let home = tempfile::tempdir().unwrap();
    let mut server = binary(home.path())
        .args(["--listen", "127.0.0.1:0", "--grace", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);

    let mut socket = TcpStream::connect(&address).unwrap();
    write!(socket, "GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    assert!(log.any(|line| line.unwrap().contains("stopping")));
}

#[test]
fn a_name_from_a_request_cannot_forge_a_line_of_the_log() {
    let home = tempfile::tempdir().unwrap();
    let mut server = binary(home.path())
        .args(["--listen", "127.0.0.1:0", "--grace", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut log, address) = listening(&mut server);
    let body = r#"{"\u001b[31m\n2026-11-30T00:00:00Z  INFO forged\r\u202e": 1}"#;
    let mut socket = TcpStream::connect(&address).unwrap();
    write!(
        socket,
        "POST /v1/run HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    let line = log.find_map(|line| line.ok().filter(|line| line.contains("forged"))).unwrap();
    let escaped = r"unknown field `\u{1b}[31m\n2026-11-30T00:00:00Z  INFO forged\r\u{202e}`";
    assert!(line.contains("a request was refused") && line.contains(escaped), "{line}");
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}
