//! Port across tenants, for Nexus itself: [`SystemStore`].

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::document::store::Lease;
use crate::error::Result;
use crate::id::{OwnerId, RunId};
use crate::ledger::OpenCall;
use crate::owner::OwnerLease;
use crate::principal::Principal;

/// Store of what no tenant owns: leases on the live work and the ingestion jobs of all tenants, and the health of the store.
///
/// A run or call begins with a lease of its own. A renewal extends the leases of all work of its owner in one write.
/// A store that one process at a time can open expires all leases when it opens, because earlier owners are dead.
///
/// # Contract
/// - Unfinished runs and open calls of every tenant are claimed once their leases have expired, and not before.
/// - Claims take the oldest first, and at most as many as they are asked for.
/// - Of several concurrent claims of a run or call, one takes it.
/// - A renewal extends the leases of all unfinished runs and open calls of its owner, also of those that have lapsed.
/// - A renewal by an owner without unfinished runs and open calls says so, and makes no lease.
/// - The work of an owner that released its lease can be claimed at once.
/// - The unfinished runs of an owner are listed oldest first, and so are the open calls of all owners.
/// - A cancel request reaches the owner of the run, once, and no other owner.
/// - A cancel request for a run whose owner is gone waits for the owner that claims the run.
/// - A queued job goes to exactly one of any number of claimants.
/// - Jobs are handed out in the order in which they were queued.
/// - A job whose lease has expired is handed out again and its old lease is lost; the worker checks the number of
///   attempts, which grows by one.
#[async_trait]
pub trait SystemStore: std::fmt::Debug + Send + Sync {
    /// Renews the lease of an owner on all of its unfinished runs and open calls. Returns whether it has any.
    ///
    /// # Errors
    /// Those of a store.
    async fn renew(&self, lease: &OwnerLease) -> Result<bool>;

    /// Ends the lease of an owner on all of its work.
    ///
    /// # Errors
    /// Those of a store.
    async fn release(&self, owner: &OwnerId) -> Result<()>;

    /// Gives at most `limit` unfinished runs whose leases have expired at `now` to the owner of `lease`, and returns
    /// their number.
    ///
    /// # Errors
    /// Those of a store.
    async fn claim_runs(&self, lease: &OwnerLease, now: Timestamp, limit: usize) -> Result<usize>;

    /// Gives at most `limit` open calls whose leases have expired at `now` to the owner of `lease`, and returns their
    /// number.
    ///
    /// # Errors
    /// Those of a store.
    async fn claim_calls(&self, lease: &OwnerLease, now: Timestamp, limit: usize) -> Result<usize>;

    /// Leases the next job of any tenant to a worker until `now + lease`; `token` identifies the claim.
    ///
    /// # Errors
    /// Those of a store.
    async fn claim_job(&self, token: &str, now: Timestamp, lease: Duration) -> Result<Option<Lease>>;

    /// Returns the unfinished runs of an owner, of every tenant, oldest first. One that cannot be read is logged and
    /// hides no other.
    ///
    /// # Errors
    /// Those of a store.
    async fn unfinished(&self, owner: &OwnerId) -> Result<Vec<OpenRun>>;

    /// Returns the open calls of every owner and tenant, oldest first. One that cannot be read is logged and hides no
    /// other.
    ///
    /// # Errors
    /// Those of a store.
    async fn open_calls(&self) -> Result<Vec<OpenCall>>;

    /// Takes the cancel requests for the unfinished runs of an owner. Requests for runs that are over are removed.
    ///
    /// # Errors
    /// Those of a store.
    async fn take_cancel_requests(&self, owner: &OwnerId) -> Result<Vec<CancelRequest>>;

    /// Checks the store's health with a small read and write outside of any tenant.
    ///
    /// # Errors
    /// Those of a store; [`Unavailable`](crate::ErrorKind::Unavailable) when it is closed or open for reading only.
    async fn check(&self) -> Result<()>;

    /// Returns the instance name in signed audit records, which is constant for the life of the store.
    fn instance(&self) -> &str;

    /// Ends background work and makes all data durable.
    ///
    /// # Errors
    /// Those of a store.
    async fn close(&self) -> Result<()>;
}

/// Unfinished run of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// The id of the run's tenant.
    pub tenant: String,
    /// The run.
    pub run: RunId,
}

/// Request to cancel a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Principal that requests it.
    pub principal: Principal,
    /// Run to cancel.
    pub run: RunId,
}
