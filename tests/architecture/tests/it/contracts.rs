//! Contracts of the ports: each line of a `# Contract` has a scenario of the same name, and each scenario has a line.

use std::collections::{BTreeMap, BTreeSet};

use crate::prose::texts;

/// Folder whose files hold scenarios of ports alone.
const TEST_KIT: &str = "tests/testkit/src/";

/// Ports with the files of their scenarios.
const PORTS: &[(&str, &[&str])] = &[
    ("AdminResourceStore", &["tests/testkit/src/store/resource.rs"]),
    ("AuditChain", &["tests/testkit/src/store/audit.rs"]),
    ("BlobStore", &["tests/testkit/src/store/blob.rs"]),
    ("CacheStore", &["tests/testkit/src/cache/scenarios.rs"]),
    ("Clock", &["tests/testkit/src/clock.rs"]),
    ("CorpusStore", &["tests/testkit/src/store/corpus.rs"]),
    ("DocumentParser", &["nexus-providers/tests/it/documents/contract.rs"]),
    ("DocumentStore", &["tests/testkit/src/store/document.rs", "tests/testkit/src/store/permission.rs"]),
    ("Embedder", &["nexus-providers/tests/vendors/scenarios/embeddings.rs"]),
    ("GrantStore", &["tests/testkit/src/store/grant.rs"]),
    ("JobQueue", &["tests/testkit/src/store/job.rs"]),
    ("LedgerStore", &["tests/testkit/src/store/ledger.rs"]),
    ("LlmProvider", &["nexus-providers/tests/vendors/scenarios/contract.rs"]),
    ("PolicyEngine", &["tests/testkit/src/policy.rs"]),
    ("PriceStore", &["tests/testkit/src/store/price.rs"]),
    (
        "QuotaStore",
        &[
            "tests/testkit/src/store/idempotency.rs",
            "tests/testkit/src/store/quota.rs",
            "tests/testkit/src/store/reconciliation.rs",
        ],
    ),
    ("RetentionStore", &["tests/testkit/src/store/retention.rs"]),
    ("Retriever", &["tests/testkit/src/store/retrieve.rs"]),
    ("RunStore", &["tests/testkit/src/store/run.rs"]),
    ("SessionStore", &["tests/testkit/src/store/session.rs"]),
    ("SpeechSynthesizer", &["nexus-providers/tests/vendors/scenarios/speech.rs"]),
    ("StatsStore", &["tests/testkit/src/store/stats.rs"]),
    ("SystemStore", &["tests/testkit/src/store/system.rs"]),
    ("TokenCounter", &["tests/testkit/src/tokens.rs"]),
    ("TransferStore", &["tests/testkit/src/store/transfer.rs"]),
];

#[test]
fn each_contract_line_has_a_scenario_and_each_scenario_a_line() {
    let texts = texts(&["rs"]);
    let contracts = contracts(&texts);
    let suites: BTreeMap<&str, Vec<String>> =
        texts.iter().map(|(file, source)| (file.as_str(), scenarios(source))).collect();
    let mut faults = Vec::new();
    for &(port, files) in PORTS {
        let lines = contracts.get(port).map(Vec::as_slice).unwrap_or_default();
        let names: BTreeSet<String> = lines.iter().map(|line| name(line)).collect();
        let scenarios = files.iter().filter_map(|file| suites.get(*file)).flatten().cloned().collect();
        assert!(!names.is_empty() && names.len() == lines.len(), "{port}: lines of one name, or none");
        let unproved = names.difference(&scenarios);
        faults.extend(unproved.map(|line| format!("{port}: the line `{line}` has no scenario")));
        let unnamed = scenarios.difference(&names);
        faults.extend(unnamed.map(|scenario| format!("{port}: the scenario `{scenario}` has no line")));
    }
    assert!(faults.is_empty(), "contracts and scenarios differ:\n{}", faults.join("\n"));
}

#[test]
fn every_contract_and_every_suite_is_in_the_table() {
    let texts = texts(&["rs"]);
    let listed: BTreeSet<&str> = PORTS.iter().map(|(port, _)| *port).collect();
    let contracts = contracts(&texts);
    assert_eq!(
        contracts.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        listed,
        "ports with a contract"
    );
    let listed: BTreeSet<&str> = PORTS.iter().flat_map(|(_, files)| *files).copied().collect();
    for (file, source) in texts.iter().filter(|(file, _)| file.starts_with(TEST_KIT)) {
        let is_suite = !scenarios(source).is_empty();
        assert_eq!(is_suite, listed.contains(file.as_str()), "{file}: scenarios without a port, or none");
    }
}

