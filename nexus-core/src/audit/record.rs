//! Audit events: a [`Draft`] before it is sealed, a [`Record`] after, and the body that the chain hashes.
//!
//! The body is format 1. Its fields are written and read here by hand, in their sorted order, so that no rename
//! elsewhere can change what is hashed:
//! `actor, corr, kid, kind, payload, policy_ver, prev, run, seq, tenant, ts, v`.

use serde::Serialize;

use super::canonical::{Noncanonical, Reader, write_text};
use super::digest::{Digest, Mac};
use super::payload::Payload;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::hex;
use crate::id::{RequestId, check_id, check_name};
use crate::principal::{Authentication, Principal};

/// Kind of an event: lower-case words with dots, such as `run.open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// The first record of every chain.
    pub const CHAIN_OPEN: Self = Self::new("run.open");
    /// The last record of every finished chain.
    pub const CHAIN_CLOSE: Self = Self::new("run.close");

    /// Returns a kind. Meant for constants: `const RETRIEVED: Kind = Kind::new("run.retrieved");`.
    ///
    /// # Panics
    /// When `name` is not 1 to 64 of `a` to `z`, `0` to `9`, `_` and `.`; in a constant, that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty() && rest.len() <= 64, "a kind has 1 to 64 characters");
        while let [first, tail @ ..] = rest {
            assert!(
                matches!(*first, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'),
                "a kind is written in lower-case letters, digits, `_` and `.`"
            );
            rest = tail;
        }
        Self(name)
    }

    /// Returns the kind as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns whether records of this kind begin or end a chain.
    pub(super) fn is_boundary(self) -> bool {
        self == Self::CHAIN_OPEN || self == Self::CHAIN_CLOSE
    }
}

/// Unsealed audit event.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The tenant.
    pub tenant: String,
    /// The id of the run, call or job whose chain the event joins.
    pub chain_id: String,
    /// The kind of event.
    pub kind: Kind,
    /// The actor, in the form of [`Draft::new`].
    pub actor: String,
    /// The id of the request that led to the event.
    pub correlation: Option<String>,
    /// The version of the policy in force.
    pub policy_version: String,
    /// The time, by the writer's clock.
    pub at: Timestamp,
    /// The facts.
    pub payload: Payload,
}

/// Returns the name of `caller` in records.
pub(crate) fn actor(caller: &Principal) -> String {
    match caller.authentication() {
        Authentication::System { purpose } => format!("system:{purpose}"),
        Authentication::Local | Authentication::ApiKey { .. } | Authentication::Sso { .. } => {
            format!("user:{}", caller.subject())
        }
    }
}

/// Returns the actor in a record's `body`, in the form of [`Draft::new`]; `None` where it cannot be read. The body is
/// not verified: see [`Verifier`](super::Verifier).
pub fn actor_in(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Actor {
        actor: String,
    }
    serde_json::from_slice(body).ok().map(|Actor { actor }| actor)
}

/// Facts of a record, read from its body.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct RecordedFacts {
    /// Kind of event.
    pub(crate) kind: String,
    /// Principal, in the form of [`actor`].
    pub(crate) actor: String,
    /// Id of the request that led to the event.
    pub(crate) corr: Option<String>,
    /// Version of the policy in force.
    pub(crate) policy_ver: String,
    /// Time, in the form of [`Timestamp`].
    pub(crate) ts: String,
    /// Facts by name.
    pub(crate) payload: serde_json::Value,
}

impl RecordedFacts {
    /// Returns a fact that is a text; `None` without it.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.payload.get(name)?.as_str()
    }
}

/// Returns the facts in a record's `body`; `None` where they cannot be read. The body is not verified: see
/// [`Verifier`](super::Verifier).
pub(crate) fn facts_in(body: &[u8]) -> Option<RecordedFacts> {
    serde_json::from_slice(body).ok()
}

impl Draft {
    /// Returns an event by `caller`, without facts. The actor reads `user:<subject>`, or `system:<purpose>` when Nexus
    /// itself acts, so that no user can pass for Nexus.
    pub fn new(
        caller: &Principal,
        run: impl Into<String>,
        kind: Kind,
        policy_version: impl Into<String>,
        at: Timestamp,
    ) -> Self {
        Self {
            tenant: caller.tenant_id().to_owned(),
            chain_id: run.into(),
            kind,
            actor: actor(caller),
            correlation: None,
            policy_version: policy_version.into(),
            at,
            payload: Payload::new(),
        }
    }

    /// Returns the records of a chain for a single event: opened, recorded and closed.
    pub fn single_event(
        caller: &Principal,
        chain: &str,
        kind: Kind,
        policy_version: &str,
        at: Timestamp,
        facts: Payload,
    ) -> Vec<Self> {
        let draft = |kind| Self::new(caller, chain, kind, policy_version, at);
        vec![
            draft(Kind::CHAIN_OPEN),
            draft(kind).with_payload(facts),
            draft(Kind::CHAIN_CLOSE).with_payload(Payload::new().token("outcome", "succeeded")),
        ]
    }

    /// Sets the facts.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets the id of the request that led to the event.
    #[must_use]
    pub fn with_correlation(mut self, request: &RequestId) -> Self {
        self.correlation = Some(request.as_str().to_owned());
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        check_id("run id", &self.chain_id)?;
        check_id("policy version", &self.policy_version)?;
        self.correlation.as_deref().map_or(Ok(()), |request| check_id("request id", request))?;
        check_name("actor", &self.actor)
    }

