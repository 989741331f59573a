//! Permissions of files on disk: only the user may read them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, Said};
use crate::models::Vendor;

const QUESTION: &str = "How many unused days of annual leave carry over to the next year?";

/// Everything below `dir`, and `dir` itself, that others may read or write.
fn open_to_others(dir: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        if mode(&path) & 0o077 != 0 {
            found.push(path);
        }
    }
    found
}

#[test]
fn only_the_user_reads_the_data_directory_with_any_umask() {
    let (bench, vendor) = (Bench::new(), Vendor::new());
    let openai = vendor.as_openai();
    let generous = |arguments: &[&str]| {
        let told = bench.command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 000 && exec \"$0\" \"$@\""]).arg(told.get_program()).args(told.get_args());
        shell.env_clear().current_dir(bench.path(""));
        shell.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.envs(openai.iter().map(|(name, value)| (*name, value.as_str())));
        // The key is made like everything else, not given.
        Said::from(shell.env_remove("AUDIT_SECRET").output().unwrap()).ends(0)
    };
    generous(&["ingest", "docs", "--corpus", "handbook"]);
    generous(&["ask", "--corpus", "handbook", QUESTION]);
    generous(&["backup", "copy"]);
    generous(&["export", "tenant.jsonl"]);
    for made in
        ["nexus-data/nexus.db", "nexus-data/cache", "nexus-data/text", "nexus-data/blobs", "copy/blobs"]
    {
        assert!(bench.path(made).exists(), "{made} was not made");
    }
    for made in ["nexus-data", "copy", "tenant.jsonl", "home/.config/nexus"] {
        assert_eq!(open_to_others(&bench.path(made)), Vec::<PathBuf>::new(), "below {made}");
    }
}

#[test]
fn a_directory_that_others_may_look_into_is_told_of_and_left_as_it_is() {
    let bench = Bench::ingested();
    std::fs::set_permissions(bench.path("nexus-data"), PermissionsExt::from_mode(0o750)).unwrap();
    let said = bench.with(&[("RUST_LOG", "warn")], &["ask", "--corpus", "handbook", QUESTION]).ends(0);
    assert_eq!(said.err.matches("other users may access the data directory").count(), 1, "{}", said.err);
    assert_eq!(open_to_others(&bench.path("nexus-data")), [bench.path("nexus-data")]);
}
