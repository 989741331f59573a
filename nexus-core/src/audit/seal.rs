//! [`Sealer`]: seals a draft as the next record of its chain.

use std::fmt;
use std::sync::Arc;

use super::canonical::MAX_INTEGER;
use super::digest::{genesis, leaf};
use super::keys::KeyRing;
use super::record::{Body, Draft, Head, Kind, Record};
use crate::error::{Error, ErrorKind, Result};

/// Drafts with their sealer. A port method seals them inside its transaction, so that a change and its records are one
/// commit.
#[derive(Clone, Debug)]
pub struct UnsealedRecords {
    /// The sealer.
    pub sealer: Arc<Sealer>,
    /// The drafts, in order.
    pub drafts: Vec<Draft>,
}

impl UnsealedRecords {
    crate::public_in_tests! {
        /// Returns drafts with their sealer. Only the engine makes them, so that no change of a store goes around it.
        fn new(sealer: Arc<Sealer>, drafts: Vec<Draft>) -> Self {
            Self { sealer, drafts }
        }
    }

    /// Signs the drafts under the installation's name `instance`, which a store that takes an import adopts.
    #[must_use]
    pub fn signed_as(mut self, instance: &str) -> Self {
        let keys = Arc::clone(&self.sealer.keys);
        self.sealer = Arc::new(Sealer { instance: instance.to_owned(), keys });
        self
    }

    /// Adds a count to every draft but the first and the last of a chain: a number that only the transaction of the
    /// change knows, such as the removed documents of a corpus.
    #[must_use]
    pub fn with_count(mut self, name: &'static str, count: u64) -> Self {
        for draft in self.drafts.iter_mut().filter(|draft| !draft.kind.is_boundary()) {
            draft.payload = std::mem::take(&mut draft.payload).count(name, count);
        }
        self
    }
}

/// Sealer of records: writes, hashes and signs them. A store calls it inside the transaction that holds the chain's
/// head, so that two writers cannot extend the same record.
pub struct Sealer {
    instance: String,
    keys: Arc<KeyRing>,
}

impl Sealer {
    /// Returns a sealer of the installation called `instance`. Chains of two installations never fit together.
    pub fn new(instance: impl Into<String>, keys: KeyRing) -> Self {
        Self { instance: instance.into(), keys: Arc::new(keys) }
    }

    /// Returns the installation's name.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Returns the keys, for a verifier.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Seals `draft` as the next record of the chain whose committed head is `head` (`None`: there is no chain yet),
    /// and returns the record with the new head. The draft's time is written as given, even when it is before its
    /// predecessor's.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with code `AUDIT_ORDER` when the chain is closed, when its first record
    /// is not `run.open` or a later one is.
    /// [`InvalidInput`](ErrorKind::InvalidInput) with code `AUDIT_DRAFT` when the body would not be canonical (too
    /// long, too deep, an unfit name, a count beyond 2^53 − 1, a time outside of the years 0 to 9999), and with
    /// `INVALID_ID` or `INVALID_NAME` when the run, the actor or the policy version is unfit.
    pub fn seal(&self, head: Option<&Head>, draft: &Draft) -> Result<(Record, Head)> {
        check_order(head, draft.kind)?;
        draft.check()?;
        let (tenant, run) = (draft.tenant.as_str(), draft.chain_id.as_str());
        let (seq, prev) = match head {
            Some(head) => (head.next_seq, head.last),
            None => (0, genesis(&self.instance, tenant, run)),
        };
        let kid = self.keys.active_kid();
        let body = draft.body(kid, seq, &prev).into_bytes();
        Body::read(&body).map_err(|error| {
            Error::invalid(format!("cannot record the event: {error}")).with_code("AUDIT_DRAFT")
        })?;
        let leaf = leaf(&body);
        let key = self.keys.run_key(kid, tenant, run);
        let mac = key.ok_or_else(|| Error::unexpected("cannot derive the run's audit key"))?.sign(&leaf);
        let head = Head { next_seq: seq + 1, last: leaf, closed: draft.kind == Kind::CHAIN_CLOSE };
        let record =
            Record { tenant: draft.tenant.clone(), run: draft.chain_id.clone(), seq, body, leaf, mac };
        Ok((record, head))
    }
}

fn check_order(head: Option<&Head>, kind: Kind) -> Result<()> {
    let problem = match (head, kind) {
        (None, Kind::CHAIN_OPEN) => return Ok(()),
        (None, _) => "the first record of a run is `run.open`",
        (Some(head), _) if head.closed => "the run's audit chain is closed",
        (Some(_), Kind::CHAIN_OPEN) => "the run's audit chain is open already",
        (Some(head), _) if i64::try_from(head.next_seq).is_ok_and(|next| next <= MAX_INTEGER) => {
            return Ok(());
        }
        (Some(_), _) => "the run's audit chain is full",
    };
    Err(Error::new(ErrorKind::Conflict, problem).with_code("AUDIT_ORDER").with("kind", kind.as_str()))
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("instance", &self.instance).field("keys", &self.keys).finish()
    }
}
