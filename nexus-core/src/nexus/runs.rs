//! Questions of the facade: searches, runs and their events, and sessions.

use std::sync::Arc;

use super::Nexus;
use crate::access::Visibility;
use crate::ask::{AskBuilder, EventStream, stalled};
use crate::audit::{Kind, Payload};
use crate::engine::{Engine, read_facts};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RunId, SessionId};
use crate::page::Page;
use crate::policy::{Operation, READERS, Resource, Route};
use crate::principal::Principal;
use crate::retrieve::Retrieved;
use crate::run::registry::Cancelling;
use crate::run::{Run, RunQuery};
use crate::search::Search;
use crate::session::{Message, Session};
use crate::speech::Speech;

/// Operation of reading a run.
pub const RUN_READ: Operation = Operation::new("run.read", READERS, Route::get("/v1/runs/{run_id}"));
/// Operation of listing runs.
pub const RUN_LIST: Operation = RUN_READ.at(Route::get("/v1/runs"));
/// Operation of following the events of a run.
pub const RUN_EVENTS: Operation = RUN_READ.at(Route::get("/v1/runs/{run_id}/events")).showing_text();
/// Operation of reading the speech of an answer.
pub const RUN_AUDIO: Operation = RUN_READ.at(Route::get("/v1/audio/{audio_id}.mp3")).showing_text();
/// Operation of listing sessions.
pub const SESSION_LIST: Operation = RUN_READ.at(Route::get("/v1/sessions"));
/// Operation of reading the messages of a session.
pub const MESSAGE_LIST: Operation =
    RUN_READ.at(Route::get("/v1/sessions/{session_id}/messages")).showing_text();
/// Operation of cancelling a run.
pub const RUN_CANCEL: Operation =
    Operation::new("run.cancel", READERS, Route::post("/v1/runs/{run_id}/cancel"));
/// Operation of erasing the content of a run.
pub const RUN_PRUNE: Operation = RUN_CANCEL.at(Route::delete("/v1/runs/{run_id}/journal"));

/// Audit event of an erased journal.
pub(super) const PRUNED: Kind = Kind::new("journal.pruned");

impl Nexus {
    /// Searches for passages.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the corpus;
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    pub async fn search(&self, caller: &Principal, search: Search) -> Result<Retrieved> {
        self.engine.search(caller, search).await
    }

    /// Returns a builder of a question; [`AskBuilder::start`] asks it.
    pub fn ask(&self, caller: &Principal, question: impl Into<String>) -> AskBuilder {
        AskBuilder::new(Arc::clone(&self.engine), caller.clone(), question.into())
    }