    /// Returns the body of this draft at its position in the chain.
    pub(super) fn body(&self, kid: &str, seq: u64, prev: &Digest) -> String {
        let mut out = String::with_capacity(512);
        out.push_str(r#"{"actor":"#);
        write_text(&mut out, &self.actor);
        out.push_str(r#","corr":"#);
        match &self.correlation {
            Some(request) => write_text(&mut out, request),
            None => out.push_str("null"),
        }
        out.push_str(r#","kid":"#);
        write_text(&mut out, kid);
        out.push_str(r#","kind":"#);
        write_text(&mut out, self.kind.as_str());
        out.push_str(r#","payload":"#);
        self.payload.write(&mut out);
        out.push_str(r#","policy_ver":"#);
        write_text(&mut out, &self.policy_version);
        out.push_str(r#","prev":""#);
        hex::push(&mut out, prev.as_bytes());
        out.push_str(r#"","run":"#);
        write_text(&mut out, &self.chain_id);
        out.push_str(r#","seq":"#);
        out.push_str(&seq.to_string());
        out.push_str(r#","tenant":"#);
        write_text(&mut out, &self.tenant);
        out.push_str(r#","ts":"#);
        write_text(&mut out, &self.at.to_string());
        out.push_str(r#","v":1}"#);
        out
    }
}

/// Sealed audit event, as it is stored. A reader trusts none of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The tenant.
    pub tenant: String,
    /// The id of the chain's run, call or job.
    pub run: String,
    /// The position in the chain, from 0, without gaps.
    pub seq: u64,
    /// The canonical body, which is hashed. Stored and returned byte for byte.
    pub body: Vec<u8>,
    /// The hash of the body, which the next record names.
    pub leaf: Digest,
    /// The signature over the hash, by the run's key.
    pub mac: Mac,
}

impl Record {
    /// Returns the receipt for the writer of the event.
    pub fn receipt(&self) -> Receipt {
        Receipt { run: self.run.clone(), seq: self.seq, leaf: self.leaf, mac: self.mac }
    }
}

/// Receipt of a record. A stored receipt proves a later deletion of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The id of the chain's run, call or job.
    pub run: String,
    /// The record's position.
    pub seq: u64,
    /// The record's hash.
    pub leaf: Digest,
    /// The record's signature.
    pub mac: Mac,
}

/// Head of a chain. A store commits it together with the records, in a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The number of records, and so the position of the next.
    pub next_seq: u64,
    /// The hash of the newest record.
    pub last: Digest,
    /// Whether the newest record is `run.close`.
    pub closed: bool,
}

/// Body as read back. Strings are as written, quotes included: equal strings are written equally.
pub(super) struct Body<'a> {
    pub(super) kid: &'a str,
    pub(super) kind: &'a str,
    pub(super) prev: Digest,
    pub(super) run: &'a str,
    pub(super) seq: u64,
    pub(super) tenant: &'a str,
    /// The time as text of fixed width, which sorts by time.
    pub(super) at: [u8; 27],
}

impl<'a> Body<'a> {
    /// Parses a body of format 1 exactly as [`Draft::body`] writes it.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Noncanonical> {
        let mut reader = Reader::new(body)?.inside_an_object();
        reader.literal(r#"{"actor":"#)?;
        reader.string()?;
        reader.literal(r#","corr":"#)?;
        if reader.literal("null").is_err() {
            reader.string()?;
        }
        reader.literal(r#","kid":"#)?;
        let kid = reader.string()?;
        reader.literal(r#","kind":"#)?;
        let kind = reader.string()?;
        reader.literal(r#","payload":"#)?;
        if !reader.value()?.starts_with('{') {
            return reader.broken("the payload is not an object");
        }
        reader.literal(r#","policy_ver":"#)?;
        reader.string()?;
        reader.literal(r#","prev":"#)?;
        let Some(prev) = Digest::from_hex(unquoted(reader.string()?)) else {
            return reader.broken("the predecessor's hash is not 64 lower-case hexadecimal digits");
        };
        reader.literal(r#","run":"#)?;
        let run = reader.string()?;
        reader.literal(r#","seq":"#)?;
        let Ok(seq) = u64::try_from(reader.integer()?) else {
            return reader.broken("the position is negative");
        };
        reader.literal(r#","tenant":"#)?;
        let tenant = reader.string()?;
        reader.literal(r#","ts":"#)?;
        let Some(at) = time(unquoted(reader.string()?)) else {
            return reader.broken("the time is not written like `2026-03-01T09:30:00.000000Z`");
        };
        reader.literal(r#","v":1}"#)?;
        reader.end()?;
        Ok(Self { kid: unquoted(kid), kind: unquoted(kind), prev, run, seq, tenant, at })
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Returns `text` if it has the form of a time with six decimals.
fn time(text: &str) -> Option<[u8; 27]> {
    let shape = b"0000-00-00T00:00:00.000000Z";
    let text: [u8; 27] = text.as_bytes().try_into().ok()?;
    let fits = |(&byte, &form): (&u8, &u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.iter().zip(shape).all(fits).then_some(text)
}
