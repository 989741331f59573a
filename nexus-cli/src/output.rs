//! Output of the program: results on standard output, everything else on standard error.
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

/// Standard output and standard error, as text or as JSON.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    /// Whether the reader of standard output has closed it. The command continues, and its output is discarded.
    closed: Cell<bool>,
    /// Whether the last line of standard output is not ended: an answer is streaming.
    mid_line: Cell<bool>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, closed: Cell::new(false), mid_line: Cell::new(false) }
    }

    /// Returns whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns whether the reader has closed standard output.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Prints a line of a result. A line break within it, such as that of a name, is escaped.
    pub(crate) fn line(&self, line: impl Display) -> Result<()> {
        self.bytes(format!("{}\n", escape_line(&line.to_string())).as_bytes())
    }

    /// Prints a text of several lines, such as an answer, and ends its last line.
    pub(crate) fn lines(&self, text: impl Display) -> Result<()> {
        self.bytes(format!("{}\n", visible(&text.to_string())).as_bytes())
    }

    /// Prints the next part of a result.
    pub(crate) fn text(&self, words: &str) -> Result<()> {
        self.bytes(visible(words).as_bytes())
    }

    /// Prints a result as one JSON document.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        self.json_text(serde_json::to_string_pretty(value))
    }

    /// Prints one of many results as one line of JSON.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<()> {
        self.json_text(serde_json::to_string(value))
    }

    /// Prints a result, as `json` or as `line`.
    pub(crate) fn json_or_line(&self, json: &impl Serialize, line: impl Display) -> Result<()> {
        if self.json { self.json(json) } else { self.line(line) }
    }

    fn json_text(&self, json: serde_json::Result<String>) -> Result<()> {
        let json = json.map_err(|error| Error::unexpected("cannot serialise the result").because(error))?;
        self.bytes(format!("{}\n", visible_json(&json)).as_bytes())
    }

    /// Prints bytes unchanged.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => {
                self.mid_line.set(bytes.last().map_or(self.mid_line.get(), |last| *last != b'\n'));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            Err(error) => {
                Err(Error::new(ErrorKind::Unavailable, "cannot write to standard output").because(error))
            }
        }
    }

    /// Ends the line that words of an answer have begun: a message beside it begins on a line of its own.
    fn end_line(&self) {
        if self.mid_line.get() {
            // The message that follows counts, also where standard output fails.
            let _ = self.bytes(b"\n");
        }
    }

    /// Prints a note, in text mode only.
    pub(crate) fn note(&self, note: impl Display) {
        if !self.json {
            self.end_line();
            stderr_line(&escape_line(&note.to_string()));
        }
    }

    /// Prints a question on the terminal, for an answer on the same line.
    #[expect(clippy::unused_self, reason = "what is printed goes through the output, whatever its form")]
    pub(crate) fn question(&self, question: impl Display) {
        let mut stderr = io::stderr().lock();
        // A failed write means that there is no terminal, hence no answer either.
        let _ = stderr.write_all(visible(&question.to_string()).as_bytes()).and_then(|()| stderr.flush());
    }

    /// Prints a warning with a hint.
    pub(crate) fn warning(&self, warning: impl Display, hint: &str) {
        self.report("warning", None, &warning.to_string(), Some(hint));
    }

    /// Prints the error of the program or of a part of its work.
    pub(crate) fn error(&self, error: &Error) {
        self.failure(error.code(), error.message(), error.hint());
    }

    /// Prints a failure.
    pub(crate) fn failure(&self, code: &str, message: &str, hint: Option<&str>) {
        self.report("error", Some(code), message, hint);
    }

    /// Prints an error of the command line.
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
        self.end_line();
        // A name with a line break must not begin a line that looks like a message of the program.
        stderr_line(&format!("{what}: {}", escape_line(message)));
        if let Some(hint) = hint {
            stderr_line(&format!("hint: {}", escape_line(hint)));
        }
    }
}

/// Prints a note in text and in JSON mode.
pub(crate) fn announce(json: bool, line: &str) {
    if json {
        stderr_line(&visible_json(&json!({ "note": { "message": line } }).to_string()));
    } else {
        stderr_line(&escape_line(line));
    }
}

/// Writes a line to standard error. A failure is ignored, because no other stream is left.
fn stderr_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
