//! Identifiers and names of users' and Nexus's objects.
//!
//! Ids are text of 1 to 128 characters, because users supply their own; Nexus generates UUIDv7 text.
//! Ids and names refuse control characters and bidirectional overrides, so that a terminal, a log or an audit record
//! displays them as they are.

use std::fmt;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

use crate::error::{Error, Result};
use crate::escape::is_refused;

/// Maximum length of an id, in characters.
pub const MAX_ID_CHARS: usize = 128;
/// Maximum length of a name, title or tag, in characters.
pub const MAX_NAME_CHARS: usize = 512;

/// Checks that `text` may serve as the id called `what`.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is empty, too long or holds a refused character.
pub fn check_id(what: &'static str, text: &str) -> Result<()> {
    check(what, text, MAX_ID_CHARS, "INVALID_ID")
}

/// Checks that `text` may serve as the name, title or tag called `what`.
///
/// # Errors
/// As [`check_id`].
pub fn check_name(what: &'static str, text: &str) -> Result<()> {
    check(what, text, MAX_NAME_CHARS, "INVALID_NAME")
}

fn check(what: &'static str, text: &str, max_chars: usize, code: &'static str) -> Result<()> {
    let chars = text.chars().take(max_chars + 1).count();
    if text.trim().is_empty() || chars > max_chars {
        return Err(Error::invalid(format!("a {what} has 1 to {max_chars} characters")).with_code(code));
    }
    match text.chars().find(|&c| is_refused(c)) {
        Some(c) => {
            Err(Error::invalid(format!("the {what} holds the refused character `{}`", c.escape_unicode()))
                .with_code(code)
                .with_hint("remove control characters and bidirectional overrides"))
        }
        None => Ok(()),
    }
}

/// Returns an acceptable name, without refused characters and cut to the maximum length. For names from files, not for
/// ids.
pub fn clean_name(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|&c| !is_refused(c)).take(MAX_NAME_CHARS).collect();
    let trimmed = kept.trim();
    if trimmed.is_empty() { "unnamed".to_owned() } else { trimmed.to_owned() }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses an id.
            ///
            /// # Errors
            /// [`InvalidInput`](crate::ErrorKind::InvalidInput), see [`check_id`].
            pub fn parse(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                check_id($what, &text)?;
                Ok(Self(text))
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Id of a subject: a person or program within a tenant.
    SubjectId = "subject id";
    /// Id of an organisation: a part of a tenant with budgets of its own.
    OrganisationId = "organisation id";
    /// Id of a corpus: a set of documents that is searched together.
    CorpusId = "corpus id";
    /// Id of a document within a tenant.
    DocumentId = "document id";
    /// Id of an ingestion job.
    JobId = "job id";
    /// Id of a run: one question and its answer.
    RunId = "run id";
    /// Id of a session: an ordered list of runs.
    SessionId = "session id";
    /// Id of a request from outside, as its sender or the shell names it.
    RequestId = "request id";
    /// Id of a document grant.
    GrantId = "grant id";
    /// Id of an owner of runs and calls: one running Nexus.
    OwnerId = "owner id";
}

/// Id of an embedding model with its version. Vectors of different ids are never compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId(String);

impl ModelId {
    /// Parses a model's id, such as `nomic-embed-text@v1.5`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), see [`check_name`].
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        check_name("model id", &text)?;
        Ok(Self(text))
    }

    /// Returns the id without a check, for a text that Nexus makes itself.
    pub(crate) fn unchecked(text: String) -> Self {
        Self(text)
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ModelId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(text)
    }
}

impl From<ModelId> for String {
    fn from(model: ModelId) -> Self {
        model.0
    }
}

/// Port that generates ids, so that tests generate the same ids each time.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// Returns a text that no earlier call returned.
    fn next(&self) -> String;
}

/// Source of version 7 UUIDs ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562)), which sort by creation time.
#[derive(Clone, Copy, Debug, Default)]
pub struct UuidV7;

impl IdSource for UuidV7 {
    fn next(&self) -> String {
        uuid_at(SystemTime::now()).to_string()
    }
}

/// Counter of the ids of this process within a millisecond.
static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// Returns a new id with the time `now`; a time before 1970, which such an id cannot hold, counts as 1970.
fn uuid_at(now: SystemTime) -> Uuid {
    let elapsed = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(&COUNTER, elapsed.as_secs(), elapsed.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_differ_also_by_a_clock_before_1970() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        let ids = [uuid_at(before), uuid_at(before), uuid_at(UNIX_EPOCH)];
        assert!(ids[0] < ids[1] && ids[1] < ids[2], "{ids:?}");
    }

    #[test]
    fn overrides_and_controls_are_refused() {
        for bad in ["", "  ", "a\nb", "evil\u{202E}txt", "nul\0", &"x".repeat(129)] {
            assert!(DocumentId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(DocumentId::parse("Übersicht 2026.pdf").is_ok());
        assert!(DocumentId::parse("x".repeat(128)).is_ok());
    }

    #[test]
    fn a_cleaned_name_is_always_acceptable() {
        for raw in ["", "\u{202E}", "a\u{0}b", &"y".repeat(9_999)] {
            assert!(check_name("name", &clean_name(raw)).is_ok(), "{raw:?}");
        }
    }
}
