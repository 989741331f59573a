//! Commands that remove something list it, and ask for confirmation on a terminal.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::bench::{Bench, LEAVE, Said};

#[test]
fn a_dry_run_says_what_would_be_removed_and_removes_nothing() {
    let bench = Bench::ingested();
    bench.run(&["budget", "set", "--scope", "user", "--per", "month", "--usd", "10"]).ends(0);
    bench.run(&["docs", "grant", "handbook/leave.md", "role:reader", "read"]).ends(0);
    let grants = bench.run(&["docs", "grants", "handbook/leave.md", "--json"]).ends(0).json();
    let grant = grants.as_array().unwrap().iter().find(|grant| grant["permission"] == "read").unwrap();
    let grant = grant["id"].as_str().unwrap();
    let removals: [(&[&str], &str); 4] = [
        (&["docs", "rm", "handbook/leave.md"], "would remove handbook/leave.md (passages: 1, size: 130 B)"),
        (
            &["corpora", "rm", "handbook"],
            "would remove the corpus handbook (documents: 2, passages: 2, size: ",
        ),
        (
            &["budget", "rm", "--scope", "user", "--per", "month"],
            "would remove the limit of 10.00 USD per month of each user\n",
        ),
        (
            &["docs", "revoke", "handbook/leave.md", grant],
            "would remove the permission read of role:reader on handbook/leave.md",
        ),
    ];
    for (command, words) in removals {
        for more in [&["--dry-run"][..], &["--dry-run", "--yes"]] {
            let said = bench.run(&[command, more].concat()).ends(0);
            assert!(said.out.starts_with(words) && said.out.lines().count() == 1, "{said:#?}");
        }
        let json = bench.run(&[command, &["--dry-run", "--json"]].concat()).ends(0).json();
        assert!(json["would_remove"].is_object(), "{json}");
    }
    let json = bench.run(&["docs", "rm", "handbook/leave.md", "--dry-run", "--json"]).ends(0).json();
    let expected = json!({ "document": "handbook/leave.md", "passages": 1, "size_bytes": LEAVE.len() });
    assert_eq!(json["would_remove"], expected);
    for (command, _) in removals {
        let said = bench.run(&[command, &["--json"]].concat());
        let is_corpus_after_its_document = said.code == Some(0);
        assert!(is_corpus_after_its_document || command[1] == "revoke", "{said:#?}");
    }
}

#[test]
fn a_dry_run_names_the_limit_with_all_that_tells_it_from_others() {
    let bench = Bench::ingested();
    let ada = ["--scope", "user", "--id", "ada", "--model", "gpt-4o", "--per", "day"];
    let limits: [(&[&str], &[&str], &str); 3] = [
        (
            &ada,
            &["--usd", "3", "--shadow"],
            "3.00 USD per day of the user ada, for the model gpt-4o, which is only recorded",
        ),
        (
            &["--scope", "tenant", "--per", "total"],
            &["--usd", "unlimited"],
            "unlimited USD in all of the tenant local",
        ),
        (
            &["--scope", "run", "--per", "hour", "--meter", "calls"],
            &["--cap", "9"],
            "9 calls per hour of each run",
        ),
    ];
    for (of, cap, words) in limits {
        bench.run(&[&["budget", "set"], of, cap].concat()).ends(0);
        let said = bench.run(&[&["budget", "rm", "--dry-run"], of].concat()).ends(0);
        assert_eq!(said.out, format!("would remove the limit of {words}\n"));
    }
}

#[test]
fn a_dry_run_is_refused_like_the_removal_itself() {
    let bench = Bench::ingested();
    let run = |role, command: &[&str]| bench.run(&[&["--role", role, "--json"], command].concat());
    for dry in [&["--dry-run"][..], &[]] {
        let rm = [&["docs", "rm", "handbook/none.md"], dry].concat();
        assert_eq!(run("admin", &rm).ends(1).error_code(), "DOCUMENT_NOT_FOUND");
        let rm = [&["corpora", "rm", "none"], dry].concat();
        assert_eq!(run("admin", &rm).ends(1).error_code(), "CORPUS_NOT_FOUND");
        let rm = [&["budget", "rm", "--scope", "user", "--per", "day"], dry].concat();
        assert_eq!(run("admin", &rm).ends(1).error_code(), "LIMIT_NOT_FOUND");
        run("reader", &[&["docs", "rm", "handbook/leave.md"], dry].concat()).ends(4);
        run("reader", &[&["corpora", "rm", "handbook"], dry].concat()).ends(4);
        run("reader", &[&["budget", "rm", "--scope", "user", "--per", "day"], dry].concat()).ends(4);
    }
}

/// On a terminal of its own, with `answer` typed.
#[cfg(target_os = "linux")]
fn on_a_terminal(bench: &Bench, arguments: &[&str], answer: &str) -> Said {
    let told = bench.command(arguments);
    let words = std::iter::once(told.get_program()).chain(told.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &words.join(" "), "/dev/null"]).env_clear().current_dir(bench.path(""));
    script.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        script.spawn().unwrap_or_else(|error| panic!("`script` of util-linux is needed: {error}"));
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    Said::from(child.wait_with_output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_asked_and_only_a_yes_removes() {
    let bench = Bench::ingested();
    let rm = ["docs", "rm", "handbook/leave.md"];
    for no in ["n\n", "\n", "what?\n"] {
        let said = on_a_terminal(&bench, &rm, no);
        assert_eq!(said.code, Some(1), "{said:#?}");
        assert!(said.out.contains("remove handbook/leave.md (passages: 1"), "{said:#?}");
        assert!(said.out.contains("nothing was removed") && said.out.contains("--yes"), "{said:#?}");
        bench.run(&["docs", "show", "handbook/leave.md"]).ends(0);
    }
    let said = on_a_terminal(&bench, &rm, "y\n");
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.out.contains("removed handbook/leave.md"), "{said:#?}");
    let said = on_a_terminal(&bench, &["retention", "apply"], "");
    assert_eq!((said.code, said.out.trim()), (Some(0), "there is nothing to remove"), "{said:#?}");
    let said = on_a_terminal(&bench, &["corpora", "rm", "handbook", "--yes"], "");
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(!said.out.contains("[y/N]"), "{said:#?}");
}

#[test]
fn a_script_is_not_asked() {
    let bench = Bench::ingested();
    let said = bench.feed(&["docs", "rm", "handbook/leave.md"], b"n\n").ends(0);
    assert_eq!((&*said.out, &*said.err), ("removed handbook/leave.md\n", ""));
}
