//! Test bench: its own directories and environment, and a few documents.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Timeout of a condition.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) const LEAVE: &str = "# Leave\n\nEmployees have 30 days of annual leave.\n\n\
    ## Carry-over\n\nUp to 5 unused days of annual leave carry over to the next year.\n";
pub(crate) const TRAVEL: &str = "# Travel\n\nTrains are preferred to flights for journeys below six hours.\n";

/// A folder with documents, a data directory and a configuration directory, gone when it is dropped.
pub(crate) struct Bench {
    root: TempDir,
}

/// Result of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bench.path("docs")).unwrap();
        bench.write("docs/leave.md", LEAVE);
        bench.write("docs/travel.md", TRAVEL);
        bench
    }

    /// Returns a bench whose documents are in the corpus `handbook`.
    pub(crate) fn ingested() -> Self {
        let bench = Self::new();
        bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(0);
        bench
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, content: &str) {
        std::fs::write(self.path(below), content).unwrap();
    }

    /// Returns the binary without the outer environment, except for the path of coverage counters.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
            .env("HOME", self.path("home"))
            .env("USER", "ada")
            .env("COLUMNS", "100")
            .env("AUDIT_SECRET", "the audit secret of a test")
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs the binary with more variables.
    #[track_caller]
    pub(crate) fn with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).envs(variables.iter().copied()).output().unwrap())
    }

    /// Runs the binary with `input` on standard input, which it need not read to the end.
    #[track_caller]
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input);
        Said::from(child.wait_with_output().unwrap())
    }

    /// Starts a conversation, which owns the data directory until its input ends, and waits for its first answer.
    pub(crate) fn chat(&self) -> Chat {
        let command = ["chat", "--corpus", "handbook", "--json"];
        let mut process = self.command(&command).stdin(Stdio::piped()).spawn().unwrap();
        process.stdin.as_mut().unwrap().write_all(b"How much annual leave?\n").unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().contains(r#""type":"done""#) {}
        Chat { process, _lines: lines }
    }
}

/// Conversation that waits for its next line.
pub(crate) struct Chat {
    pub(crate) process: Child,
    _lines: Lines<BufReader<ChildStdout>>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The code of the JSON error on standard error.
    #[track_caller]
    pub(crate) fn error_code(&self) -> String {
        let error: serde_json::Value =
            serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        error["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Polls until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < TIMEOUT, "it never came true that {what}");
        std::thread::yield_now();
    }
}

/// Compares with the reviewed snapshot, with ids, times and places replaced by their names.
#[track_caller]
pub(crate) fn check(bench: &Bench, name: &str, text: &str) {
    let text = text.replace(&*bench.root.path().to_string_lossy(), "[bench]");
    let filters = vec![
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
        (r"http://127\.0\.0\.1:\d+", "[scripted]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[time]"),
        (r"role-gate-[0-9a-f]{16}", "[policy]"),
        (r"[0-9a-f]{64}", "[hash]"),
        (r"\d+\.\d{3,}", "[score]"),
        (r"\b0\.\d+\.\d+\b", "[version]"),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_filters(filters);
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    settings.bind(|| insta::assert_snapshot!(name.to_owned(), text));
}
