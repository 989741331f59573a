//! `--help` teaches: every command's is reviewed.

use crate::bench::{Bench, check};

#[test]
fn every_command_explains_itself() {
    let bench = Bench::new();
    let commands = [
        "",
        "ingest",
        "ask",
        "search",
        "chat",
        "corpora",
        "corpora list",
        "corpora show",
        "corpora create",
        "corpora set",
        "corpora rm",
        "corpora reindex",
        "docs",
        "docs list",
        "docs show",
        "docs rm",
        "docs reindex",
        "docs grants",
        "docs grant",
        "docs revoke",
        "runs",
        "runs list",
        "runs show",
        "runs events",
        "runs verify",
        "runs cancel",
        "sessions",
        "sessions list",
        "sessions show",
        "providers",
        "providers check",
        "models",
        "config",
        "config show",
        "usage",
        "ledger",
        "ledger list",
        "ledger reconcile",
        "ledger export",
        "pricing",
        "pricing list",
        "pricing set",
        "budget",
        "budget show",
        "budget set",
        "budget rm",
        "kill-switch",
        "kill-switch status",
        "kill-switch trip",
        "kill-switch rearm",
        "retention",
        "retention show",
        "retention apply",
        "tenants",
        "tenants list",
        "tenants show",
        "tenants set",
        "tenants rm",
        "tenants history",
        "status",
        "export",
        "import",
        "backup",
        "completions",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = bench.run(&arguments).ends(0);
        // What every command takes is reviewed once.
        let own = help.out.split("\nGlobal options:").next().unwrap_or_default();
        let shown = if command.is_empty() { &help.out } else { own };
        check(&bench, &format!("help {command}").trim_end().replace(' ', "-"), shown);
    }
}

#[test]
fn completions_know_the_commands() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(&["completions", shell]).ends(0).out;
        assert!(script.contains("ingest") && !script.is_empty(), "{shell}");
    }
}
