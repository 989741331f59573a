//! Questions: searching, asking, runs and their events, sessions, and the audit chains they leave.

use std::sync::Arc;

use super::Nexus;
use crate::access::Visibility;
use crate::audit::{KeyRing, Verification, actor, actor_in, no_chain, verify_run};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RunId, SessionId};
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::retrieve::Retrieved;
use crate::run::{AskBuilder, Cancelling, EventStream, Run, RunQuery, stalled};
use crate::search::Search;
use crate::session::{Message, Session};
use crate::speech::Speech;

/// How many chains of a tenant are looked at in one step for those that the caller began.
const CHAINS_PAGE: usize = 1_000;

impl Nexus {
    /// Finds passages.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the corpus;
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    pub async fn search(&self, caller: &Principal, search: Search) -> Result<Retrieved> {
        self.engine.search(caller, search).await
    }

    /// Begins to put a question together; [`AskBuilder::start`] asks it.
    pub fn ask(&self, caller: &Principal, question: impl Into<String>) -> AskBuilder {
        AskBuilder::new(Arc::clone(&self.engine), caller.clone(), question.into())
    }

    /// Takes up the runs that a process before this one left unfinished, after ending its calls to models; says how many
    /// runs there were. A call that cannot be ended holds up nothing: it is logged, and tried again in the background. Before that it writes and reads a probe, so that a store that only seems to be there is found out
    /// at the start.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn resume(&self) -> Result<usize> {
        self.engine.store.check().await?;
        self.engine.gateway.recover().await?;
        self.engine.resume_runs().await
    }

    /// One run: the caller's own, or any of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn run(&self, caller: &Principal, id: &RunId) -> Result<Run> {
        self.engine.permitted_run(caller, Action::RunRead, id).await
    }

    /// Runs, latest first: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn runs(&self, caller: &Principal, query: RunQuery) -> Result<Vec<Run>> {
        self.authorise(caller, Action::RunRead, Resource::default()).await?;
        let owner = match Visibility::of(caller) {
            Visibility::All => query.owner,
            Visibility::Granted(_) => Some(caller.subject().clone()),
        };
        self.engine.store.runs(caller.tenant(), &RunQuery { owner, ..query }).await
    }

    /// The events of a run from `seq` on: those recorded, then those to come, up to the last one.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`NotFound`](ErrorKind::NotFound) with `RESUME_UNSUPPORTED` when the journal was erased.
    pub async fn events(&self, caller: &Principal, id: &RunId, from: u64) -> Result<EventStream> {
        let run = self.engine.permitted_run(caller, Action::RunRead, id).await?;
        Ok(EventStream::new(Arc::clone(&self.engine), run, from))
    }

    /// Ends a run. One that another process drives is asked to end, and one that no process drives is ended by the owner of
    /// the store.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`Conflict`](ErrorKind::Conflict) when it is over; [`Unavailable`](ErrorKind::Unavailable) with
    /// `RUN_STALLED` when it cannot end before the store can be used again, when it will.
    pub async fn cancel(&self, caller: &Principal, id: &RunId) -> Result<()> {
        let run = self.engine.permitted_run(caller, Action::RunCancel, id).await?;
        if run.outcome().is_some() {
            return Err(Error::new(ErrorKind::Conflict, "the run is over").code("RUN_CLOSED"));
        }
        match self.engine.runs.cancel(caller.tenant(), id) {
            Cancelling::Driven => Ok(()),
            Cancelling::Stalled => Err(stalled()),
            Cancelling::NotDriven => {
                self.engine.store.request_cancel(caller, id).await?;
                self.engine.watch_if_owner();
                Ok(())
            }
        }
    }

    /// The answer of a run aloud, if it was asked to be spoken and was.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`NotFound`](ErrorKind::NotFound) with `AUDIO_NOT_FOUND` where there is none.
    pub async fn audio(&self, caller: &Principal, id: &RunId) -> Result<Speech> {
        self.engine.permitted_run(caller, Action::RunRead, id).await?;
        let audio = self.engine.store.audio(caller.tenant(), id).await?;
        audio.ok_or_else(|| Error::not_found("the run's answer was not spoken").code("AUDIO_NOT_FOUND"))
    }

    /// Erases what a run showed: its events, its passages, its speech, what models answered and thought in it, and what the
    /// cache keeps of it. The question stays with the run and the messages with their session; the calls, the ledger and
    /// the audit chain, which hold no text, stay and still verify. Meant for a run that is over: one that goes on shows more.
    ///
    /// # Errors
    /// As [`Nexus::run`]; those of the cache, when everything else is erased: erase again.
    pub async fn prune_journal(&self, caller: &Principal, id: &RunId) -> Result<()> {
        self.engine.permitted_run(caller, Action::RunCancel, id).await?;
        self.engine.store.prune_journal(caller.tenant(), id).await?;
        self.engine.gateway.forget_run(caller.tenant(), id).await
    }

    /// Judges the audit chain of a run or job: one that the caller began, or any of the tenant for an admin. `keys` are the
    /// key ring to check signatures with, this Nexus's own unless told.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also for the chain of somebody else's.
    pub async fn verify(
        &self,
        caller: &Principal,
        run: &str,
        keys: Option<&KeyRing>,
    ) -> Result<Verification> {
        self.authorise(caller, Action::AuditRead, Resource::default()).await?;
        if Visibility::of(caller) != Visibility::All {
            self.check_own_chain(caller, run).await?;
        }
        let (store, keys) = (&self.engine.store, keys.unwrap_or(self.engine.sealer.keys()));
        verify_run(store.as_ref(), store.instance(), caller.tenant(), run, Some(keys)).await
    }

    /// The ids of the audit chains that the caller began, or of all of the tenant for an admin, in order, after `after`.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn chains(
        &self,
        caller: &Principal,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.authorise(caller, Action::AuditRead, Resource::default()).await?;
        if Visibility::of(caller) == Visibility::All {
            let chains = self.engine.store.chains(caller.tenant(), after, limit).await?;
            return Ok(chains.into_iter().map(|chain| chain.run).collect());
        }
        let (own, mut found) = (Some(actor(caller)), Vec::new());
        while found.len() < limit {
            let page = self.engine.store.chains(caller.tenant(), after, CHAINS_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.run.clone());
            found.extend(page.into_iter().filter(|chain| chain.begun_by == own).map(|chain| chain.run));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Checks that the caller began a chain. A run's owner is known beside its chain, so that a chain whose beginning was
    /// altered can still be found out.
    async fn check_own_chain(&self, caller: &Principal, run: &str) -> Result<()> {
        let first = self.engine.store.records(caller.tenant(), run, 0, 1).await?;
        if first.first().and_then(|first| actor_in(&first.body)) == Some(actor(caller)) {
            return Ok(());
        }
        let Ok(id) = RunId::parse(run) else { return Err(no_chain()) };
        match self.engine.store.run(caller.tenant(), &id).await {
            Ok(run) if run.principal.subject() == caller.subject() => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Err(no_chain()),
        }
    }

    /// The caller's sessions, latest first; all of the tenant's for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn sessions(&self, caller: &Principal, limit: usize) -> Result<Vec<Session>> {
        self.authorise(caller, Action::RunRead, Resource::default()).await?;
        let owner = match Visibility::of(caller) {
            Visibility::All => None,
            Visibility::Granted(_) => Some(caller.subject()),
        };
        self.engine.store.sessions(caller.tenant(), owner, limit).await
    }

    /// The last messages of a session, oldest first.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also for somebody else's.
    pub async fn messages(&self, caller: &Principal, id: &SessionId, limit: usize) -> Result<Vec<Message>> {
        self.authorise(caller, Action::RunRead, Resource::default()).await?;
        let session = self.engine.store.session(caller.tenant(), id).await?;
        if session.owner != *caller.subject() && Visibility::of(caller) != Visibility::All {
            return Err(Error::not_found("there is no such session").code("SESSION_NOT_FOUND"));
        }
        self.engine.store.messages(caller.tenant(), id, limit).await
    }
}

impl Engine {
    /// A run of `who`, or of anyone for an admin. Somebody else's looks as if it did not exist.
    pub(crate) async fn permitted_run(&self, caller: &Principal, action: Action, id: &RunId) -> Result<Run> {
        self.authorise(caller, action, Resource::default(), ()).await?;
        let run = self.store.run(caller.tenant(), id).await?;
        if run.principal.subject() == caller.subject() || Visibility::of(caller) == Visibility::All {
            Ok(run)
        } else {
            Err(Error::not_found("there is no such run").code("RUN_NOT_FOUND"))
        }
    }
}
