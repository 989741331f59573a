//! Stores of other versions: an older one is taken as it is, a newer one is refused by name.
//!
//! The fixture is what version 0.1.0 left in format 5, without a marker: two documents, of which one was replaced, two
//! questions with their answers, one of them by a model, and the records of it all. It was signed with the key that
//! [`Bench`] gives every command.

use std::fs;
use std::path::Path;

use crate::bench::Bench;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A bench on the store as format 5 left it.
fn of_format_5() -> Bench {
    let bench = Bench::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-format-5");
    copy(&fixture, &bench.path("nexus-data"));
    bench
}

#[test]
fn a_store_of_format_5_is_taken_marked_verified_and_answers() {
    let bench = of_format_5();
    let marker = bench.path("nexus-data/nexus-store.json");
    bench.run(&["docs", "list"]).ends(0);
    assert!(marker.exists(), "the first command brings the store forward and marks it");
    let ask =
        ["ask", "--corpus", "handbook", "How many unused days of annual leave carry over to the next year?"];
    let answer = bench.run(&ask).ends(0);
    assert!(answer.out.contains("Up to 5 unused days"), "{answer:#?}");
    let verified = bench.run(&["runs", "verify", "--all", "--json"]).ends(0).json();
    assert_eq!(verified["unsound"], serde_json::json!([]));
    let documents = bench.run(&["docs", "list", "--json"]).ends(0).json();
    assert_eq!(documents.as_array().unwrap().len(), 2);
    let travel = bench.run(&["docs", "show", "handbook/travel.md", "--json"]).ends(0).json();
    assert_eq!(travel["document"]["version"], 2);
    bench.run(&["docs", "reindex", "handbook/travel.md"]).ends(0);
    let found = bench.run(&["search", "--corpus", "handbook", "trains and flights"]).ends(0).out;
    assert!(found.contains("eight hours"), "{found}");
    assert_eq!(bench.run(&["runs", "list", "--json"]).ends(0).json().as_array().unwrap().len(), 3);
    assert_eq!(bench.run(&["sessions", "list", "--json"]).ends(0).json().as_array().unwrap().len(), 3);
    let lines = bench.run(&["ledger", "list", "--json"]).ends(0).json();
    assert!(lines.as_array().unwrap().iter().any(|line| line["model"] == "gpt-4o"), "{lines}");
    bench.run(&["backup", "copy"]).ends(0);
    assert!(bench.path("copy/nexus-store.json").exists());
    bench.run(&["--data", "copy", "runs", "verify", "--all"]).ends(0);
}

/// The format number that SQLite keeps at byte 60 of a database.
fn set_format(database: &Path, format: u32) {
    let mut bytes = fs::read(database).unwrap();
    bytes[60..64].copy_from_slice(&format.to_be_bytes());
    fs::write(database, bytes).unwrap();
}

#[test]
fn a_store_of_a_newer_format_is_refused_with_both_formats_named() {
    let bench = of_format_5();
    set_format(&bench.path("nexus-data/nexus.db"), 7);
    for command in [&["status"][..], &["docs", "reindex", "handbook/leave.md"]] {
        let said = bench.run(&[command, &["--json"]].concat()).ends(1);
        assert_eq!(said.error_code(), "STORE_TOO_NEW");
        assert!(said.err.contains("format 7") && said.err.contains("format 6"), "{said:#?}");
        assert!(said.err.contains("upgrade this program"), "{said:#?}");
    }
}
