//! The ways in which a document can be at fault, as errors with stable codes.

use nexus_core::document::parser::codes;
use nexus_core::{Error, ErrorKind};

/// No parser knows the format; `what` is what the file seems to be.
pub(super) fn unsupported(what: &str) -> Error {
    Error::invalid(format!("the document is {what}, which cannot be read"))
        .code(codes::UNSUPPORTED)
        .hint("convert it to text, Markdown, HTML, PDF or an Office format")
}

/// Nothing in it is text; `warning` is the first thing that the report says of it.
pub(super) fn empty(warning: Option<&str>) -> Error {
    let why = warning.map(|warning| format!(" that can be read: {warning}")).unwrap_or_default();
    Error::invalid(format!("the document holds no text{why}"))
        .code(codes::EMPTY)
        .hint("a scanned document needs text recognition first")
}

/// A password is needed.
pub(super) fn encrypted() -> Error {
    Error::invalid("the document is protected by a password")
        .code(codes::ENCRYPTED)
        .hint("remove the password and ingest it again")
}

/// It is not well formed, or cut off.
pub(super) fn malformed(what: &str) -> Error {
    Error::invalid(format!("the document is damaged: {what}")).code(codes::MALFORMED)
}

/// Its `parts` lie deeper inside of one another than any program writes them.
pub(super) fn too_deep(parts: &str, limit: usize) -> Error {
    malformed(&format!("its {parts} are nested more than {limit} deep"))
}

/// It, or what it unpacks to, is over a limit.
pub(super) fn too_large(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the document is too large: {what}")).code(codes::TOO_LARGE)
}

/// It yields, or unpacks to, far more than its size warrants.
pub(super) fn amplifies(allowed: u64) -> Error {
    Error::invalid(format!("the document expands to more than the {allowed} bytes that its size allows"))
        .code(codes::AMPLIFIES)
        .hint("export it anew from the program it comes from, or split it")
}

/// The parser failed on it in a way that is the parser's fault.
pub(super) fn crashed() -> Error {
    Error::invalid("the parser crashed on the document").code(codes::CRASHED)
}

/// Reading it took too long.
pub(super) fn timeout(seconds: u64) -> Error {
    Error::invalid(format!("reading the document took more than {seconds} seconds")).code(codes::TIMEOUT)
}

/// The source itself could not be read.
pub(super) fn unreadable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the document could not be read").because(error)
}

/// What was read could not be kept in a temporary file: the machine is at fault here, and not the document.
pub(super) fn temporary_file(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "what was read of the document could not be kept in a temporary file")
        .hint("make room in the temporary folder, or name another one in `TMPDIR`")
        .because(error)
}

/// An error met while reading: the parsers' own errors travel through [`std::io::Error`] unharmed.
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
        return malformed("it is cut off or cannot be decoded").because(error);
    }
    unreadable(error)
}

/// The same error once more, for readers that lend theirs out.
pub(super) fn repeated(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.message().to_owned()).code(error.stable_code());
    error.remedy().into_iter().fold(same, |same, hint| same.hint(hint.to_owned()))
}
