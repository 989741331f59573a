//! The port that removes expired records: [`RetentionStore`].

use async_trait::async_trait;

use super::RetentionClass;
use crate::audit;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::principal::TenantId;

/// One step of a retention pass: a bounded number of records of one class and tenant.
#[derive(Clone, Debug)]
pub struct Expire {
    /// The tenant.
    pub tenant: TenantId,
    /// Which records.
    pub class: RetentionClass,
    /// Only records that ended before this.
    pub before: Timestamp,
    /// At most so many.
    pub limit: usize,
    /// The record of the removal, appended only if something is removed.
    pub audit: audit::UnsealedRecords,
}

/// Removes records that are older than their retention.
///
/// # Contract
/// - Only records of the class that ended before the given time are removed, at most the limit, and their ids are returned.
/// - A run that is not closed keeps its journal, and so does its row; a removed run keeps its chain, calls and ledger.
/// - A session goes with its messages, counted from its last message; one with an unfinished run stays.
/// - A job that is queued or processing stays.
/// - A call that is under way, or of which an estimate is unreconciled, stays; the ledger keeps every entry.
/// - Removal and its audit record commit together; a step that removes nothing leaves no record.
/// - Counting removes nothing and equals what a pass then removes.
/// - Nothing of another tenant is removed or counted.
/// - A sweep removes idle counters, stops that ran out and tallies of past hours, and loosens no limit.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// The tenants that have records, by name, in order.
    ///
    /// # Errors
    /// Those of a store.
    async fn tenants(&self) -> Result<Vec<String>>;

    /// Removes expired records and returns the ids of those removed. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// Those of a store.
    async fn expire(&self, step: Expire) -> Result<Vec<String>>;

    /// The number of records that have expired.
    ///
    /// # Errors
    /// Those of a store.
    async fn expired(&self, tenant: &TenantId, class: RetentionClass, before: Timestamp) -> Result<u64>;

    /// Removes rows on which no decision depends any more, at most `limit` of each kind, and returns how many: counters of
    /// runs and investigations that hold no reservation and have no ledger entry since `before`, counters of windows that
    /// ended before it, stops that ran out before it, and tallies of hours before it. A counter is made anew from the ledger
    /// when a call needs it.
    ///
    /// # Errors
    /// Those of a store.
    async fn sweep_idle(&self, tenant: &TenantId, before: Timestamp, limit: usize) -> Result<u64>;
}
