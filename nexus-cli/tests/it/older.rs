//! Stores of other versions: an older one is taken as it is, a newer one is refused by name.
//!
//! The fixtures are what earlier versions left, signed with the key that [`Bench`] gives every command. Each holds two
//! documents, of which one was replaced, questions with their answers, one of them by a model, and the records of it
//! all. The one of format 5 has no marker. The one of format 6 also holds a grant, a limit, a price, an empty corpus, and
//! a run whose process was killed while its model was silent.

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

/// A bench on the store as a format left it.
fn of_format(format: u32) -> Bench {
    let bench = Bench::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-format-{format}"));
    copy(&fixture, &bench.path("nexus-data"));
    bench
}

#[test]
fn a_store_of_format_5_is_taken_marked_verified_and_answers() {
    let bench = of_format(5);
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

#[test]
fn a_store_of_format_6_keeps_its_settings_and_ends_the_run_that_was_killed() {
    let bench = of_format(6);
    let answer = bench.run(&["ask", "--corpus", "handbook", "Are trains preferred to flights?"]).ends(0);
    assert!(answer.out.contains("eight hours"), "{answer:#?}");
    let of = |command: &[&str]| bench.run(&[command, &["--json"]].concat()).ends(0).json();
    let runs = of(&["runs", "list"]);
    assert_eq!(runs.as_array().unwrap().len(), 5);
    assert!(runs.as_array().unwrap().iter().all(|run| run["phase"] == "closed"), "{runs:#}");
    let entries = of(&["ledger", "list"]);
    let killed = entries.as_array().unwrap().iter().find(|entry| entry["model"] == "gpt-4o+silent").unwrap();
    assert_eq!(
        killed["status"], "unknown_outcome",
        "the killed call is charged at its worst case: {killed:#}"
    );
    assert_eq!(of(&["corpora", "list"]).as_array().unwrap().len(), 2);
    let grants = of(&["docs", "grants", "handbook/leave.md"]);
    assert!(grants.to_string().contains("reader"), "{grants:#}");
    let limits = of(&["budget", "show"]);
    assert!(limits.to_string().contains("10000000000"), "{limits:#}");
    assert!(of(&["pricing", "list"]).to_string().contains("gpt-4o+silent"));
    assert_eq!(of(&["runs", "verify", "--all"])["unsound"], serde_json::json!([]));
    bench.run(&["backup", "copy"]).ends(0);
    bench.run(&["--data", "copy", "runs", "verify", "--all"]).ends(0);
}

/// The format number that SQLite keeps at byte 60 of a database.
fn set_format(database: &Path, format: u32) {
    let mut bytes = fs::read(database).unwrap();
    bytes[60..64].copy_from_slice(&format.to_be_bytes());
    fs::write(database, bytes).unwrap();
}

fn format(database: &Path) -> u32 {
    u32::from_be_bytes(fs::read(database).unwrap()[60..64].try_into().unwrap())
}

#[test]
fn a_store_of_a_newer_format_is_refused_with_both_formats_named() {
    let forward = of_format(5);
    forward.run(&["docs", "list"]).ends(0);
    let present = format(&forward.path("nexus-data/nexus.db"));
    assert!(present > 5);
    let (newer, present) = (present + 1, format!("format {present}"));
    let bench = of_format(5);
    set_format(&bench.path("nexus-data/nexus.db"), newer);
    for command in [&["status"][..], &["docs", "reindex", "handbook/leave.md"]] {
        let said = bench.run(&[command, &["--json"]].concat()).ends(1);
        assert_eq!(said.error_code(), "STORE_TOO_NEW");
        assert!(said.err.contains(&format!("format {newer}")) && said.err.contains(&present), "{said:#?}");
        assert!(said.err.contains("upgrade this program"), "{said:#?}");
    }
}

#[test]
fn a_text_index_of_an_older_analysis_is_made_anew() {
    let bench = of_format(6);
    let index = bench.path("nexus-data/text/1/meta.json");
    assert!(fs::read_to_string(&index).unwrap().contains(r#"\"analysis\":1"#));
    let found = bench.run(&["search", "--corpus", "handbook", "leave.md"]).ends(0).out;
    assert!(found.starts_with(" 1. leave.md"), "names are searched, which the older index lacks: {found}");
    bench.run(&["ask", "--corpus", "handbook", "Are trains preferred to flights?"]).ends(0);
    assert!(fs::read_to_string(&index).unwrap().contains(r#"\"analysis\":2"#));
}
