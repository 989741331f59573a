//! [`AuditChain`], the port to the stored chains, and [`verify_run`], which judges one of them.

use async_trait::async_trait;
use serde::Serialize;

use super::digest::Digest;
use super::keys::KeyRing;
use super::record::{Head, Receipt, Record};
use super::seal::UnsealedRecords;
use super::verdict::Verification;
use super::verify::Verifier;
use crate::error::{Error, Result};
use crate::principal::TenantId;

/// Records per read when a chain is verified.
const PAGE: usize = 512;

/// What a missing head says: records without one were not committed by the store, or it was deleted.
const NOTHING_COMMITTED: Head = Head { next_seq: 0, last: Digest::new([0; 32]), closed: false };

/// Where audit records are kept: one chain per run or job, which only ever grows.
#[async_trait]
pub trait AuditChain: Send + Sync {
    /// Seals the drafts in the order given, each at the end of its run's chain, and returns their receipts in
    /// the same order. Drafts may belong to several runs. A dropped future may still commit.
    ///
    /// # Contract
    /// - All drafts of a call are recorded, or none.
    /// - What an append returned is there after a crash, where the store is durable.
    /// - Records and heads are committed together.
    /// - The first record of a run is `run.open`; a draft of another kind for an unknown run is a conflict.
    /// - Nothing is appended after `run.close`.
    /// - Concurrent appends to one run leave one chain without gaps or forks.
    /// - Two tenants may use the same run id, and neither sees the other's chain.
    /// - A clock that goes backwards does not stop an append.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`](super::Sealer::seal); [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot write.
    async fn append(&self, pending: UnsealedRecords) -> Result<Vec<Receipt>>;

    /// At most `limit` records of a run, from the place `from` on.
    ///
    /// # Contract
    /// - Records come in the order of their places.
    /// - Records come byte for byte as they were sealed, and as they are stored now: nothing is judged or mended.
    /// - An unknown run has no records.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot read.
    async fn records(&self, tenant: &TenantId, run: &str, from: u64, limit: usize) -> Result<Vec<Record>>;

    /// How far a run's chain has come; `None` when there is none.
    ///
    /// # Contract
    /// - The head is that of the newest committed record, and is kept apart from the records, so that deleting
    ///   records does not change it.
    ///
    /// # Errors
    /// As [`AuditChain::records`].
    async fn head(&self, tenant: &TenantId, run: &str) -> Result<Option<Head>>;

    /// At most `limit` of a tenant's chains, those with a run id greater than `after`.
    ///
    /// # Contract
    /// - Chains come in the byte order of their run ids, so that the last id of a page continues the listing.
    /// - A chain names who began it, as its first record does.
    ///
    /// # Errors
    /// As [`AuditChain::records`].
    async fn chains(
        &self,
        tenant: &TenantId,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<ChainSummary>>;
}

/// One chain of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainSummary {
    /// The run or job.
    pub run: String,
    /// The actor of its first record, such as `user:ada`; nothing where that cannot be read.
    pub begun_by: Option<String>,
    /// How far its chain has come.
    pub head: Head,
}

/// Nothing is stored about a run, or nothing that the caller may see.
pub(crate) fn no_chain() -> Error {
    Error::not_found("no such run has an audit chain").code("AUDIT_RUN_NOT_FOUND")
}

/// Judges the stored chain of a run; `keys` adds the check of signatures. A run that is still being written
/// raises no alarm.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) when nothing is stored about the run, and the port's errors.
pub async fn verify_run(
    chain: &dyn AuditChain,
    instance: &str,
    tenant: &TenantId,
    run: &str,
    keys: Option<&KeyRing>,
) -> Result<Verification> {
    let mut verifier = Verifier::new(instance, tenant, run, keys);
    let mut from = 0;
    let head = loop {
        // INVARIANT: the head is read after the last record, and no record followed it then. Otherwise an
        // honest append between two reads would look like a missing or a surplus record.
        let head = chain.head(tenant, run).await?;
        let page = chain.records(tenant, run, from, PAGE).await?;
        if from == 0 && page.is_empty() && head.is_none() {
            return Err(no_chain());
        }
        for record in &page {
            verifier.push(record);
        }
        match page.last().and_then(|newest| newest.seq.max(from).checked_add(1)) {
            Some(next) => from = next,
            None => break head,
        }
    };
    Ok(verifier.finish(Some(&head.unwrap_or(NOTHING_COMMITTED))))
}
