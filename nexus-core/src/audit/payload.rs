//! [`Payload`]: the facts of a record beside actor, time and run.

use std::collections::BTreeMap;

use super::canonical::{write_integer, write_text};
use super::digest::Digest;
use crate::clock::Timestamp;
use crate::id::{
    CorpusId, DocumentId, GrantId, JobId, OrganisationId, RequestId, RunId, SessionId, SubjectId,
};
use crate::money::NanoUsd;
use crate::principal::TenantId;

/// Validated id, which an audit record may hold.
pub trait Identifier {
    /// Returns the id as text.
    fn as_text(&self) -> &str;
}

macro_rules! identifiers {
    ($($id:ty),* $(,)?) => {$(
        impl Identifier for $id {
            fn as_text(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}

identifiers!(
    CorpusId,
    DocumentId,
    GrantId,
    JobId,
    OrganisationId,
    RequestId,
    RunId,
    SessionId,
    SubjectId,
    TenantId
);

impl<I: Identifier> Identifier for &I {
    fn as_text(&self) -> &str {
        (*self).as_text()
    }
}

/// Facts of one record: ids, counts, hashes, times, amounts and tokens, by name.
///
/// No method stores a text: [`token`](Self::token) stores machine-readable tokens only, and [`sha256`](Self::sha256)
/// stores a hash. A name given twice keeps its last value.
///
/// ```
/// use nexus_core::CorpusId;
/// use nexus_core::audit::Payload;
///
/// let payload = Payload::new()
///     .id("corpus", &CorpusId::parse("handbook")?)
///     .count("passages", 5)
///     .sha256("question", "What changed?")
///     .token("outcome", "answered");
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(BTreeMap<&'static str, Value>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Flag(bool),
    Integer(i64),
    Text(String),
    List(Vec<Value>),
    Map(Payload),
}

impl Payload {
    /// Returns a payload without facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an id.
    #[must_use]
    pub fn id(self, name: &'static str, id: &impl Identifier) -> Self {
        self.with(name, Value::Text(id.as_text().to_owned()))
    }

    /// Adds several ids, in the order given.
    #[must_use]
    pub fn ids<I: Identifier>(self, name: &'static str, ids: impl IntoIterator<Item = I>) -> Self {
        let ids = ids.into_iter().map(|id| Value::Text(id.as_text().to_owned())).collect();
        self.with(name, Value::List(ids))
    }

    /// Adds a count. Sealing refuses one above 2^53 − 1.
    #[must_use]
    pub fn count(self, name: &'static str, count: impl TryInto<u64>) -> Self {
        let count = count.try_into().ok().and_then(|count| i64::try_from(count).ok());
        self.with(name, Value::Integer(count.unwrap_or(i64::MAX)))
    }

    /// Adds a flag.
    #[must_use]
    pub fn flag(self, name: &'static str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    /// Adds a hash.
    #[must_use]
    pub fn hash(self, name: &'static str, hash: Digest) -> Self {
        self.with(name, Value::Text(hash.to_string()))
    }

    /// Adds several hashes, in the order given.
    #[must_use]
    pub fn hashes(self, name: &'static str, hashes: impl IntoIterator<Item = Digest>) -> Self {
        self.with(name, Value::List(hashes.into_iter().map(|hash| Value::Text(hash.to_string())).collect()))
    }

    /// Adds the SHA-256 of a text, without the text. A guess of the text can be confirmed; where that matters, add
    /// [`Digest::salted`] as a [`hash`](Self::hash).
    #[must_use]
    pub fn sha256(self, name: &'static str, text: &str) -> Self {
        self.hash(name, Digest::of(text))
    }

    /// Adds a token such as a state, a code, a model's name or a version: 1 to 128 ASCII letters, digits and
    /// `._:/@+-`. Anything else could be text, so its hash is stored instead, as `sha256:` and 64 digits.
    #[must_use]
    pub fn token(self, name: &'static str, token: &str) -> Self {
        self.with(name, Value::Text(tokenised(token)))
    }

    /// Adds several tokens, in the order given.
    #[must_use]
    pub fn tokens(self, name: &'static str, tokens: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let tokens = tokens.into_iter().map(|token| Value::Text(tokenised(token.as_ref()))).collect();
        self.with(name, Value::List(tokens))
    }

    /// Adds a time.
    #[must_use]
    pub fn time(self, name: &'static str, time: Timestamp) -> Self {
        self.with(name, Value::Text(time.to_string()))
    }

    /// Adds an amount in billionths of a dollar, as a string.
    #[must_use]
    pub fn money(self, name: &'static str, amount: NanoUsd) -> Self {
        self.with(name, Value::Text(amount.as_nanos().to_string()))
    }

    /// Adds nested facts under one name.
    #[must_use]
    pub fn nested(self, name: &'static str, facts: Self) -> Self {
        self.with(name, Value::Map(facts))
    }

    /// Adds a list of nested facts, in the order given.
    #[must_use]
    pub fn nested_list(self, name: &'static str, facts: impl IntoIterator<Item = Self>) -> Self {
        self.with(name, Value::List(facts.into_iter().map(Value::Map).collect()))
    }

    /// Returns the facts as JSON, as a reader of a sealed record gets them.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut written = String::new();
        self.write(&mut written);
        serde_json::from_str(&written).unwrap_or_default()
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.0.insert(name, value);
        self
    }

    /// Appends the canonical form. Names are checked with the whole body, when it is sealed.
    pub(super) fn write(&self, out: &mut String) {
        out.push('{');
        for (place, (name, value)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            write_text(out, name);
            out.push(':');
            value.write(out);
        }
        out.push('}');
    }
}

impl Value {
    fn write(&self, out: &mut String) {
        match self {
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Integer(number) => write_integer(out, *number),
            Self::Text(text) => write_text(out, text),
            Self::Map(payload) => payload.write(out),
            Self::List(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
        }
    }
}

/// Returns a token as it is, and the hash of anything else.
pub(crate) fn tokenised(text: &str) -> String {
    if is_token(text) { text.to_owned() } else { format!("sha256:{}", Digest::of(text)) }
}

fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(plain)
}
