//! The one error type that ports share: few kinds for machines, context for people.
//!
//! A business "no" (a denied question, an exhausted quota, an abstention) is a value, never an [`Error`].
//! An `Error` means that Nexus could not find out or could not do it, and then the answer is no.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize as _, Deserializer};

use crate::escape::escape_line;

/// The result of everything in Nexus that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes that earlier versions stored, each with the code that took its place.
const RENAMED_CODES: [(&str, &str); 9] = [
    ("EMBEDDER_UNFIT", "EMBEDDER_UNSUPPORTED"),
    ("LINE_CORRECTED", "ENTRY_CONFLICT"),
    ("NOT_SHUT_OFF", "KILL_SWITCH_NOT_SET"),
    ("PROVIDERS_RESTING", "PROVIDERS_UNAVAILABLE"),
    ("PROVIDER_PLACE_MISSING", "PROVIDER_ENDPOINT_MISSING"),
    ("SHUT_OFF", "KILL_SWITCH"),
    ("SPEECH_UNFIT", "SPEECH_UNSUPPORTED"),
    ("STORE_FORGETS", "STORE_WRITE_LOST"),
    ("VERTEX_PLACE", "VERTEX_LOCATION"),
];

/// The present name of a stored code.
fn present_code(stored: String) -> String {
    let renamed = RENAMED_CODES.iter().find(|(old, _)| *old == stored);
    renamed.map_or(stored, |(_, new)| (*new).to_owned())
}

/// Reads a stored code under its present name.
pub(crate) fn stored_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(present_code)
}

/// Reads an optional stored code under its present name.
pub(crate) fn optional_stored_code<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(present_code))
}

/// What a caller can do about an [`Error`].
///
/// Exhaustive on purpose: a new kind must break the status table and the exit-code table at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again unchanged cannot help.
    InvalidInput,
    /// There is no such thing, or the caller may not know that there is.
    NotFound,
    /// The caller's role does not allow the operation, whatever its object.
    Denied,
    /// The thing is in a state that excludes the operation, or exists already.
    Conflict,
    /// Too much at once; try again later.
    RateLimited,
    /// A deadline passed.
    Timeout,
    /// Something Nexus depends on is out of reach or busy.
    Unavailable,
    /// Stored data is not what was written.
    Corrupt,
    /// Everything else: a defect, here or in a dependency.
    Unexpected,
}

impl ErrorKind {
    /// The stable code of an error of this kind that names no finer one.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "INVALID_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::Denied => "DENIED",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Corrupt => "CORRUPT",
            Self::Unexpected => "UNEXPECTED",
        }
    }
}

/// Why something could not be found out or done.
///
/// [`Display`](fmt::Display) prints the sentence for the user. Context and the chain of sources are for logs:
/// print them with [`Error::report`], never to a client.
///
/// ```
/// use nexus_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Conflict, "the document is being ingested")
///     .code("DOCUMENT_IN_FLIGHT")
///     .hint("wait until its job has ended, then delete it")
///     .with("document", "handbook.pdf");
/// assert_eq!(error.to_string(), "the document is being ingested");
/// assert_eq!(error.stable_code(), "DOCUMENT_IN_FLIGHT");
/// assert!(!error.is_retryable());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    code: Option<&'static str>,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    context: Vec<(&'static str, String)>,
    retry_after: Option<Duration>,
    retry: Option<bool>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a sentence for the user: lower case, no full stop, literals in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: None,
            message: message.into(),
            hint: None,
            context: Vec::new(),
            retry_after: None,
            retry: None,
            source: None,
        }))
    }

    /// Shorthand for [`ErrorKind::InvalidInput`].
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Shorthand for [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Shorthand for [`ErrorKind::Unexpected`].
    pub fn unexpected(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Replaces the kind's code by a finer one, `LIKE_THIS`. Codes are stable: clients match on them.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Adds the remedy, shown on its own `hint:` line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds context for logs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Says when trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Says whether trying again makes sense, whatever the kind says: for those who were told.
    #[must_use]
    pub fn with_retry(mut self, helps: bool) -> Self {
        self.0.retry = Some(helps);
        self
    }

    /// Keeps the cause, for logs.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code for machines: the finer one if there is one, else the kind's.
    pub fn stable_code(&self) -> &'static str {
        self.0.code.unwrap_or(self.0.kind.code())
    }

    /// The sentence for the user.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The remedy, where there is one.
    pub fn remedy(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// When trying again makes sense, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether whoever failed said that trying again makes sense; nothing where they said neither.
    pub fn retry(&self) -> Option<bool> {
        self.0.retry
    }

    /// Whether the same request may succeed later without a change by the caller: as [`Error::retry`] says, else by kind.
    pub fn is_retryable(&self) -> bool {
        self.0.retry.unwrap_or(match self.0.kind {
            ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::Unavailable => true,
            ErrorKind::InvalidInput
            | ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::Conflict
            | ErrorKind::Corrupt
            | ErrorKind::Unexpected => false,
        })
    }

    /// The whole story on one line, for logs: message, context and every cause. What others wrote in them cannot begin
    /// another line ([`escape_line`]).
    pub fn report(&self) -> String {
        let mut line = format!("{}: {}", self.stable_code(), self.0.message);
        for (key, value) in &self.0.context {
            let _ = write!(line, " {key}={value}");
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = write!(line, ": {error}");
            cause = error.source();
        }
        match escape_line(&line) {
            Cow::Borrowed(_) => line,
            Cow::Owned(escaped) => escaped,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