#[test]
fn contracts_and_scenarios_are_read_as_written() {
    let source = "/// Port.\n///\n/// # Contract\n/// - One [`Blob`] of a\n///   tenant's: more.\n/// - B.\n///\n/// # Errors\n\
                  /// - None.\n#[async_trait]\npub trait Port {}\n";
    let expected = vec!["One [`Blob`] of a tenant's: more.".to_owned(), "B.".to_owned()];
    assert_eq!(contracts_of(source), [("Port".to_owned(), expected)]);
    for (line, expected) in [
        ("One [`Blob`](crate::Blob) of a tenant's `top_k`: more.", "one_blob_of_a_tenants_top_k"),
        ("Exactly one [`CompletionEvent::Finish`]; one.", "exactly_one_completion_event_finish"),
        ("It is `NotFound`, or 64 bits.", "it_is_not_found_or_64_bits"),
    ] {
        assert_eq!(name(line), expected);
    }
    let suite = "scenarios!(\n    a_law,\n    another_law,\n);\nlet s = scenarios![own::a_third];";
    assert_eq!(scenarios(suite), ["a_law", "another_law", "a_third"]);
    assert_eq!(scenarios("#[test]\nfn a_law() {}\n"), ["a_law"]);
}

/// Returns the contract of each port of core, as lines.
fn contracts(texts: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut contracts = BTreeMap::new();
    for (file, source) in texts.iter().filter(|(file, _)| file.starts_with("nexus-core/src/")) {
        for (port, lines) in contracts_of(source) {
            assert!(contracts.insert(port.clone(), lines).is_none(), "{file}: {port} has two contracts");
        }
    }
    contracts
}

/// Returns the ports of a source that have a contract, with its lines.
fn contracts_of(source: &str) -> Vec<(String, Vec<String>)> {
    source.split("/// # Contract\n").skip(1).map(contract).collect()
}

/// Returns the port whose contract begins at the start of `text`, with its lines.
fn contract(text: &str) -> (String, Vec<String>) {
    let docs = text.lines().map_while(|line| line.trim_start().strip_prefix("///"));
    let mut lines: Vec<String> = Vec::new();
    for doc in docs.take_while(|doc| !doc.starts_with(" #")) {
        match (doc.strip_prefix(" - "), lines.last_mut()) {
            (Some(line), _) => lines.push(line.to_owned()),
            (None, Some(last)) if doc.starts_with("   ") => last.extend([" ", doc.trim_start()]),
            (None, _) => {}
        }
    }
    let mut items = text.lines().map(str::trim_start).filter(|line| !line.starts_with("///"));
    let item = items.find(|line| !line.starts_with("#["));
    let (_, port) = item.and_then(|item| item.split_once("pub trait ")).unwrap();
    (port.split([':', ' ']).next().unwrap_or_default().to_owned(), lines)
}

/// Returns the name of a contract line's scenario: its words up to the first colon or semicolon.
fn name(line: &str) -> String {
    let end = [": ", "; "].iter().filter_map(|mark| line.find(mark)).min();
    let (clause, _) = line.split_at(end.unwrap_or(line.len()));
    let (mut name, mut previous, mut is_link) = (String::new(), ' ', false);
    for c in clause.chars() {
        match c {
            '(' if previous == ']' => is_link = true,
            ')' if is_link => is_link = false,
            _ if is_link || ['\'', '’'].contains(&c) => {}
            _ if c.is_alphanumeric() => {
                let is_word = !previous.is_alphanumeric() || previous.is_lowercase() && c.is_uppercase();
                if is_word && !name.is_empty() && !['\'', '’'].contains(&previous) {
                    name.push('_');
                }
                name.extend(c.to_lowercase());
            }
            _ => {}
        }
        previous = c;
    }
    name
}

/// Returns the scenarios that a source lists; where it lists none, its tests.
fn scenarios(source: &str) -> Vec<String> {
    let lists = source.split("scenarios!").skip(1).filter_map(|list| list.strip_prefix(['(', '[']));
    let listed = lists.flat_map(|list| list.split([')', ']']).next().unwrap_or_default().split(','));
    let listed = listed.map(|name| name.rsplit("::").next().unwrap_or_default().trim());
    let listed: Vec<String> = listed.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let tests = source.split("#[test]\nfn ").skip(1).filter_map(|test| test.split('(').next());
    if listed.is_empty() { tests.map(str::to_owned).collect() } else { listed }
}
