//! Output of commands, as text and as JSON.

use crate::bench::{Bench, check};

const QUESTION: &str = "How many unused days of annual leave carry over to the next year?";

#[test]
fn an_answer_quotes_its_sources() {
    let bench = Bench::ingested();
    let ask = ["ask", "--corpus", "handbook", QUESTION];
    check(&bench, "ask", &bench.run(&ask).ends(0).out);
    let json = bench.run(&[&ask[..], &["--json"]].concat()).ends(0).json();
    assert_eq!(json["outcome"], "answered");
    assert_eq!(json["retrieval"]["search_mode"], "lexical");
    let citation = &json["answer"]["citations"][0];
    assert_eq!(citation["source_name"], "leave.md");
    assert!(crate::bench::LEAVE.contains(citation["quote"].as_str().unwrap()));
}

#[test]
fn events_come_one_on_each_line_and_in_order() {
    let bench = Bench::ingested();
    let live = bench.run(&["ask", "--corpus", "handbook", "--json", "--events", QUESTION]).ends(0).out;
    let events: Vec<serde_json::Value> =
        live.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(places, (0..events.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        (&events[0]["type"], &events[events.len() - 1]["type"]),
        (&"request.accepted".into(), &"done".into())
    );
    let run = events[0]["data"]["run_id"].as_str().unwrap();
    assert_eq!(bench.run(&["runs", "events", run, "--json"]).ends(0).out, live);
    assert_eq!(bench.run(&["runs", "events", run, "--follow", "--json"]).ends(0).out, live);
    let lines = bench.run(&["runs", "events", run]).ends(0).out;
    let names = lines.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    check(&bench, "runs-events", &names.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_question_without_an_answer_is_said_to_have_none() {
    let bench = Bench::ingested();
    let said = bench.run(&["ask", "--corpus", "handbook", "Who painted the ceiling of the chapel?"]).ends(3);
    check(&bench, "ask-abstained", &format!("{}---\n{}", said.out, said.err));
}

#[test]
fn a_search_explains_itself() {
    let bench = Bench::ingested();
    let search = ["search", "--corpus", "handbook", "annual leave"];
    check(&bench, "search", &bench.run(&search).ends(0).out);
    check(&bench, "search-explain", &bench.run(&[&search[..], &["--explain"]].concat()).ends(0).out);
    let json = bench.run(&[&search[..], &["--json", "--top-k", "1"]].concat()).ends(0).json();
    assert_eq!(json["mode"], "lexical");
    assert_eq!(json["hits"].as_array().unwrap().len(), 1);
    check(&bench, "search-nothing", &bench.run(&["search", "--corpus", "handbook", "zebra"]).ends(0).out);
}

#[test]
fn status_says_that_search_is_lexical() {
    let bench = Bench::ingested();
    check(&bench, "status", &bench.run(&["status"]).ends(0).out);
    check(&bench, "status-json", &bench.run(&["status", "--json"]).ends(0).out);
}

#[test]
fn ingesting_again_does_only_what_is_new() {
    let bench = Bench::new();
    bench.write("docs/empty.md", "");
    let ingest = ["ingest", "docs", "--corpus", "handbook"];
    let first = bench.run(&ingest).ends(1);
    check(&bench, "ingest", &format!("{}---\n{}", sorted(&first.out), first.err));
    bench.write("docs/leave.md", "# Leave\n\nEverything changed.\n");
    std::fs::remove_file(bench.path("docs/empty.md")).unwrap();
    let second = bench.run(&ingest).ends(1);
    check(&bench, "ingest-again", &format!("{}---\n{}", sorted(&second.out), second.err));
    let json = bench.run(&[&ingest[..], &["--overwrite", "--json"]].concat()).ends(0).json();
    assert_eq!((&json["done"], &json["unchanged"]), (&1.into(), &1.into()));
}

#[test]
fn an_ingestion_prints_one_line_a_folder_and_names_only_what_is_notable() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("docs/more")).unwrap();
    bench.write("docs/more/good.md", "# Good\n\nAll of it is read.\n");
    bench.write("docs/more/partly.jsonl", "{\"text\": \"A record that is whole.\"}\n{broken\n");
    let ingest = |more: &[&str]| bench.run(&[&["ingest", "docs", "--corpus", "handbook"], more].concat());
    let lines = |out: &str| sorted(out).lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        lines(&ingest(&[]).ends(0).out),
        [
            "4 documents: 4 done, 0 unchanged, 0 failed",
            "docs/more: 2 done, 0 unchanged, 0 failed, 2 passages",
            "docs: 2 done, 0 unchanged, 0 failed, 2 passages",
            "done, with 1 warning  docs/more/partly.jsonl (1 passage): line 2 is not valid JSON and was left out",
        ]
    );
    assert_eq!(
        lines(&ingest(&["-v"]).ends(0).out),
        [
            "4 documents: 0 done, 4 unchanged, 0 failed",
            "unchanged  docs/leave.md",
            "unchanged  docs/more/good.md",
            "unchanged  docs/travel.md",
            "unchanged, with 1 warning  docs/more/partly.jsonl: line 2 is not valid JSON and was left out",
        ]
    );
    let named = bench.run(&["ingest", "docs/more/good.md", "--corpus", "other"]).ends(0).out;
    assert_eq!(named.lines().next(), Some("done       docs/more/good.md (1 passage)"));
    let json = ingest(&["--json"]).ends(0).json();
    assert_eq!(json["documents"].as_array().unwrap().len(), 4);
    assert!(json["documents"][0].get("folder").is_none() && json.get("folders").is_none(), "{json:#}");
}

