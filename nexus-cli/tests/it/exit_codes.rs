//! Exit codes and errors, as text, as JSON and as a number.

use std::io::{BufRead as _, BufReader};

use crate::bench::{Bench, check};

const ASK: [&str; 4] = ["ask", "--corpus", "handbook", "How much annual leave?"];

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let bench = Bench::new();
    bench.run(&["ingest"]).ends(2);
    bench.run(&["no-such-command"]).ends(2);
    bench.run(&["runs", "verify"]).ends(2);
    assert_eq!(bench.run(&["ask", "--json"]).ends(2).error_code(), "USAGE");
    assert!(bench.run(&["--version"]).ends(0).out.starts_with("nexus "));
}

#[test]
fn a_command_that_reads_makes_no_store() {
    let bench = Bench::new();
    for command in [&["status"][..], &ASK, &["runs", "list"], &["docs", "rm", "x"]] {
        let said = bench.run(command).ends(1);
        assert!(said.err.contains("hint: begin with `nexus ingest"), "{said:#?}");
    }
    assert!(!bench.path("nexus-data").exists());
    check(&bench, "no-data", &bench.run(&["status"]).err);
    check(&bench, "no-data-json", &bench.run(&["status", "--json"]).err);
}

#[test]
fn a_question_out_of_bounds_is_refused_whatever_its_size() {
    let bench = Bench::ingested();
    bench.run(&["ask", "--corpus", "handbook", ""]).ends(2);
    let long = vec![b'x'; 10_000_000];
    let said = bench.feed(&["ask", "--corpus", "handbook", "--json", "-"], &long).ends(2);
    assert_eq!(said.error_code(), "INVALID_QUESTION");
    let said = bench.feed(&["search", "--corpus", "handbook", "--json", "-"], &long).ends(2);
    assert_eq!(said.error_code(), "INVALID_QUESTION");
}

#[test]
fn a_role_that_may_not_is_denied() {
    let bench = Bench::ingested();
    let as_role =
        |role: &'static str, command: &[&'static str]| bench.run(&[command, &["--role", role]].concat());
    as_role("janitor", &ASK).ends(4);
    as_role("janitor", &["search", "--corpus", "handbook", "leave"]).ends(4);
    as_role("reader", &["ingest", "docs", "--corpus", "other"]).ends(4);
    as_role("reader", &["ingest", "docs", "--corpus", "handbook"]).ends(4);
    as_role("editor", &["export", "-"]).ends(4);
    check(&bench, "denied", &as_role("janitor", &["status"]).ends(4).err);
}

#[test]
fn what_is_not_there_is_not_found() {
    let bench = Bench::ingested();
    for command in [
        &["ask", "--corpus", "none", "leave?"][..],
        &["docs", "show", "none"],
        &["runs", "show", "none"],
        &["runs", "verify", "none"],
        &["sessions", "show", "none"],
    ] {
        assert!(bench.run(command).ends(1).err.starts_with("error: "), "{command:?}");
    }
}

