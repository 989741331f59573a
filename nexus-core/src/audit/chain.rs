//! [`AuditChain`], the port of the stored chains, and [`verify_run`], which checks one of them.

use async_trait::async_trait;
use serde::Serialize;

use super::digest::Digest;
use super::keys::KeyRing;
use super::record::{Head, Receipt, Record};
use super::seal::UnsealedRecords;
use super::verdict::Verification;
use super::verify::Verifier;
use crate::error::{Error, Result};
use crate::id::{RunId, SessionId};
use crate::page::Page;
use crate::principal::TenantId;

/// Records per read of a verification.
const BATCH: usize = 512;

/// Head that stands for a missing one: the store committed no records, or the head was deleted.
const NOTHING_COMMITTED: Head = Head { next_seq: 0, last: Digest::new([0; 32]), closed: false };

/// Port of the audit records: one append-only chain for each run, call or job.
///
/// A durable store commits a record before it returns the receipt, so that the record survives a crash.
///
/// # Contract
/// - All drafts of a call are recorded, or none.
/// - Records and heads are committed together: the head is that of the newest record. It is stored apart from the
///   records, so that deleting records does not change it.
/// - The first record of a run is `run.open`; a draft of another kind for an unknown run is a conflict.
/// - Nothing is appended after `run.close`.
/// - Concurrent appends to one run leave one chain without gaps or forks.
/// - Two tenants may use the same run id, and neither sees the other's chain.
/// - A clock that goes backwards does not stop an append.
/// - Records come in the order of their positions.
/// - Records come back as they were sealed: reading checks nothing and repairs nothing.
/// - An unknown run has no records.
/// - Lists of chains are in the byte order of their run ids; a page continues after its cursor and repeats and skips
///   nothing.
/// - A chain names the actor of its first record.
/// - An erased object names the chain whose record tells of its erasure, and one that was not erased none.
#[async_trait]
pub trait AuditChain: std::fmt::Debug + Send + Sync {
    /// Seals the drafts in the order given, each at the end of its chain, and returns their receipts in
    /// the same order. Drafts may belong to several chains. A dropped future may still commit.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`](super::Sealer::seal); [`Unavailable`](crate::ErrorKind::Unavailable) when the store
    /// cannot write.
    async fn append(&self, pending: UnsealedRecords) -> Result<Vec<Receipt>>;

    /// Returns at most `limit` records of a run, from the position `from` on.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot read.
    async fn records(&self, tenant: &TenantId, run: &str, from: u64, limit: usize) -> Result<Vec<Record>>;

    /// Returns the head of a run's chain; `None` when there is no chain.
    ///
    /// # Errors
    /// As [`AuditChain::records`].
    async fn head(&self, tenant: &TenantId, run: &str) -> Result<Option<Head>>;

    /// Returns a page of a tenant's chains, in the byte order of their run ids. The key is the run id.
    ///
    /// # Errors
    /// As [`AuditChain::records`].
    async fn chains(&self, tenant: &TenantId, page: &Page) -> Result<Vec<ChainSummary>>;

    /// Returns the id of the chain that tells of the latest erasure of an object; `None` for one that was not erased.
    /// The record is not verified: a store could name any.
    ///
    /// # Errors
    /// As [`AuditChain::records`].
    async fn erased_by(&self, tenant: &TenantId, object: &Erasable) -> Result<Option<String>>;
}

/// Object that can be erased on purpose, with a record that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erasable {
    /// Texts of a run: its journal, passages and speech.
    Run(RunId),
    /// A session with its messages.
    Session(SessionId),
    /// The row of a call. Its ledger entries stay.
    Call(String),
}

/// Summary of one chain of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainSummary {
    /// The id of the run, call or job.
    pub run: String,
    /// The actor of the first record, such as `user:ada`; `None` where the record cannot be read.
    pub begun_by: Option<String>,
    /// The head.
    pub head: Head,
}

/// Returns the error for a run without a chain, or without one that the caller may see.
pub(crate) fn no_chain() -> Error {
    Error::not_found("no such run has an audit chain").with_code("AUDIT_RUN_NOT_FOUND")
}

/// Verifies the stored chain of a run; `keys` adds the check of signatures. A run that is still being written
/// raises no alarm.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) when the run has neither records nor a head, and the port's errors.
pub async fn verify_run(
    chain: &dyn AuditChain,
    instance: &str,
    tenant: &TenantId,
    run: &str,
    keys: Option<&KeyRing>,
) -> Result<Verification> {
    inspect_run(chain, instance, tenant, run, keys, |_| {}).await
}

/// Verifies as [`verify_run`], and passes each record to `inspect`. Its facts hold if the verdict is sound.
pub(crate) async fn inspect_run(
    chain: &dyn AuditChain,
    instance: &str,
    tenant: &TenantId,
    run: &str,
    keys: Option<&KeyRing>,
    mut inspect: impl FnMut(&Record) + Send,
) -> Result<Verification> {
    let mut verifier = Verifier::new(instance, tenant.as_str(), run, keys);
    let mut from = 0;
    let head = loop {
        // INVARIANT: the head is read after the last record, and no record followed it then. Otherwise a
        // legitimate append between two reads would look like a missing or a surplus record.
        let head = chain.head(tenant, run).await?;
        let page = chain.records(tenant, run, from, BATCH).await?;
        if from == 0 && page.is_empty() && head.is_none() {
            return Err(no_chain());
        }
        for record in &page {
            verifier.push(record);
            inspect(record);
        }
        match page.last().and_then(|newest| newest.seq.max(from).checked_add(1)) {
            Some(next) => from = next,
            None => break head,
        }
    };
    Ok(verifier.finish(Some(&head.unwrap_or(NOTHING_COMMITTED))))
}
