//! Where words go: results to standard output, everything else to standard error.
//!
//! INVARIANT: nothing that a document or a user wrote reaches a terminal except through [`visible`].

use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, Write as _};

use nexus_core::escape::escape_line;
use nexus_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::json;

use crate::terminal::{visible, visible_json};

/// The two streams, and whether they speak JSON.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    /// Nobody reads standard output any more. What a command does goes on; what it says goes nowhere.
    closed: Cell<bool>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, closed: Cell::new(false) }
    }

    /// Whether results are wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Prints a line of a result.
    pub(crate) fn line(&self, line: impl Display) -> Result<()> {
        self.bytes(format!("{}\n", visible(&line.to_string())).as_bytes())
    }

    /// Prints the next words of a result.
    pub(crate) fn text(&self, words: &str) -> Result<()> {
        self.bytes(visible(words).as_bytes())
    }

    /// Prints a result as one JSON document.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        self.json_text(serde_json::to_string_pretty(value))
    }

    /// Prints one of many results as JSON on a line of its own.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<()> {
        self.json_text(serde_json::to_string(value))
    }

    fn json_text(&self, json: serde_json::Result<String>) -> Result<()> {
        let json = json.map_err(|error| Error::unexpected("the result cannot be written").because(error))?;
        self.bytes(format!("{}\n", visible_json(&json)).as_bytes())
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            Err(error) => {
                Err(Error::new(ErrorKind::Unavailable, "the result could not be printed").because(error))
            }
        }
    }

    /// Says how things stand, to people only.
    pub(crate) fn note(&self, note: impl Display) {
        if !self.json {
            stderr_line(&visible(&note.to_string()));
        }
    }

    /// Asks somebody at the terminal, who answers on the same line.
    #[expect(clippy::unused_self, reason = "what is printed goes through the output, whatever its form")]
    pub(crate) fn question(&self, question: impl Display) {
        let mut stderr = io::stderr().lock();
        // Without a terminal to ask on there is no answer either.
        let _ = stderr.write_all(visible(&question.to_string()).as_bytes()).and_then(|()| stderr.flush());
    }

    /// Says what somebody should do or know.
    pub(crate) fn warning(&self, warning: impl Display, hint: &str) {
        self.report("warning", None, &warning.to_string(), Some(hint));
    }

    /// Says why the program, or a part of its work, failed.
    pub(crate) fn error(&self, error: &Error) {
        self.failure(error.stable_code(), error.message(), error.remedy());
    }

    /// Says why something failed.
    pub(crate) fn failure(&self, code: &str, message: &str, hint: Option<&str>) {
        self.report("error", Some(code), message, hint);
    }

    /// Says what is wrong with the command line.
    pub(crate) fn usage(&self, rendered: &str) {
        if self.json {
            let message = rendered.strip_prefix("error: ").unwrap_or(rendered).trim_end();
            self.failure("USAGE", message, Some("see `nexus --help`"));
        } else {
            stderr_line(visible(rendered).trim_end());
        }
    }

    fn report(&self, what: &str, code: Option<&str>, message: &str, hint: Option<&str>) {
        if self.json {
            let mut told = json!({ "message": message, "hint": hint });
            if let (Some(code), Some(fields)) = (code, told.as_object_mut()) {
                fields.insert("code".to_owned(), code.into());
            }
            return stderr_line(&visible_json(&json!({ what: told }).to_string()));
        }
        // A name with a line break must not begin a line that looks like ours.
        stderr_line(&format!("{what}: {}", escape_line(message)));
        if let Some(hint) = hint {
            stderr_line(&format!("hint: {}", escape_line(hint)));
        }
    }
}

/// Says once what is used, to people and programs alike.
pub(crate) fn announce(json: bool, line: &str) {
    if json {
        stderr_line(&visible_json(&json!({ "note": { "message": line } }).to_string()));
    } else {
        stderr_line(&visible(line));
    }
}

/// Writes a line to standard error. When nobody reads that either, there is nobody to tell.
fn stderr_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