#[test]
fn another_tenant_sees_nothing() {
    let bench = Bench::ingested();
    let other = |command: &[&'static str]| bench.run(&[command, &["--tenant", "other"]].concat());
    other(&["docs", "show", "handbook/leave.md"]).ends(1);
    other(&["search", "--corpus", "handbook", "leave"]).ends(1);
    assert_eq!(other(&["docs", "list", "--json"]).ends(0).json(), serde_json::json!([]));
}

#[test]
fn a_record_that_another_key_signed_does_not_verify() {
    let bench = Bench::ingested();
    let output = bench
        .command(&["runs", "verify", "--all"])
        .env("AUDIT_SECRET", "quite another secret")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
}

#[test]
fn a_key_is_made_once_and_announced_once() {
    let bench = Bench::new();
    let run = |arguments: &[&str]| bench.command(arguments).env_remove("AUDIT_SECRET").output().unwrap();
    let first = run(&["ingest", "docs", "--corpus", "handbook"]);
    check(&bench, "key-made", &String::from_utf8(first.stderr).unwrap());
    assert!(run(&ASK).stderr.is_empty());
    assert!(bench.path("home/.config/nexus/audit-key").is_file());
}

#[test]
fn a_command_waits_for_another_that_uses_the_directory() {
    let bench = Bench::ingested();
    let mut chat = bench.chat();
    let mut waiting = bench.command(&[&ASK[..], &["--wait", "600"]].concat()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
    // Ends when the command has said that it waits, or with the command.
    let notes = said.by_ref().map_while(Result::ok);
    let is_note = |line: &String| line.contains("waiting for the process that uses the data directory");
    assert!(notes.into_iter().any(|line| is_note(&line)), "it ended without a wait");
    drop(chat.process.stdin.take());
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(0), "{rest:?}");
}

#[test]
fn the_configuration_file_is_named_before_or_after_the_command() {
    let bench = Bench::ingested();
    std::fs::write(bench.path("other.toml"), "tenant = 'elsewhere'\n").unwrap();
    for arguments in [
        ["--config", "other.toml", "corpora", "list", "--json"],
        ["corpora", "--config", "other.toml", "list", "--json"],
        ["corpora", "list", "--json", "--config", "other.toml"],
    ] {
        assert!(!bench.run(&arguments).ends(0).out.contains("handbook"), "{arguments:?}");
    }
    let set = ["corpora", "set", "handbook", "--config", r#"{"answers": "strict"}"#];
    bench.run(&set).ends(0);
    assert!(bench.run(&["corpora", "list", "--json"]).ends(0).out.contains("strict"));
}

#[test]
fn a_directory_in_use_is_read_beside_its_owner_and_not_written() {
    let bench = Bench::ingested();
    let mut chat = bench.chat();
    let at_once = [&ASK[..], &["--wait", "0"]].concat();
    let locked = bench.run(&at_once).ends(1);
    assert!(locked.err.contains("another process uses the data directory"), "{locked:#?}");
    assert_eq!(bench.run(&[&at_once[..], &["--json"]].concat()).ends(1).error_code(), "STORE_LOCKED");
    for command in [&["status"][..], &["docs", "list"], &["runs", "verify", "--all"], &["backup", "copy"]] {
        bench.run(command).ends(0);
    }
    bench.run(&["search", "--corpus", "handbook", "leave"]).ends(0);
    drop(chat.process.stdin.take());
    assert_eq!(chat.process.wait().unwrap().code(), Some(0));
}

#[test]
fn what_could_deceive_a_terminal_is_shown_as_what_it_is() {
    let bench = Bench::new();
    bench.write("docs/trick.md", "# Trick\n\nThe annual \u{1b}[2Jbonus is \u{202e}nine euros.\n");
    bench.write("docs/na\u{202e}me.md", "# Name\n\nThe annual picnic is in June.\n");
    bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(0);
    for command in
        [&["search", "--corpus", "handbook", "annual"][..], &["docs", "list"], &["docs", "list", "--json"]]
    {
        let said = bench.run(command).ends(0);
        assert!(!said.out.contains(['\u{1b}', '\u{202e}']), "{said:#?}");
    }
    let said = bench.run(&["ask", "--corpus", "a\u{1b}[2J", "leave?"]).ends(2);
    assert!(!said.err.contains('\u{1b}'), "{said:#?}");
    bench.run(&["ask", "--corpus", "handbook", "--title", "a\u{202e}b", "leave?"]).ends(2);
}

#[test]
fn a_name_cannot_forge_a_line_of_an_error_or_of_the_log() {
    let bench = Bench::ingested();
    let name = "gone\nerror: forged\u{1b}[31m\u{202e}.md";
    let said = bench.run(&["-vv", "ingest", name, "--corpus", "handbook"]);
    assert!(said.err.contains(r"gone\nerror: forged\u{1b}[31m\u{202e}.md"), "{said:#?}");
    assert!(!said.err.contains(['\u{1b}', '\u{202e}']), "{said:#?}");
    let mut lines = said.out.lines().chain(said.err.lines());
    assert!(!lines.any(|line| line.starts_with("error: forged")), "{said:#?}");
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let bench = Bench::ingested();
    let mut child = bench.command(&["docs", "show", "handbook/leave.md", "--passages"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_configuration_says_who_and_where_and_options_win() {
    let bench = Bench::ingested();
    std::fs::create_dir_all(bench.path("home/.config/nexus")).unwrap();
    bench.write("home/.config/nexus/nexus.toml", "data = 'nowhere'\nuser = 'eve'\nroles = ['reader']\n");
    bench.run(&["status"]).ends(1);
    let caller = |more: &[&str]| {
        bench.run(&[&["status", "--json", "--data", "nexus-data"], more].concat()).ends(0).json()
    };
    assert_eq!(caller(&[])["principal"]["user"], "eve");
    assert_eq!(
        caller(&["--user", "bob", "--role", "editor"])["principal"]["roles"],
        serde_json::json!(["editor"])
    );
    bench.write("home/.config/nexus/nexus.toml", "dota = 'x'\n");
    assert_eq!(bench.run(&["status", "--json"]).ends(2).error_code(), "INVALID_CONFIG");
}

/// A file of the user's own settings that an option or a variable names is a part of the command line.
#[test]
fn a_settings_file_that_is_named_and_cannot_be_used_is_a_usage_error() {
    let bench = Bench::new();
    let check = |arguments: &[&str], variables: &[(&str, &str)], code: &str| {
        let arguments = [arguments, &["config", "show", "--json"]].concat();
        assert_eq!(
            bench.with(variables, &arguments).ends(2).error_code(),
            code,
            "{arguments:?} {variables:?}"
        );
    };
    for unfit in ["nope.toml", "docs", "nope/below.toml"] {
        check(&["--config", unfit], &[], "CONFIG_UNREADABLE");
        check(&[], &[("NEXUS_CONFIG", unfit)], "CONFIG_UNREADABLE");
        check(&["--env-file", unfit], &[], "INVALID_ENV_FILE");
        check(&[], &[("NEXUS_ENV_FILE", unfit)], "INVALID_ENV_FILE");
    }
    bench.write("quotas.toml", "[tenants.acme]\nquotas_file = 'nope.json'\n");
    check(&["--config", "quotas.toml"], &[], "CONFIG_UNREADABLE");
    bench.write(
        "ca.toml",
        "[llm]\nprimary = 'openai'\n[providers.openai]\nkey = 'sk-0'\nca_file = 'nope.pem'\n",
    );
    bench.write(
        "google.toml",
        "[llm]\nprimary = 'vertex'\n[providers.vertex]\nproject = 'p'\ncredentials_file = 'nope.json'\n",
    );
    for (file, code) in [("ca.toml", "CA_CERTIFICATE"), ("google.toml", "GOOGLE_SERVICE_ACCOUNT")] {
        let ask = ["--config", file, "ingest", "docs", "--corpus", "c", "--json"];
        assert_eq!(bench.run(&ask).ends(2).error_code(), code);
    }
}