/// Documents end in the order in which they end.
fn sorted(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    format!("{}\n", lines.join("\n"))
}

#[test]
fn standard_input_becomes_a_document_and_facts_narrow_a_search() {
    let bench = Bench::ingested();
    let ingest = [
        "ingest",
        "-",
        "--corpus",
        "handbook",
        "--id",
        "note",
        "--name",
        "note.md",
        "--meta",
        "year=2026",
        "--tag",
        "new",
    ];
    bench.feed(&ingest, b"# Note\n\nThe annual meeting is in May.").ends(0);
    let found = |more: &[&str]| {
        let search = [&["search", "--corpus", "handbook", "--json", "annual"], more].concat();
        bench.run(&search).ends(0).json()["hits"].as_array().unwrap().len()
    };
    assert_eq!(found(&["--filter", "year >= 2026"]), 1);
    assert_eq!(found(&["--doc-tag", "new"]), 1);
    assert_eq!(found(&["--filter", "year < 2026"]), 0);
    assert!(found(&["--document", "handbook/leave.md"]) >= 1);
}

#[test]
fn runs_and_sessions_are_listed_and_shown() {
    let bench = Bench::ingested();
    let ask = ["ask", "--corpus", "handbook", "--json", "--title", "Carry-over", "--tag", "hr", QUESTION];
    let json = bench.run(&ask).ends(0).json();
    let (run, session) = (json["run_id"].as_str().unwrap(), json["session_id"].as_str().unwrap());
    check(&bench, "runs-list", &bench.run(&["runs", "list", "--tag", "hr"]).ends(0).out);
    check(&bench, "runs-show", &bench.run(&["runs", "show", run]).ends(0).out);
    check(&bench, "runs-verify", &bench.run(&["runs", "verify", run]).ends(0).out);
    check(&bench, "runs-verify-all", &bench.run(&["runs", "verify", "--all"]).ends(0).out);
    check(&bench, "sessions-list", &bench.run(&["sessions", "list"]).ends(0).out);
    check(&bench, "sessions-show", &bench.run(&["sessions", "show", session]).ends(0).out);
    assert_eq!(
        bench.run(&["runs", "verify", "--all", "--json"]).ends(0).json()["unsound"],
        serde_json::json!([])
    );
}

#[test]
fn a_conversation_shows_what_became_of_a_question_without_a_reply() {
    let bench = Bench::ingested();
    let ask = ["ask", "--corpus", "handbook", "--json", "What is the capital of Norway?"];
    let session = bench.run(&ask).ends(3).json()["session_id"].as_str().unwrap().to_owned();
    let shown = bench.run(&["sessions", "show", &session]).ends(0).out;
    assert!(shown.starts_with("> What is the capital of Norway?\n(abstained: "), "{shown}");
    let json = bench.run(&["sessions", "show", &session, "--json"]).ends(0).json();
    assert_eq!(json[0]["outcome"]["outcome"], "abstained");
}

