//! Documents that a killed command left: the next command that owns the store finishes them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, until};

/// Bench whose ingestion of a long document was killed in the middle.
fn killed() -> Bench {
    let bench = Bench::ingested();
    let mut long = String::new();
    for number in 0..20_000 {
        writeln!(long, "Paragraph {number} is about travel of kind {number}.\n").unwrap();
    }
    std::fs::create_dir(bench.path("more")).unwrap();
    bench.write("more/long.txt", &long);
    until("an ingestion is killed in the middle", || {
        let mut child = bench.command(&["ingest", "more", "--corpus", "handbook"]).spawn().unwrap();
        until("a document is in flight, or the command has ended", || {
            in_flight(&bench) > 0 || child.try_wait().unwrap().is_some()
        });
        signal(child.id(), "-KILL");
        child.wait().unwrap();
        let is_caught = in_flight(&bench) > 0;
        if !is_caught {
            bench.run(&["docs", "rm", "--yes", "handbook/long.txt"]);
        }
        is_caught
    });
    bench
}

fn signal(process: u32, signal: &str) {
    // The process may be gone already.
    let _ = Command::new("kill").args([signal, &process.to_string()]).output().unwrap();
}

fn count(bench: &Bench, status: &str) -> usize {
    let listed = bench.run(&["docs", "list", "--status", status, "--json"]).ends(0).json();
    listed.as_array().unwrap().len()
}

fn in_flight(bench: &Bench) -> usize {
    count(bench, "queued") + count(bench, "processing")
}

/// Removes the raw bytes of long documents.
fn remove_long_blobs(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            remove_long_blobs(&entry.path());
        } else if entry.metadata().unwrap().len() > 100_000 {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn the_next_question_is_answered_and_finishes_the_documents_of_a_killed_command() {
    let bench = killed();
    let found = bench.run(&["search", "--corpus", "handbook", "travel"]).ends(0);
    assert!(found.err.contains("1 document of the corpus is not searchable yet"), "{found:#?}");
    let found = bench.run(&["search", "--corpus", "handbook", "travel", "--json"]).ends(0).json();
    assert_eq!(found["documents_in_flight"], 1);
    let asked = bench.run(&["ask", "--corpus", "handbook", "How much annual leave?"]).ends(0);
    assert!(asked.out.contains("30 days of annual leave"), "{asked:#?}");
    assert!(asked.err.contains("1 document of the corpus is not searchable yet"), "{asked:#?}");
    assert!(asked.err.contains("finished 1 document left by an earlier command"), "{asked:#?}");
    assert_eq!((in_flight(&bench), count(&bench, "succeeded")), (0, 3));
    let asked = bench.run(&["ask", "--corpus", "handbook", "--json", "How much annual leave?"]).ends(0);
    assert_eq!((&*asked.err, &asked.json()["retrieval"]["documents_in_flight"]), ("", &0.into()));
}

#[test]
fn a_removal_and_an_ingestion_finish_the_documents_of_a_killed_command_first() {
    let bench = killed();
    bench.run(&["docs", "rm", "--yes", "handbook/long.txt"]).ends(0);
    assert_eq!(in_flight(&bench), 0);
    let bench = killed();
    let said = bench.run(&["ingest", "more", "--corpus", "handbook"]).ends(0);
    assert!(said.err.contains("finished 1 document left by an earlier command"), "{said:#?}");
    assert!(said.out.contains("0 done, 1 unchanged, 0 failed"), "{said:#?}");
}

#[test]
fn a_tripped_kill_switch_leaves_the_documents_and_says_so() {
    let bench = killed();
    let said = bench.run(&["kill-switch", "trip", "an exercise"]).ends(0);
    assert!(said.err.contains("1 document left to the next command that writes"), "{said:#?}");
    assert_eq!(in_flight(&bench), 1);
}

#[test]
fn a_document_of_a_killed_command_that_fails_is_told_apart_and_fails_the_ingestion() {
    let bench = killed();
    remove_long_blobs(&bench.path("nexus-data/blobs"));
    let said = bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(1);
    assert!(said.err.contains("1 document left by an earlier command failed"), "{said:#?}");
    assert!(said.out.contains("0 done, 2 unchanged, 0 failed"), "{said:#?}");
    assert_eq!((in_flight(&bench), count(&bench, "failed")), (0, 1));
}
