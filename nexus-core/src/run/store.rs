//! Run store port: [`RunStore`].

use async_trait::async_trait;

use super::content::RunContents;
use super::event::Event;
use super::model::{Run, RunState};
use crate::audit;
use crate::error::Result;
use crate::grounding::Evidence;
use crate::id::{RunId, SessionId, SubjectId};
use crate::owner::OwnerLease;
use crate::page::Page;
use crate::principal::{Principal, TenantId};
use crate::session::Message;
use crate::speech::Speech;

/// State transition of a run, recorded as a whole or not at all.
#[derive(Clone, Debug)]
pub struct RunTransition {
    /// Run after the step; its version is one more than before.
    pub run: Run,
    /// Events of the step, in order of `seq`.
    pub events: Vec<Event>,
    /// Passages for the model's prompt, once they are known.
    pub evidence: Option<Vec<Evidence>>,
    /// New messages of the session.
    pub messages: Vec<Message>,
    /// Speech of the answer, once it exists.
    pub audio: Option<Speech>,
    /// Owner of the run, with the new end of its lease on the run.
    pub lease: OwnerLease,
    /// Audit records of the step.
    pub audit: audit::UnsealedRecords,
}

/// Filter and page of a list of runs.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// Owner to match.
    pub owner: Option<SubjectId>,
    /// Session to match.
    pub session: Option<SessionId>,
    /// State to match.
    pub state: Option<RunState>,
    /// Tag to match.
    pub tag: Option<String>,
    /// Page, by id.
    pub page: Page,
}

/// Journal page of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Journal {
    /// Requested events.
    Events(Vec<Event>),
    /// The events were erased: the stream cannot be resumed.
    Pruned,
}

/// Store of runs, their journals and the passages they showed.
///
/// # Contract
/// - An advance is recorded as a whole or not at all: run, events, evidence, messages and audit.
/// - An advance from a version that is not the stored one is a conflict and changes nothing; version 1 makes the run.
/// - An advance by another owner than the run's is a conflict with `OWNER_LOST` and changes nothing.
/// - Events come back in order of `seq`, without gaps.
/// - A pruned journal says so, and its run and audit chain stay.
/// - A pruned journal and the audit record of its removal commit together; an unknown run leaves no record.
/// - Results of a run's calls and the reasoning of their models are erased with its journal; its ledger stays.
/// - An idempotency key that another run's call has taken since keeps that call's result.
/// - Speech is stored with its run until the journal is pruned; no other tenant can read it.
/// - The contents of a run are its texts as of one moment.
/// - A cancel request for another tenant's run is `NotFound`; one for a run that is over is a conflict.
/// - Lists of runs are latest first; a page continues after its cursor and repeats and skips nothing. They hold only those
///   of the tenant.
#[async_trait]
pub trait RunStore: std::fmt::Debug + Send + Sync {
    /// Records one transition. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the stored version is another; with `OWNER_LOST` when the run
    /// belongs to another owner.
    async fn advance(&self, advance: RunTransition) -> Result<()>;

    /// Returns one run.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn run(&self, tenant: &TenantId, id: &RunId) -> Result<Run>;

    /// Returns a page of the runs that match `query`, that which began last first. The key is the id.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor), also for a run that is gone or is not of the query's owner.
    async fn runs(&self, tenant: &TenantId, query: &RunQuery) -> Result<Vec<Run>>;

    /// Returns the passages in the run's prompt.
    ///
    /// # Errors
    /// Those of a store.
    async fn evidence(&self, tenant: &TenantId, id: &RunId) -> Result<Vec<Evidence>>;

    /// Returns at most `limit` events of the run, from `seq` `from` on.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run.
    async fn journal(&self, tenant: &TenantId, id: &RunId, from: u64, limit: usize) -> Result<Journal>;

    /// Returns all stored texts of the run, as of one moment, with its messages in `session`.
    ///
    /// # Errors
    /// Those of a store. A run that does not exist is no error.
    async fn contents(&self, tenant: &TenantId, id: &RunId, session: &SessionId) -> Result<RunContents>;

    /// Returns the speech of the run's answer; `None` where it does not exist or was erased.
    ///
    /// # Errors
    /// Those of a store.
    async fn audio(&self, tenant: &TenantId, id: &RunId) -> Result<Option<Speech>>;

    /// Erases the run's journal, evidence and speech, and the results of its calls: those stored with their
    /// idempotency keys, and the models' reasoning. No copy is left in the files of the store.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run.
    async fn prune_journal(&self, tenant: &TenantId, id: &RunId, audit: audit::UnsealedRecords)
    -> Result<()>;

    /// Requests the owner of the tenant's run to cancel it, in the name of `caller`. Works on a store that is open for reading only.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run; [`Conflict`](crate::ErrorKind::Conflict) when it is
    /// over.
    async fn request_cancel(&self, tenant: &TenantId, caller: &Principal, id: &RunId) -> Result<()>;
}