#[test]
fn a_name_with_a_line_break_begins_no_line_of_a_listing() {
    let bench = Bench::new();
    bench.write("docs/one\nerror: forged.md", "# One\n\nThe fee is 7 euros.\n");
    bench.run(&["ingest", "docs", "--corpus", "handbook", "-v"]).ends(0);
    bench.run(&["corpora", "create", "other", "--name", "a\nerror: forged"]);
    for listing in [
        &["docs", "list"][..],
        &["search", "--corpus", "handbook", "fee"],
        &["ask", "--corpus", "handbook", "What is the fee?"],
        &["ask", "--corpus", "handbook", "--title", "a\nerror: forged", "What is the fee?"],
        &["ask", "--corpus", "handbook", "--tag", "a\nerror: forged", "What is the fee?"],
        &["runs", "list"],
        &["sessions", "list"],
        &["corpora", "list"],
        &["corpora", "show", "other"],
        &["docs", "grant", "handbook/leave.md", "user:a\nerror: forged", "read"],
        &["docs", "grants", "handbook/leave.md"],
    ] {
        let said = bench.run(listing);
        let forged = said.out.lines().chain(said.err.lines()).find(|line| line.starts_with("error: forged"));
        assert_eq!(forged, None, "{listing:?}: {said:#?}");
    }
}