    /// Takes over the work of processes that are gone: ends their calls to models, resumes their unfinished runs, and
    /// returns the number of these. The work of a process on the same store is left to it while its lease lasts
    /// ([`Settings::owner_lease`](crate::Settings::owner_lease)); from now on this process looks for expired leases
    /// several times within one. A call that cannot be ended blocks nothing: it is logged, and retried in the
    /// background. The method first writes and reads a probe, so that a store that only seems available fails at the
    /// start.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn resume(&self) -> Result<usize> {
        self.engine.system.check().await?;
        self.engine.take_over_periodically();
        self.engine.gateway.recover().await?;
        self.engine.claim_runs(usize::MAX).await
    }

    /// Returns one run: the caller's own, or any of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn run(&self, caller: &Principal, id: &RunId) -> Result<Run> {
        self.engine.permitted_run(caller, &RUN_READ, id).await
    }

    /// Returns a page of runs, latest first: the caller's own, or all of the tenant for an admin. The key is the id.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn runs(&self, caller: &Principal, query: RunQuery) -> Result<Vec<Run>> {
        self.authorise_all(caller, &RUN_LIST).await?;
        let owner = match Visibility::of(caller) {
            Visibility::All => query.owner,
            Visibility::Granted(_) => Some(caller.subject().clone()),
        };
        let query = RunQuery { owner, page: query.page.bounded(), ..query };
        self.engine.runs.runs(caller.tenant(), &query).await
    }

    /// Returns the events of a run from `seq` on: first the recorded ones, then new ones, up to the last one.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`NotFound`](ErrorKind::NotFound) with `RESUME_UNSUPPORTED` when the journal was erased.
    pub async fn events(&self, caller: &Principal, id: &RunId, from: u64) -> Result<EventStream> {
        let run = self.engine.permitted_run(caller, &RUN_EVENTS, id).await?;
        Ok(EventStream::new(Arc::clone(&self.engine), run, from))
    }

    /// Cancels a run. Another process that drives it gets a cancel request. A run whose owner is gone is ended by the
    /// process that takes it over.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`Conflict`](ErrorKind::Conflict) when it is over; [`Unavailable`](ErrorKind::Unavailable)
    /// with `RUN_STALLED` when it ends only once the store is available.
    pub async fn cancel(&self, caller: &Principal, id: &RunId) -> Result<()> {
        let run = self.engine.permitted_run(caller, &RUN_CANCEL, id).await?;
        if run.outcome().is_some() {
            return Err(Error::new(ErrorKind::Conflict, "the run is over").with_code("RUN_CLOSED"));
        }
        match self.engine.active_runs.cancel(caller.tenant(), id) {
            Cancelling::Driven => Ok(()),
            Cancelling::Stalled => Err(stalled()),
            Cancelling::NotDriven => {
                self.engine.runs.request_cancel(caller.tenant(), caller, id).await?;
                self.engine.claim_cancelled().await
            }
        }
    }

    /// Returns the speech of a run's answer, if it was requested and exists.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`NotFound`](ErrorKind::NotFound) with `AUDIO_NOT_FOUND` where there is none.
    pub async fn audio(&self, caller: &Principal, id: &RunId) -> Result<Speech> {
        self.engine.permitted_run(caller, &RUN_AUDIO, id).await?;
        let audio = self.engine.runs.audio(caller.tenant(), id).await?;
        audio.ok_or_else(|| Error::not_found("the run's answer was not spoken").with_code("AUDIO_NOT_FOUND"))
    }

    /// Erases the content of a run: its events, evidence and speech, the output and reasoning of its models, and its
    /// cache entries. The question stays with the run and the messages with their session; the calls, the ledger and
    /// the audit chain, which contain no text, stay and still verify. Meant for a run that is over: an unfinished one
    /// emits more.
    ///
    /// # Errors
    /// As [`Nexus::run`]; those of the cache, when everything else is erased: erase again.
    pub async fn prune_journal(&self, caller: &Principal, id: &RunId) -> Result<()> {
        self.engine.permitted_run(caller, &RUN_PRUNE, id).await?;
        let audit = self.engine.single_event_chain(caller, PRUNED, Payload::new().id("run", id))?;
        self.engine.runs.prune_journal(caller.tenant(), id, audit).await?;
        self.engine.gateway.forget_run(caller.tenant(), id).await
    }

    /// Returns a page of the caller's sessions, that with the latest message first; all of the tenant's for an admin. The
    /// key is [`Session::key`].
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn sessions(&self, caller: &Principal, page: Page) -> Result<Vec<Session>> {
        self.authorise_all(caller, &SESSION_LIST).await?;
        let owner = match Visibility::of(caller) {
            Visibility::All => None,
            Visibility::Granted(_) => Some(caller.subject()),
        };
        self.engine.sessions.sessions(caller.tenant(), owner, &page.bounded()).await
    }

    /// Returns a page of the messages of a session, the last added first. The key is [`Message::key`].
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also for another user's session; those of
    /// [`invalid_cursor`](crate::invalid_cursor).
    pub async fn messages(&self, caller: &Principal, id: &SessionId, page: Page) -> Result<Vec<Message>> {
        self.authorise_all(caller, &MESSAGE_LIST).await?;
        let session = self.engine.sessions.session(caller.tenant(), id).await?;
        if session.owner != *caller.subject() && Visibility::of(caller) != Visibility::All {
            return Err(Error::not_found("there is no such session").with_code("SESSION_NOT_FOUND"));
        }
        self.engine.sessions.messages(caller.tenant(), id, &page.bounded()).await
    }
}

impl Engine {
    /// Returns a run of `caller`, or any of the tenant for an admin. Another user's run is `NotFound`.
    pub(crate) async fn permitted_run(
        &self,
        caller: &Principal,
        operation: &Operation,
        id: &RunId,
    ) -> Result<Run> {
        self.authorise(caller, operation, Resource::run(id), ()).await?;
        let run = self.runs.run(caller.tenant(), id).await?;
        if run.principal.subject() != caller.subject() && Visibility::of(caller) != Visibility::All {
            return Err(Error::not_found("there is no such run").with_code("RUN_NOT_FOUND"));
        }
        self.record_read(caller, operation, read_facts(&Resource::run(id))).await?;
        Ok(run)
    }
}
