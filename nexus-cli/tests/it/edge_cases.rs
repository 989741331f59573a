//! Edge cases: sharing, pipes, text output, logs.

use std::io::{BufRead as _, BufReader};

use crate::bench::Bench;

const QUESTION: &str = "How many unused days of annual leave carry over to the next year?";

#[test]
fn documents_can_be_shared_as_they_are_ingested_and_a_stranger_still_sees_nothing() {
    let bench = Bench::new();
    let ingest = ["ingest", "docs", "--corpus", "handbook", "--share", "role:reader", "--share", "group:hr"];
    bench.run(&ingest).ends(0);
    let seen = |caller: &[&str]| {
        let search =
            [&["search", "--corpus", "handbook", "--json", "leave", "--user", "bob"], caller].concat();
        bench.run(&search).ends(0).json()["hits"].as_array().unwrap().len()
    };
    assert!(seen(&["--role", "reader"]) > 0);
    assert!(seen(&["--role", "editor", "--group", "hr"]) > 0);
    assert_eq!(seen(&["--role", "editor", "--group", "it"]), 0);
    bench.run(&["ingest", "docs", "--corpus", "handbook", "--share", "everybody"]).ends(2);
}

#[test]
fn an_id_is_for_one_document_and_a_taken_one_says_how_to_replace_it() {
    let bench = Bench::new();
    let ingest = |path, more: &[&str]| {
        bench.run(&[&["ingest", path, "--corpus", "handbook", "--id", "one"], more].concat())
    };
    let said = ingest("docs", &[]).ends(2);
    assert!(said.err.contains("exactly one document, not 2") && said.err.contains("hint: "), "{said:#?}");
    ingest("docs/leave.md", &[]).ends(0);
    let said = ingest("docs/travel.md", &[]).ends(1);
    assert!(format!("{}{}", said.out, said.err).contains("--overwrite"), "{said:#?}");
    ingest("docs/travel.md", &["--overwrite"]).ends(0);
    let shown = bench.run(&["docs", "show", "one", "--json"]).ends(0).json();
    assert_eq!(shown["document"]["version"], 2);
}

#[test]
fn a_conversation_in_words_answers_shows_its_sources_and_survives_a_bad_line() {
    let bench = Bench::ingested();
    let lines = format!("{QUESTION}\n/sources\n{}\n{QUESTION}\n", "x".repeat(20_000));
    let said = bench.feed(&["chat", "--corpus", "handbook"], lines.as_bytes()).ends(0);
    assert_eq!(
        said.out.matches("Up to 5 unused days").count(),
        5,
        "two answers and three lists of sources: {said:#?}"
    );
    assert!(said.err.starts_with("error: "), "{said:#?}");
    let session = bench.run(&["sessions", "list", "--json"]).ends(0).json();
    assert_eq!(session.as_array().unwrap().len(), 1);
    let id = session[0]["id"].as_str().unwrap();
    let messages = bench.run(&["sessions", "show", id, "--json"]).ends(0).json();
    let speakers: Vec<&str> =
        messages.as_array().unwrap().iter().map(|message| message["speaker"].as_str().unwrap()).collect();
    assert_eq!(speakers, ["user", "assistant", "user", "assistant"]);
}

#[test]
fn an_export_that_cannot_be_made_or_read_says_so_and_leaves_nothing() {
    let bench = Bench::ingested();
    let said = bench.run(&["export", "nowhere/all.jsonl", "--json"]).ends(1);
    assert_eq!(said.error_code(), "FILE_UNUSABLE");
    assert_eq!(bench.run(&["import", "none.jsonl", "--json"]).ends(1).error_code(), "FILE_UNUSABLE");
    bench.run(&["export", "all.jsonl", "--role", "editor"]).ends(4);
    assert!(!bench.path("all.jsonl").exists());
    let told = bench.run(&["export", "all.jsonl", "--json"]).ends(0).json();
    let text = std::fs::read_to_string(bench.path("all.jsonl")).unwrap();
    assert_eq!(told["lines"], text.lines().count());
    assert_eq!(told["sha256"], nexus_core::hex::sha256(text.as_bytes()));
    bench.write("cut.jsonl", "{\"nexus\": ");
    bench.run(&["--data", "other", "import", "cut.jsonl"]).ends(2);
    assert_eq!(bench.run(&["backup", "copy", "--json"]).ends(0).json()["backup"], "copy");
    let alone = bench.run(&["backup", "alone", "--only-tenant", "--json"]).ends(0).json();
    assert_eq!((&alone["backup"], &alone["scope"]), (&"alone".into(), &"tenant".into()));
    assert!(
        bench
            .run(&["--data", "alone", "search", "--corpus", "handbook", "leave"])
            .ends(0)
            .out
            .contains("leave")
    );
}

