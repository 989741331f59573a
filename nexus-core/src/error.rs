//! Error type of all ports: few kinds for machines, context for people.
//!
//! A business "no" (a denied question, an exhausted quota, an abstention) is a value, never an [`Error`].
//! An `Error` means that Nexus could not decide or could not act; callers treat it as a refusal.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::escape::escape_line;

/// Result of every fallible operation in Nexus.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes that earlier versions stored, each with its present name.
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

/// Returns the present name of a stored code.
fn present_code(stored: String) -> String {
    let renamed = RENAMED_CODES.iter().find(|(old, _)| *old == stored);
    renamed.map_or(stored, |(_, new)| (*new).to_owned())
}

/// Deserialises a stored code under its present name.
pub(crate) fn stored_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(present_code)
}

/// Deserialises an optional stored code under its present name.
pub(crate) fn optional_stored_code<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(present_code))
}

/// Kind of an [`Error`], which determines a caller's reaction.
///
/// Exhaustive on purpose: a new kind must break the status table and the exit-code table at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong. A retry without a change cannot succeed.
    InvalidInput,
    /// The object does not exist, or the caller may not know that it does.
    NotFound,
    /// The caller's role does not allow the operation, whatever its object.
    Denied,
    /// The object is in a state that excludes the operation, or exists already.
    Conflict,
    /// A limit is reached. A later retry may succeed.
    RateLimited,
    /// A deadline passed.
    Timeout,
    /// A dependency of Nexus is unreachable or busy.
    Unavailable,
    /// Stored data differs from the data written.
    Corrupt,
    /// A defect, here or in a dependency.
    Unexpected,
}

impl ErrorKind {
    /// Returns the stable code of an error of this kind without a finer one.
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

/// Error of an operation.
///
/// [`Display`](fmt::Display) prints the sentence for the user. Context and the chain of sources are for logs:
/// print them with [`Error::report`], never to a client.
///
/// ```
/// use nexus_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Conflict, "the document is being ingested")
///     .with_code("DOCUMENT_IN_FLIGHT")
///     .with_hint("wait until its job has ended, then delete it")
///     .with("document", "handbook.pdf");
/// assert_eq!(error.to_string(), "the document is being ingested");
/// assert_eq!(error.code(), "DOCUMENT_IN_FLIGHT");
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
    /// Returns an error of `kind` with a sentence for the user: lower case, no full stop, literals in backticks.
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

    /// Returns an error of kind [`ErrorKind::InvalidInput`].
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Returns an error of kind [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Returns an error of kind [`ErrorKind::Unexpected`].
    pub fn unexpected(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Replaces the kind's code by a finer one, `LIKE_THIS`. Codes are stable: clients match on them.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Adds the remedy, shown on its own `hint:` line.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds context for logs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets the time after which a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Sets whether a retry makes sense, where the failed party states it. It overrides the kind.
    #[must_use]
    pub fn with_retry(mut self, helps: bool) -> Self {
        self.0.retry = Some(helps);
        self
    }

    /// Sets the cause, for logs.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the code for machines: the finer one if there is one, else the kind's.
    pub fn code(&self) -> &'static str {
        self.0.code.unwrap_or(self.0.kind.code())
    }

    /// Returns the sentence for the user.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the remedy, where there is one.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the time after which a retry makes sense, where it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns whether the failed party stated that a retry makes sense; `None` where it stated neither.
    pub fn retry(&self) -> Option<bool> {
        self.0.retry
    }

    /// Returns whether the same request may succeed later without a change: by [`Error::retry`], else by kind.
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

    /// Returns the full report on one line, for logs: message, context and every cause, escaped by [`escape_line`] so
    /// that no foreign text can forge a line.
    pub fn report(&self) -> String {
        let mut line = format!("{}: {}", self.code(), self.0.message);
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

/// Failure in a form that can be stored: without its cause, which is for logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code.
    #[serde(deserialize_with = "stored_code")]
    pub code: String,
    /// Sentence for the user.
    pub message: String,
    /// Remedy, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_code_is_shown_under_its_present_name() {
        let read = |code: &str| {
            let stored = serde_json::json!({ "code": code, "message": "the user's calls are refused" });
            serde_json::from_value::<Failure>(stored).unwrap().code
        };
        for (old, present) in RENAMED_CODES {
            assert_eq!(read(old), present);
        }
        assert_eq!(read("DOCUMENT_EMPTY"), "DOCUMENT_EMPTY");
    }
}
