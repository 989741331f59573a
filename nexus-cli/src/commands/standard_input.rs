//! Standard input: its path on a command line, and reads of it that do not delay interrupts.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use nexus_core::retrieve::MAX_QUESTION_CHARS;
use nexus_core::{Error, ErrorKind, Result};

/// Path that means standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// Read limit of a question, in bytes: twice the longest question in the longest characters, as a search allows.
pub(super) const LONGEST_QUESTION: u64 = MAX_QUESTION_CHARS as u64 * 2 * 4 + 16;

/// Returns the question of an argument or of standard input, and of one over the limit only as much as is needed to
/// refuse it.
pub(super) async fn question(given: String) -> Result<String> {
    if given == STANDARD_INPUT { off_thread(read_question).await } else { Ok(given) }
}

/// Runs blocking I/O on a thread of its own, so that it does not delay interrupts.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::unexpected("a blocking task failed").because(error))?
}

/// Reads a text file, or standard input without one, up to a megabyte.
pub(super) fn read_text(file: Option<&PathBuf>) -> Result<String> {
    const LONGEST: u64 = 1 << 20;
    let name = file.map_or_else(|| "standard input".to_owned(), |file| format!("`{}`", file.display()));
    let mut text = String::new();
    let read = match file {
        Some(file) => File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text)),
        None => std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text),
    };
    read.map_err(|error| {
        Error::invalid(format!("cannot read {name}")).with_code("FILE_UNUSABLE").because(error)
    })?;
    if text.len() as u64 > LONGEST {
        return Err(
            Error::invalid(format!("{name} has more than {LONGEST} bytes")).with_code("FILE_UNUSABLE")
        );
    }
    Ok(text)
}

fn read_question() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(LONGEST_QUESTION)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot read standard input").because(error))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
