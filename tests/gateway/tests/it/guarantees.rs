//! Consistency of `GUARANTEES.md`: each of the sixty guarantees names existing tests, or the part it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Parts that some guarantees wait for.
const AWAITED: [&str; 2] = ["the HTTP ingress", "the PostgreSQL store"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Row of the table.
#[derive(Debug, Default)]
struct Row {
    /// Tests, as `path::function`.
    proofs: BTreeSet<String>,
    /// Part that the guarantee waits for.
    awaits: Option<String>,
}

fn rows() -> BTreeMap<u32, Row> {
    let text = fs::read_to_string(root().join("tests/gateway/GUARANTEES.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<u32>() else { continue };
        assert_eq!(cells.len(), 3, "{line}");
        let proofs = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let awaits = cells[2].split_once("waits for ").map(|(_, what)| what.to_owned());
        assert!(rows.insert(number, Row { proofs, awaits }).is_none(), "{number} is there twice");
    }
    rows
}

#[test]
fn each_guarantee_is_proved_or_waits_for_something_that_is_named() {
    let rows = rows();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
    for (number, row) in rows {
        assert!(!row.proofs.is_empty() || row.awaits.is_some(), "{number} is not proved");
        if let Some(awaited) = row.awaits {
            assert!(AWAITED.contains(&awaited.as_str()), "{number} waits for `{awaited}`");
        }
    }
}

#[test]
fn each_proof_is_a_test_that_exists() {
    for (number, row) in rows() {
        for proof in row.proofs {
            let (path, function) = proof.rsplit_once("::").unwrap_or_else(|| panic!("{number}: {proof}"));
            let source = fs::read_to_string(root().join(path)).unwrap_or_default();
            assert!(source.contains(&format!("fn {function}(")), "{number}: there is no `{proof}`");
        }
    }
}

#[test]
fn each_test_that_names_a_number_is_in_its_row() {
    let rows = rows();
    let mut named = 0;
    for path in sources(&root().join("tests/gateway/tests")) {
        let place = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        for function in source.lines().filter_map(|line| {
            let line = line.trim_start().trim_start_matches("async ");
            line.strip_prefix("fn ").and_then(|line| line.split('(').next())
        }) {
            for word in function.split('_').take_while(|word| word.len() == 3) {
                let Some(Ok(number)) = word.strip_prefix('n').map(str::parse::<u32>) else { break };
                let proof = format!("{place}::{function}");
                assert!(
                    rows[&number].proofs.contains(&proof),
                    "GUARANTEES.md: {number} does not name `{proof}`"
                );
                named += 1;
            }
        }
    }
    assert!(named > 30, "the tests were not found");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
