//! The README's shell blocks, run as they stand, line by line.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::{Bench, Said};
use crate::models::Vendor;

/// Stand-in for a tool that builds: it notes its arguments and succeeds.
const NOTE: &str = "#!/bin/sh\necho \"$0 $*\" >> \"$TOOLS_NOTED\"\n";

/// Folder of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the README's blocks of shell commands, in order.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned());
    blocks.collect()
}

/// Working directory of a reader of the README: the handbook in the places of the project's and of the reader's own
/// documents, and stand-ins for `cargo` and `make`.
struct Reader {
    bench: Bench,
    vendor: Vendor,
}

impl Reader {
    fn new() -> Self {
        let bench = Bench::new();
        for folder in ["docs", "examples/handbook"] {
            fs::create_dir_all(bench.path(folder)).unwrap();
            for file in fs::read_dir(root().join("examples/handbook")).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), bench.path(folder).join(file.file_name())).unwrap();
            }
        }
        fs::create_dir_all(bench.path("tools")).unwrap();
        for tool in ["cargo", "make"] {
            let path = bench.path("tools").join(tool);
            fs::write(&path, NOTE).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { bench, vendor: Vendor::new() }
    }

    /// Runs a block in a shell that stops at the first command that fails. A test's key is in the place of the reader's.
    fn runs(&self, block: &str) -> Said {
        let nexus = Path::new(env!("CARGO_BIN_EXE_nexus")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.bench.path("tools"), nexus].into_iter().chain(std::env::split_paths(&path));
        let path: OsString = std::env::join_paths(folders).unwrap();
        // The environment of a command of this test, for a shell.
        let nexus = self.bench.command(&[]);
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &block.replace("sk-…", "sk-test")])
            .env_clear()
            .stdin(Stdio::null());
        shell.envs(nexus.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(self.bench.path(".")).env("PATH", path);
        shell.env("TOOLS_NOTED", self.bench.path("noted"));
        shell.env("FAKE_PROVIDER_URL", self.vendor.url()).env("OPENAI_BASE_URL", self.vendor.openai_url());
        Said::from(shell.output().unwrap())
    }
}

#[test]
fn every_shell_block_of_the_readme_runs_to_its_end() {
    let (reader, blocks) = (Reader::new(), blocks());
    assert_eq!(blocks.len(), 6, "a block came or went: {blocks:#?}");
    for block in &blocks {
        let said = reader.runs(block);
        assert_eq!(said.code, Some(0), "{block}\n{said:#?}");
    }
    // The model's blocks reached the model.
    assert!(reader.vendor.heard() >= 3, "{} requests", reader.vendor.heard());
}

#[test]
fn the_readme_names_targets_and_packages_that_exist() {
    let reader = Reader::new();
    for block in blocks() {
        reader.runs(&block);
    }
    let noted = fs::read_to_string(reader.bench.path("noted")).unwrap();
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let (mut targets, mut packages) = (0, 0);
    for line in noted.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0].ends_with("/make") {
            assert!(makefile.contains(&format!("\n{}: ##", words[1])), "{line}");
            targets += 1;
        }
        let follows = |option: &str| words.iter().position(|word| *word == option).map(|at| words[at + 1]);
        if let Some(path) = follows("--path") {
            let folder = path.rsplit('/').next().unwrap();
            assert!(root().join(folder).join("Cargo.toml").exists(), "{line}");
            packages += 1;
        }
        if let Some(package) = follows("-p") {
            let folder = package.replacen("nexus-", "tests/", 1);
            assert!(root().join(folder).join("Cargo.toml").exists(), "{line}");
            packages += 1;
        }
    }
    assert_eq!((targets, packages), (2, 4), "{noted}");
}

#[test]
fn the_readme_and_the_book_have_the_exit_codes_of_the_help() {
    let help = Bench::new().run(&["--help"]).ends(0).out;
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    let rows = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Vec<String> = rows
        .map(|row| {
            let (code, meaning) = row.split_once("  ").unwrap();
            format!("| {code} | {meaning} |\n")
        })
        .collect();
    assert_eq!(rows.len(), 12, "{rows:#?}");
    for page in ["README.md", "docs/cli.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains(&rows.concat()), "{page} differs from\n{}", rows.concat());
    }
}
