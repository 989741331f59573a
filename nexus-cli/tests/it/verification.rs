//! `nexus runs verify` and `nexus runs show` after what a run showed was changed, erased or removed.

use std::fs;

use crate::bench::Bench;

const ASK: [&str; 4] = ["ask", "--corpus", "handbook", "How many days of annual leave?"];

fn run_of(bench: &Bench) -> String {
    bench.run(&ASK).ends(0);
    let runs = bench.run(&["runs", "list", "--json"]).ends(0).json();
    runs[0]["id"].as_str().unwrap().to_owned()
}

/// Replaces bytes in the database, as someone could who knows nothing of its format.
fn replace(bench: &Bench, from: &str, to: &str) -> usize {
    assert_eq!(from.len(), to.len());
    let mut replaced = 0;
    for name in ["nexus-data/nexus.db", "nexus-data/nexus.db-wal"] {
        let Ok(mut bytes) = fs::read(bench.path(name)) else { continue };
        let places: Vec<usize> = bytes
            .windows(from.len())
            .enumerate()
            .filter_map(|(place, window)| (window == from.as_bytes()).then_some(place))
            .collect();
        for place in &places {
            bytes[*place..place + from.len()].copy_from_slice(to.as_bytes());
        }
        replaced += places.len();
        fs::write(bench.path(name), bytes).unwrap();
    }
    replaced
}

#[test]
fn a_text_that_was_changed_in_the_data_directory_does_not_verify_and_answers_nothing() {
    let bench = Bench::ingested();
    let run = run_of(&bench);
    assert!(bench.run(&["runs", "verify", &run]).ends(0).out.contains(" ok, "));
    let shown = bench.run(&["runs", "show", &run, "--json"]).ends(0).json();
    let quote = shown["answer"]["citations"][0]["quote"].as_str().unwrap().to_owned();
    assert_ne!(replace(&bench, &quote, &quote.to_ascii_uppercase()), 0);

    let verified = bench.run(&["runs", "verify", &run]).ends(6).out;
    assert!(verified.contains(" content_changed, ") && verified.contains("passages: changed"), "{verified}");
    let all = bench.run(&["runs", "verify", "--all", "--json"]).ends(6).json();
    let statuses: Vec<_> = all["unsound"].as_array().unwrap().iter().map(|chain| &chain["status"]).collect();
    assert!(statuses.len() >= 2 && statuses.iter().all(|status| *status == "content_changed"), "{all:#}");
    let asked = bench.run(&[&ASK[..], &["--no-cache", "--json"]].concat()).ends(1);
    assert!(asked.out.contains("CONTENT_CHANGED") || asked.err.contains("CONTENT_CHANGED"), "{asked:#?}");
}

#[test]
fn a_run_says_that_a_document_it_cites_was_removed_or_replaced_and_still_verifies() {
    let bench = Bench::ingested();
    let run = run_of(&bench);
    let shown = bench.run(&["runs", "show", &run, "--json"]).ends(0).json();
    assert_eq!(shown["documents"][0]["state"], "current");
    let document = shown["documents"][0]["document"].as_str().unwrap().to_owned();
    bench.run(&["docs", "rm", &document]).ends(0);
    let shown = bench.run(&["runs", "show", &run]).ends(0).out;
    assert!(shown.contains(&format!("{document}: document removed")), "{shown}");
    let verified = bench.run(&["runs", "verify", &run]).ends(0).out;
    assert!(verified.contains(" ok, "), "the run holds what it showed: {verified}");
    let exported = bench.run(&["export", "all.jsonl", "--json"]).ends(0).json();
    assert_eq!(exported["removed"], serde_json::json!({ document.clone(): 1 }));
    let told = bench.run(&["export"]).ends(0);
    assert!(
        told.err.contains(&format!("1 removed document, which runs showed, are in it: {document}")),
        "{}",
        told.err
    );
    assert!(told.out.lines().last().unwrap().contains(r#""removed""#));
}