#[test]
fn a_conversation_remembers() {
    let bench = Bench::ingested();
    let said = bench.feed(
        &["chat", "--corpus", "handbook", "--json"],
        format!("{QUESTION}\n\nHow much annual leave?\n/quit\nnever read\n").as_bytes(),
    );
    let said = said.ends(0);
    let sessions: std::collections::BTreeSet<String> = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|event| event["data"]["session_id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(sessions.len(), 1, "{said:#?}");
    let accepted = said.out.lines().filter(|line| line.contains("request.accepted")).count();
    assert_eq!(accepted, 2);
}

#[test]
fn documents_are_listed_shared_cut_anew_and_removed() {
    let bench = Bench::ingested();
    check(&bench, "docs-list", &bench.run(&["docs", "list"]).ends(0).out);
    check(&bench, "docs-show", &bench.run(&["docs", "show", "handbook/leave.md", "--passages"]).ends(0).out);
    let as_reader =
        ["search", "--corpus", "handbook", "--user", "bob", "--role", "reader", "--json", "leave"];
    let seen = || bench.run(&as_reader).ends(0).json()["hits"].as_array().unwrap().len();
    assert_eq!(seen(), 0);
    let grant = ["docs", "grant", "handbook/leave.md", "role:reader", "read", "--json"];
    let grant = bench.run(&grant).ends(0).json()["id"].as_str().unwrap().to_owned();
    assert!(seen() > 0);
    check(&bench, "docs-grants", &bench.run(&["docs", "grants", "handbook/leave.md"]).ends(0).out);
    bench.run(&["docs", "revoke", "handbook/leave.md", &grant]).ends(0);
    assert_eq!(seen(), 0);
    let past = ["--expires", "2001-01-01T00:00:00Z", "--json"];
    let granting = ["docs", "grant", "handbook/leave.md", "role:reader", "read"];
    assert_eq!(bench.run(&[&granting[..], &past].concat()).ends(2).error_code(), "GRANT_EXPIRED");
    bench.run(&granting).ends(0);
    assert!(seen() > 0);
    let revoking = ["docs", "revoke", "handbook/leave.md", "role:reader", "read", "--json"];
    assert_eq!(bench.run(&revoking[..4]).ends(2).out, "", "the permission is missing");
    bench.run(&revoking).ends(0);
    assert_eq!(seen(), 0);
    assert_eq!(bench.run(&revoking).ends(1).error_code(), "GRANT_NOT_FOUND");
    bench.run(&["docs", "reindex", "handbook/leave.md", "--chunk-size-chars", "40"]).ends(0);
    let passages = bench.run(&["docs", "show", "handbook/leave.md", "--json"]).ends(0).json();
    assert!(passages["document"]["passages"].as_u64().unwrap() > 1);
    bench.run(&["docs", "rm", "handbook/leave.md"]).ends(0);
    bench.run(&["docs", "show", "handbook/leave.md"]).ends(1);
}

#[test]
fn corpora_are_made_set_cut_anew_and_removed() {
    let bench = Bench::new();
    let create = [
        "corpora",
        "create",
        "c",
        "--name",
        "The corpus",
        "--config",
        r#"{"retrieval":{"top_k_default":8}}"#,
    ];
    check(&bench, "corpora-create", &bench.run(&create).ends(0).out);
    bench.run(&["corpora", "create", "c"]).ends(1);
    bench.run(&["corpora", "set", "c", "--config", r#"{"retreival":{}}"#]).ends(2);
    bench.run(&["corpora", "set", "c"]).ends(2);
    bench.run(&["ingest", "docs", "--corpus", "c"]).ends(0);
    bench.run(&["corpora", "reindex", "c", "--chunk-size-tokens", "32"]).ends(0);
    check(&bench, "corpora-list", &bench.run(&["corpora", "list"]).ends(0).out);
    bench.run(&["corpora", "rm", "c"]).ends(0);
    assert_eq!(bench.run(&["corpora", "list", "--json"]).ends(0).json(), serde_json::json!([]));
}

#[test]
fn a_copy_and_an_import_hold_what_the_store_held() {
    let bench = Bench::ingested();
    bench.run(&["backup", "copy"]).ends(0);
    bench.run(&["backup", "copy"]).ends(1);
    bench.run(&["export", "all.jsonl"]).ends(0);
    bench.run(&["export", "all.jsonl"]).ends(1);
    let piped = bench.run(&["export"]).ends(0).out;
    bench.feed(&["--data", "third", "import", "-"], piped.as_bytes()).ends(0);
    bench.run(&["--data", "other", "import", "all.jsonl"]).ends(0);
    for data in ["copy", "other", "third"] {
        bench.run(&["--data", data, "ask", "--corpus", "handbook", QUESTION]).ends(0);
        bench.run(&["--data", data, "runs", "verify", "--all"]).ends(0);
    }
}

/// Inputs of cases in which search missed what was typed.
#[test]
fn search_finds_what_was_typed() {
    let bench = Bench::new();
    let near = "# Notes\n\nThe connection (conn) was reset; err on the side of caution.\n";
    let incident = "# Incident\n\nIn 2024 we saw CVE reports about it: CVE-2023-1100, CVE-2022-1234, and 1234 hosts were checked in 2024.\n";
    let files = [
        ("near.md", near),
        ("incident.md", incident),
        (
            "target.md",
            "# Advisory\n\nCVE-2024-1234 lets an attacker read the spool. The code ERR_CONN_RESET appears in the log.\n",
        ),
        ("repo.py", "def getUserById(id):\n    return users[id]\n"),
        (
            "keller.md",
            "# Räume\n\nKeller, Teller und Heller sind in der Küche, und der Keller ist voller Teller.\n",
        ),
        ("mueller.md", "# Vertrag\n\nHerr Müller kündigt den Vertrag; die Größe der Wohnung ist bekannt.\n"),
        ("rel.md", "# Release\n\nVersion 14.2.1.0 fixes the spooler. Languages like C++ are supported.\n"),
        (
            "rel2.md",
            "# Release\n\nVersion 14.2.0.1 and version 14.1.2.0 came in 2014, 2 and 1. Languages like C are not supported.\n",
        ),
    ];
    for (name, text) in files {
        bench.write(&format!("docs/{name}"), text);
    }
    bench.run(&["ingest", "docs", "--corpus", "c"]).ends(0);
    for (text, first) in [
        ("CVE-2024-1234", "target.md"),
        ("ERR_CONN_RESET", "target.md"),
        ("get user by id", "repo.py"),
        ("getUserById", "repo.py"),
        ("Mueller", "mueller.md"),
        ("Groesse", "mueller.md"),
        ("14.2.1.0", "rel.md"),
        ("C++", "rel.md"),
    ] {
        let said = bench.run(&["search", "--corpus", "c", text]).ends(0).out;
        assert!(said.starts_with(&format!(" 1. {first}")), "{text}: {said}");
        assert!(!said.contains("(0.000)") && !said.contains("(-"), "{text}: {said}");
    }
}
