//! The port that keeps runs: [`RunStore`].

use async_trait::async_trait;

use super::event::Event;
use super::model::{Run, RunState};
use crate::audit;
use crate::error::Result;
use crate::grounding::Evidence;
use crate::id::{RunId, SessionId, SubjectId};
use crate::principal::{Principal, TenantId};
use crate::session::Message;
use crate::speech::Speech;

/// One step of a run, to be recorded as a whole or not at all.
#[derive(Clone, Debug)]
pub struct RunTransition {
    /// The run as it is after the step; its version is one more than before.
    pub run: Run,
    /// The events of the step, in order of `seq`.
    pub events: Vec<Event>,
    /// The passages that the model is to be shown, once they are known.
    pub evidence: Option<Vec<Evidence>>,
    /// What was said in the session.
    pub messages: Vec<Message>,
    /// The answer aloud, once it was spoken.
    pub audio: Option<Speech>,
    /// The records of the step.
    pub audit: audit::UnsealedRecords,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// Only this subject's.
    pub owner: Option<SubjectId>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those in this state.
    pub state: Option<RunState>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those begun before this one; lists are latest first.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: usize,
}

/// What is left of a run's journal from some event on.
#[derive(Clone, Debug, PartialEq)]
pub enum Journal {
    /// The events asked for.
    Events(Vec<Event>),
    /// They were erased: the stream cannot be resumed.
    Pruned,
}

/// Keeps runs, their journals and the passages they showed.
///
/// # Contract
/// - An advance is recorded as a whole: run, events, evidence, messages and audit, or nothing.
/// - An advance from a version that is not the stored one is a conflict and changes nothing; version 1 makes the run.
/// - Events come back in order of `seq`, without gaps.
/// - A pruned journal says so, and its run and audit chain stay.
/// - What the calls of a run came to and what their models thought is erased with its journal, and its ledger stays.
/// - A key that another run's call has taken since keeps what that call came to.
/// - Speech is kept with its run until the journal is pruned, and no other tenant has it.
/// - A cancel request reaches whoever drives the run, also from another process, once.
/// - A cancel request for another tenant's run is `NotFound`.
/// - Unfinished runs of every tenant are found again after a restart.
/// - Runs are listed latest first, and only those of the tenant.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Records one step. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the stored version is another.
    async fn advance(&self, advance: RunTransition) -> Result<()>;

    /// One run.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn run(&self, tenant: &TenantId, id: &RunId) -> Result<Run>;

    /// A list of runs.
    ///
    /// # Errors
    /// Those of a store.
    async fn runs(&self, tenant: &TenantId, query: &RunQuery) -> Result<Vec<Run>>;

    /// The runs of every tenant that are not over, oldest first: for whoever takes them up after a restart.
    ///
    /// # Errors
    /// Those of a store.
    async fn unfinished(&self) -> Result<Vec<Run>>;

    /// The passages that the run's model was shown.
    ///
    /// # Errors
    /// Those of a store.
    async fn evidence(&self, tenant: &TenantId, id: &RunId) -> Result<Vec<Evidence>>;

    /// The run's events from `seq` on, at most `limit`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run.
    async fn journal(&self, tenant: &TenantId, id: &RunId, from: u64, limit: usize) -> Result<Journal>;

    /// The run's answer aloud; nothing where it was not spoken, or was erased.
    ///
    /// # Errors
    /// Those of a store.
    async fn audio(&self, tenant: &TenantId, id: &RunId) -> Result<Option<Speech>>;

    /// Erases the run's journal, the passages it showed, its answer aloud, and what its calls came to: the results that are
    /// kept with their claims, and what models thought. Nothing of it is left in what the store keeps.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run.
    async fn prune_journal(&self, tenant: &TenantId, id: &RunId) -> Result<()>;

    /// Asks whoever drives the run to cancel it. Works on a store that is open for reading only.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the run; [`Conflict`](crate::ErrorKind::Conflict) when it is over.
    async fn request_cancel(&self, caller: &Principal, id: &RunId) -> Result<()>;

    /// Takes the cancel requests that came in since the last call.
    ///
    /// # Errors
    /// Those of a store.
    async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>>;
}

/// Somebody wants a run to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Who.
    pub principal: Principal,
    /// Which run.
    pub run: RunId,
}
