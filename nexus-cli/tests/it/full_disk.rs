//! A disk that takes no byte: what only reads works, what writes fails with a reason, and nothing is lost.

use std::process::{Command, Stdio};

use crate::bench::{Bench, Said};

/// Runs the binary where no file can grow, as on a full disk.
fn on_a_full_disk(bench: &Bench, arguments: &[&str]) -> Said {
    let nexus = bench.command(arguments);
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(nexus.get_program())
        .args(nexus.get_args())
        .env_clear()
        .envs(nexus.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(nexus.get_current_dir().unwrap())
        .stdin(Stdio::null())
        .output();
    Said::from(output.unwrap())
}

#[test]
fn on_a_full_disk_what_reads_works_and_what_writes_fails_and_loses_nothing() {
    let bench = Bench::ingested();
    let asked =
        bench.run(&["ask", "--corpus", "handbook", "--json", "How much annual leave?"]).ends(0).json();
    let run = asked["run_id"].as_str().unwrap();
    let reads: [&[&str]; 11] = [
        &["docs", "list", "--json"],
        &["docs", "show", "handbook/leave.md", "--passages", "--json"],
        &["search", "--corpus", "handbook", "annual leave", "--json"],
        &["corpora", "list", "--json"],
        &["runs", "list", "--json"],
        &["runs", "show", run, "--json"],
        &["runs", "verify", run, "--json"],
        &["runs", "verify", "--all", "--json"],
        &["ledger", "list", "--json"],
        &["sessions", "list", "--json"],
        &["status", "--json"],
    ];
    let before: Vec<String> = reads.iter().map(|read| bench.run(read).ends(0).out).collect();
    for (read, before) in reads.iter().zip(&before) {
        assert_eq!(&on_a_full_disk(&bench, read).ends(0).out, before, "{read:?}");
    }
    for write in [
        &["ask", "--corpus", "handbook", "--json", "How much annual leave?"][..],
        &["ingest", "docs", "--corpus", "other", "--json"],
        &["docs", "rm", "handbook/leave.md", "--yes", "--json"],
    ] {
        let said = on_a_full_disk(&bench, write).ends(1);
        assert_eq!(said.error_code(), "DISK_FULL", "{write:?}");
    }
    for (read, before) in reads.iter().zip(&before) {
        assert_eq!(&bench.run(read).ends(0).out, before, "{read:?}");
    }
    bench.run(&["ask", "--corpus", "handbook", "How much annual leave?"]).ends(0);
}