#[test]
fn an_export_into_a_pipe_that_closes_ends_quietly() {
    let bench = Bench::new();
    let paragraphs: Vec<String> =
        (0..5_000).map(|n| format!("Paragraph {n} is about annual leave.")).collect();
    bench.write("docs/long.txt", &paragraphs.join("\n\n"));
    bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(0);
    let mut child = bench.command(&["export"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn logs_come_only_when_somebody_asks_and_never_between_the_results() {
    let bench = Bench::ingested();
    let search = ["search", "--corpus", "none", "leave"];
    let quiet = bench.run(&search).ends(1);
    let told = |mut command: std::process::Command| {
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).unwrap()
    };
    for asked in [
        told(bench.command(&[&search[..], &["-v"]].concat())),
        told(bench.command(&[&search[..], &["-vvv"]].concat())),
        {
            let mut command = bench.command(&search);
            command.env("RUST_LOG", "error");
            told(command)
        },
    ] {
        assert!(asked.contains("the command failed") && asked.ends_with(&quiet.err), "{asked}");
    }
}

#[test]
fn a_shell_learns_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(&["completions", shell]).ends(0).out;
        assert!(["ingest", "runs", "backup"].iter().all(|command| script.contains(command)), "{shell}");
    }
}

#[test]
fn a_corpus_shows_the_settings_that_are_in_force() {
    let bench = Bench::ingested();
    let config = r#"{"retrieval":{"top_k_default":8}}"#;
    bench.run(&["corpora", "set", "handbook", "--config", config]).ends(0);
    let json = bench.run(&["corpora", "show", "handbook", "--json"]).ends(0).json();
    assert_eq!(json["settings_in_force"]["retrieval"]["top_k_default"], 8);
    let words = bench.run(&["corpora", "show", "handbook"]).ends(0).out;
    assert!(words.contains("top_k_default"), "{words}");
}

#[test]
fn speech_of_an_answer_is_written_into_a_file_and_its_failure_keeps_the_answer() {
    let bench = Bench::ingested();
    let ask = ["ask", "--corpus", "handbook", "--speak", "answer.wav", QUESTION];
    let said = bench.with(&[("TTS_PROVIDER", "fake")], &ask).ends(0);
    assert!(said.err.contains("spoken: answer.wav (audio/wav)"), "{said:#?}");
    assert!(std::fs::read(bench.path("answer.wav")).unwrap().starts_with(b"RIFF"));
    std::fs::remove_file(bench.path("answer.wav")).unwrap();
    let said = bench.run(&ask).ends(0);
    assert!(said.out.contains("Up to 5 unused days"), "{said:#?}");
    assert!(
        said.err.contains("cannot synthesise speech of the answer") && said.err.contains("hint: "),
        "{said:#?}"
    );
    assert!(!bench.path("answer.wav").exists());
}

#[test]
fn a_verification_of_all_chains_that_is_itself_recorded_ends() {
    let bench = Bench::ingested();
    bench.write("nexus.toml", "[audit]\nreads = \"all\"\n");
    let verify = ["--config", "nexus.toml", "runs", "verify", "--all", "--json"];
    let chains = |said: serde_json::Value| {
        assert_eq!(said["unsound"], serde_json::json!([]), "{said}");
        said["chains"].as_u64().unwrap()
    };
    let first = chains(bench.run(&verify).ends(0).json());
    let second = chains(bench.run(&verify).ends(0).json());
    assert!(first > 0 && second > first, "each verification leaves a record: {first}, {second}");
}
