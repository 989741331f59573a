//! Document errors with stable codes.

use nexus_core::document::parser::codes;
use nexus_core::{Error, ErrorKind};

/// Returns the error for a format without a parser. `what` describes the format.
pub(super) fn unsupported(what: &str) -> Error {
    Error::invalid(format!("the document is {what}, which is not supported"))
        .with_code(codes::UNSUPPORTED)
        .with_hint("convert it to text, Markdown, HTML, PDF or an Office format")
}

/// Returns the error for a document without text. `content_type` is its media type, and `warning` the first warning of
/// the report.
pub(super) fn empty(content_type: &str, warning: Option<&str>) -> Error {
    let why = warning.map(|warning| format!(" that can be read: {warning}")).unwrap_or_default();
    let error = Error::invalid(format!("the document holds no text{why}")).with_code(codes::EMPTY);
    error.with_hint(match content_type {
        "application/pdf" => "a scanned document needs text recognition first",
        kind if kind.contains("sheet") || kind.contains("excel") => {
            "the cells of its visible sheets are empty: fill them, or show the sheets that are hidden"
        }
        kind if kind.contains("document") || kind.contains("epub") => {
            "its visible pages hold no text: images of text need text recognition first"
        }
        _ => "the file is empty or blank: write text to it, or leave it out",
    })
}

/// Returns the error for a document whose text could not be decoded.
pub(super) fn undecoded() -> Error {
    malformed("most of its characters cannot be decoded").with_hint("save it as UTF-8 and ingest it again")
}

/// Returns the error for a document that requires a password.
pub(super) fn encrypted() -> Error {
    Error::invalid("the document is protected by a password")
        .with_code(codes::ENCRYPTED)
        .with_hint("remove the password and ingest it again")
}

/// Returns the error for a document that is malformed or truncated.
pub(super) fn malformed(what: &str) -> Error {
    Error::invalid(format!("the document is damaged: {what}")).with_code(codes::MALFORMED)
}

/// Returns the error for `parts` nested deeper than any program writes them.
pub(super) fn too_deep(parts: &str, limit: usize) -> Error {
    malformed(&format!("its {parts} are nested more than {limit} deep"))
}

/// Returns the error for a document whose size, packed or unpacked, exceeds a limit.
pub(super) fn too_large(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the document is too large: {what}")).with_code(codes::TOO_LARGE)
}

/// Returns the error for a document that expands to far more than its size allows.
pub(super) fn amplifies(allowed: u64) -> Error {
    Error::invalid(format!("the document expands to more than the {allowed} bytes that its size allows"))
        .with_code(codes::AMPLIFIES)
        .with_hint("export it again from its original program, or split it")
}

/// Returns the error for a parser that crashed on the document.
pub(super) fn crashed() -> Error {
    Error::invalid("the parser crashed on the document").with_code(codes::CRASHED)
}

/// Returns the error for a document whose parsing timed out.
pub(super) fn timeout(seconds: u64) -> Error {
    Error::invalid(format!("reading the document took more than {seconds} seconds")).with_code(codes::TIMEOUT)
}

/// Returns the error for a source that cannot be read.
pub(super) fn unreadable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot read the document").because(error)
}

/// Returns the error for a temporary file that cannot be written. The machine is at fault here, not the document.
pub(super) fn temporary_file(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot write the document's content to a temporary file")
        .with_hint("free space in the temporary directory, or set `TMPDIR` to another one")
        .because(error)
}

/// Converts an I/O error. Parser errors that travel inside [`std::io::Error`] come out unchanged.
pub(super) fn from_io(error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Error>) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        return inner.map_or_else(|| malformed("it cannot be decoded"), |inner| *inner);
    }
    if matches!(
        error.kind(),
        Io::UnexpectedEof | Io::InvalidData | Io::InvalidInput | Io::Unsupported | Io::Other
    ) {
        return malformed("it is truncated or cannot be decoded").because(error);
    }
    unreadable(error)
}

/// Copies an error, for readers that lend theirs out.
pub(super) fn repeated(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.message().to_owned()).with_code(error.code());
    error.hint().into_iter().fold(same, |same, hint| same.with_hint(hint.to_owned()))
}
