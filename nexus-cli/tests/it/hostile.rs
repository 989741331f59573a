//! Inputs that would exhaust resources: each is refused, and leaves nothing behind.

use std::path::Path;

use crate::bench::Bench;

/// The bytes of everything below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(
            |entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() },
        )
        .sum()
}

#[test]
fn a_document_that_amplifies_is_refused_and_nothing_of_it_stays() {
    let bench = Bench::ingested();
    let text = "a cell that stands in every place it covers ".repeat(11);
    let page = format!(
        "<html><p>A first paragraph.</p><table><tr><td rowspan=256 colspan=256>{text}</td></tr>{}</table>",
        "<tr><td>x</td><td>y</td></tr>".repeat(255)
    );
    bench.write("spans.html", &page);
    let before = size(&bench.path("nexus-data"));
    let said = bench.run(&["ingest", "spans.html", "--corpus", "handbook", "--json"]).ends(1);
    assert!(said.out.contains("DOCUMENT_AMPLIFIES"), "{said:#?}");
    let grown = size(&bench.path("nexus-data")).saturating_sub(before);
    assert!(grown < 1_000_000, "the data directory grew by {grown} bytes");
    let found = bench.run(&["search", "--corpus", "handbook", "--json", "first paragraph"]).ends(0).json();
    let names: Vec<&str> =
        found["hits"].as_array().unwrap().iter().filter_map(|hit| hit["document_name"].as_str()).collect();
    assert!(!names.contains(&"spans.html"), "{names:?}");
    let shown = bench.run(&["docs", "show", "handbook/spans.html", "--json"]).ends(0).json();
    assert_eq!(shown["document"]["passages"], 0);
}

/// Records of which all but one are left out.
fn partly_broken(bench: &Bench) {
    bench.write(
        "docs/records.jsonl",
        &format!("{{\"text\": \"A record that is whole.\"}}\n{}", "{broken\n".repeat(7)),
    );
}

#[test]
fn what_was_left_out_of_a_document_is_told_when_it_is_ingested() {
    let bench = Bench::new();
    partly_broken(&bench);
    let ingest = ["ingest", "docs/records.jsonl", "--corpus", "handbook"];
    let first = ": line 2 is not valid JSON and was left out; 6 more, see `docs show`";
    for result in [
        "done, with 7 warnings  docs/records.jsonl (1 passage)",
        "unchanged, with 7 warnings  docs/records.jsonl",
    ] {
        let said = bench.run(&ingest).ends(0);
        let lines: Vec<&str> = said.out.lines().collect();
        assert_eq!(lines.len(), 2, "{said:#?}");
        assert_eq!(lines[0], format!("{result}{first}"));
    }
    let said = bench.run(&[&ingest[..], &["--json"]].concat()).ends(0).json();
    let warnings = said["documents"][0]["warnings"].as_array().unwrap();
    assert_eq!((warnings.len(), &warnings[6]), (7, &"line 8 is not valid JSON and was left out".into()));
    assert!(
        bench.run(&["ingest", "docs/leave.md", "--corpus", "handbook", "--json"]).ends(0).json()["documents"]
            [0]["warnings"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_was_left_out_of_a_document_is_shown_with_it() {
    let bench = Bench::new();
    partly_broken(&bench);
    bench.run(&["ingest", "docs/records.jsonl", "--corpus", "handbook"]).ends(0);
    let said = bench.run(&["docs", "show", "handbook/records.jsonl"]).ends(0);
    let shown: Vec<&str> = said.out.lines().filter(|line| line.starts_with("warning    ")).collect();
    assert_eq!(shown.len(), 7, "{said:#?}");
    assert_eq!(shown[6], "warning    line 8 is not valid JSON and was left out");
}

#[test]
fn a_document_with_losses_fails_if_the_ingestion_is_strict() {
    let bench = Bench::new();
    partly_broken(&bench);
    let ingest = ["ingest", "docs/records.jsonl", "--corpus", "handbook"];
    let strict = [&ingest[..], &["--strict"]].concat();
    let said = bench.run(&strict).ends(1);
    assert!(said.out.contains("failed     docs/records.jsonl (DOCUMENT_INCOMPLETE)"), "{said:#?}");
    assert!(said.err.contains("line 2 is not valid JSON"), "{said:#?}");
    bench.run(&ingest).ends(0);
    bench.run(&strict).ends(1);
    bench.run(&["ingest", "docs/leave.md", "--corpus", "handbook", "--strict"]).ends(0);
}

#[test]
fn a_stream_that_is_no_export_is_refused_after_its_first_kilobytes() {
    let bench = Bench::new();
    let said = bench.feed(&["import", "-", "--json"], &vec![b'a'; 10_000_000]).ends(2);
    assert_eq!(said.error_code(), "NOT_AN_EXPORT");
}

#[test]
fn an_ignore_file_full_of_wildcards_is_refused_and_the_rest_ingested() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("docs/wild")).unwrap();
    bench.write("docs/wild/.nexusignore", &format!("{}1\n", "*a".repeat(200)).repeat(500));
    bench.write("docs/wild/hidden.md", "# Hidden\n\nText.");
    let said = bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(1);
    let words = format!("{}{}", said.out, said.err);
    assert!(words.contains("the ignore file") && words.contains("hint: shorten it"), "{said:#?}");
    let listed = bench.run(&["docs", "list", "--json"]).ends(0).out;
    assert!(listed.contains("travel.md") && !listed.contains("hidden.md"), "{listed}");
}
