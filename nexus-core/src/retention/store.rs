//! Port that removes expired records: [`RetentionStore`].

use async_trait::async_trait;

use super::RetentionClass;
use crate::audit;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::principal::TenantId;

/// Step of a retention pass: a bounded number of records of one class and tenant.
#[derive(Clone, Debug)]
pub struct Expire {
    /// The tenant.
    pub tenant: TenantId,
    /// The class.
    pub class: RetentionClass,
    /// Only records that ended before this time.
    pub before: Timestamp,
    /// Maximum number of records.
    pub limit: usize,
    /// The audit record of the removal, appended only if something is removed, with their number as `records`.
    pub audit: audit::UnsealedRecords,
}

/// Port that removes records older than their retention.
///
/// # Contract
/// - Only records of the class that ended before the time are removed, at most the limit; their ids are returned.
/// - A run that is not closed stays, and so does its journal.
/// - A removed run keeps its chain, calls and ledger entries.
/// - A session is removed with its messages, and one with an unfinished run stays; its age counts from its last
///   message.
/// - A job that is queued or processing stays.
/// - A call in flight or with an unreconciled estimate stays; the ledger keeps every entry.
/// - Removal and its audit record commit together; a step that removes nothing leaves no record.
/// - The record counts the removed records.
/// - Counting removes nothing and equals what a pass then removes.
/// - Nothing of another tenant is removed or counted.
/// - A sweep removes idle counters, expired kill switches and statistics of past hours; it loosens no limit.
#[async_trait]
pub trait RetentionStore: std::fmt::Debug + Send + Sync {
    /// Returns the tenants that have records, sorted by name.
    ///
    /// # Errors
    /// Those of a store.
    async fn tenants(&self) -> Result<Vec<String>>;

    /// Removes expired records and returns the ids of those removed. The write commits even when the future is
    /// dropped.
    ///
    /// # Errors
    /// Those of a store.
    async fn expire(&self, step: Expire) -> Result<Vec<String>>;

    /// Returns the number of expired records.
    ///
    /// # Errors
    /// Those of a store.
    async fn expired(&self, tenant: &TenantId, class: RetentionClass, before: Timestamp) -> Result<u64>;

    /// Removes rows on which no decision depends any more, at most `limit` of each kind, and returns their number:
    /// counters of runs and investigations without a reservation and without a ledger entry since `before`, and
    /// counters of windows, kill switches and hourly statistics that ended before it. A call that needs a removed
    /// counter rebuilds it from the ledger.
    ///
    /// # Errors
    /// Those of a store.
    async fn sweep_idle(&self, tenant: &TenantId, before: Timestamp, limit: usize) -> Result<u64>;
}
