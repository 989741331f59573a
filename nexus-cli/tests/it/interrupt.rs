//! Interrupts and cancel requests: work in flight ends gracefully, and its record shows the outcome.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bench::{Bench, until};

/// Corpus in which a long question takes long.
fn slow() -> (Bench, String) {
    let bench = Bench::new();
    let paragraphs: Vec<String> = (0..4_000)
        .map(|n| format!("Paragraph {n} is about annual leave of kind {n} and about travel."))
        .collect();
    bench.write("docs/long.txt", &paragraphs.join("\n\n"));
    bench.run(&["ingest", "docs", "--corpus", "handbook", "--chunk-size-chars", "400"]).ends(0);
    let question = (0..1_000).map(|n| format!("leave{n}")).collect::<Vec<_>>().join(" ");
    (bench, format!("Which annual leave and travel? {question}").chars().take(9_000).collect())
}

fn signal(child: &Child, signal: &str) {
    let sent =
        Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    assert!(sent.success() || signal == "-INT");
}

/// Asks, and returns once the run exists.
fn begin(bench: &Bench, question: &str) -> (Child, String) {
    let ask = ["ask", "--corpus", "handbook", "--json", "--events", "--top-k", "100", question];
    let mut child = bench.command(&ask).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    // The rest is read by a thread, so that the run is not held up by a full pipe.
    std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
    (child, event["data"]["run_id"].as_str().unwrap().to_owned())
}

fn outcome(bench: &Bench, run: &str) -> Value {
    bench.run(&["runs", "show", run, "--json"]).ends(0).json()["run"]["outcome"]["outcome"].clone()
}

fn is_running(bench: &Bench, run: &str) -> bool {
    bench.run(&["runs", "list", "--state", "running"]).ends(0).out.contains(run)
}

/// A run whose process stands still in the middle of it.
fn stopped(bench: &Bench, question: &str) -> (Child, String) {
    let mut caught = None;
    until("a run is stopped in the middle", || {
        let (mut child, run) = begin(bench, question);
        signal(&child, "-STOP");
        if is_running(bench, &run) {
            caught = Some((child, run));
            return true;
        }
        signal(&child, "-CONT");
        child.wait().unwrap();
        false
    });
    caught.unwrap()
}

#[test]
fn an_interrupt_cancels_the_run_and_its_record_says_so() {
    let (bench, question) = slow();
    let mut cancelled = None;
    until("an interrupt comes in the middle of a run", || {
        let (mut child, run) = begin(&bench, &question);
        signal(&child, "-INT");
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3 | 130)), "{code:?}");
        cancelled = (code == Some(130)).then_some(run);
        cancelled.is_some()
    });
    let run = cancelled.unwrap();
    assert_eq!(outcome(&bench, &run), "cancelled");
    assert!(bench.run(&["runs", "verify", &run]).ends(0).out.contains(" ok, "));
}

#[test]
fn a_cancel_request_is_honoured_by_the_next_owner() {
    let (bench, question) = slow();
    let (mut owner, run) = stopped(&bench, &question);
    let said = bench.run(&["runs", "cancel", &run, "--json"]).ends(0).json();
    assert_eq!(said["cancel"], "requested");
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("an owner has taken the run up", || {
        bench.run(&["corpora", "set", "handbook", "--name", "x"]).ends(0);
        !is_running(&bench, &run)
    });
    assert_eq!(outcome(&bench, &run), "cancelled");
}

#[test]
fn a_run_without_a_driver_is_cancelled_at_once() {
    let (bench, question) = slow();
    let (mut owner, run) = stopped(&bench, &question);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(bench.run(&["runs", "verify", &run]).ends(0).out.contains(" open, "));
    assert_eq!(bench.run(&["runs", "cancel", &run, "--json"]).ends(0).json()["cancel"], "cancelled");
    assert_eq!(outcome(&bench, &run), "cancelled");
    assert!(bench.run(&["runs", "verify", &run]).ends(0).out.contains(" ok, "));
    bench.run(&["runs", "cancel", &run]).ends(1);
}

#[test]
fn an_interrupt_ends_a_conversation() {
    let bench = Bench::ingested();
    for interrupt in ["-INT", "-TERM"] {
        let mut chat = bench.chat();
        // Waiting would close the input first, and its end would race with the signal.
        let _input = chat.process.stdin.take();
        signal(&chat.process, interrupt);
        assert_eq!(chat.process.wait().unwrap().code(), Some(130));
    }
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn a_command_that_waits_for_its_input_can_be_interrupted() {
    let bench = Bench::ingested();
    for command in [&["ask", "--corpus", "handbook", "-"][..], &["ingest", "-", "--corpus", "handbook"]] {
        let mut child = bench.command(command).stdin(Stdio::piped()).spawn().unwrap();
        let mut code = None;
        until("the interrupt ends the command", || {
            signal(&child, "-INT");
            code = child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        // One that comes before the program listens ends it like any program.
        assert!(matches!(code, Some(Some(130) | None)), "{code:?}");
    }
    bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(0);
}

#[test]
fn an_interrupted_ingestion_ends_what_it_began_and_can_be_taken_up() {
    let bench = Bench::new();
    for n in 0..200 {
        bench.write(&format!("docs/{n}.md"), &format!("# Number {n}\n\nThis is text {n}.\n"));
    }
    let ingest = ["ingest", "docs", "--corpus", "handbook"];
    let mut verbose = bench.command(&[&ingest[..], &["-v"]].concat());
    let mut child = verbose.stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    signal(&child, "-INT");
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("not begun"), "{said}");
    let status = bench.run(&["status", "--json"]).ends(0).json();
    assert_eq!(status["status"]["store"]["documents_in_flight"], 0);
    assert!(bench.run(&["runs", "verify", "--all"]).ends(0).out.contains(" 0 open"));
    let json = bench.run(&[&ingest[..], &["--json"]].concat()).ends(0).json();
    let ended = said.lines().filter(|line| line.starts_with("done")).count();
    assert_eq!(json["unchanged"], ended);
    assert_eq!(json["done"], 202 - ended);
}
