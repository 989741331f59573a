//! Ask API: [`AskBuilder`], and [`RunHandle`] of the run that it starts.

use std::sync::Arc;

use super::event_stream::EventStream;
use crate::audit::fresh_salt;
use crate::cache::CacheUse;
use crate::corpus::{AnswerRelease, CorpusConfig};
use crate::engine::{Denial, Engine};
use crate::error::{Error, Result};
use crate::id::{CorpusId, DocumentId, RequestId, RunId, SessionId};
use crate::policy::{Decision, Operation, READERS, RequestContext, Resource, Route};
use crate::principal::Principal;
use crate::retrieve::Filter;
use crate::run::event::{Answer, EventBody};
use crate::run::model::{Ask, AskOptions, Budget, Outcome, Phase, Run};
use crate::session::Session;

/// Operation of asking a question.
pub const RUN_CREATE: Operation = Operation::new("run.create", READERS, Route::post("/v1/run"));

/// Builder of a question, from [`Nexus::ask`](crate::Nexus::ask). [`start`](Self::start) asks it; only the corpus is
/// required.
///
/// # Examples
///
/// ```
/// use nexus_core::retrieve::Filter;
/// use nexus_core::run::{Budget, Outcome};
/// use nexus_core::{NanoUsd, Nexus, Principal, Result};
///
/// async fn answer(nexus: &Nexus, caller: &Principal) -> Result<Option<String>> {
///     let at_most = Budget { max_cost: Some(NanoUsd::parse_usd("0.05")?), ..Budget::default() };
///     let run = nexus
///         .ask(caller, "How long is the probation period?")
///         .corpus("handbook")
///         .filter(Filter::parse("year >= 2025")?)
///         .top_k(8)
///         .budget(at_most)
///         .start()
///         .await?;
///     let finished = run.finish().await?;
///     Ok((finished.outcome == Outcome::Answered).then_some(finished.answer.text))
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is asked before `start`"]
pub struct AskBuilder {
    engine: Arc<Engine>,
    caller: Principal,
    question: String,
    corpus: Option<String>,
    session: Option<SessionId>,
    request: Option<RequestId>,
    options: AskOptions,
}

impl AskBuilder {
    pub(crate) fn new(engine: Arc<Engine>, caller: Principal, question: String) -> Self {
        Self {
            engine,
            caller,
            question,
            corpus: None,
            session: None,
            request: None,
            options: AskOptions::default(),
        }
    }

    /// Sets the corpus to search. Required.
    pub fn corpus(mut self, corpus: impl Into<String>) -> Self {
        self.corpus = Some(corpus.into());
        self
    }

    /// Sets the session; by default a new one.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Sets the caller's id of the request; by default a new one.
    pub fn request_id(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Sets the number of passages to retrieve; by default the corpus's own.
    pub fn top_k(mut self, top_k: usize) -> Self {
        self.options.top_k = Some(top_k);
        self
    }

    /// Restricts the search to documents whose metadata satisfy `filter`.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = Some(filter);
        self
    }

    /// Restricts the search to documents with all of these tags.
    pub fn document_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.options.document_tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Restricts the search to these documents.
    pub fn documents(mut self, documents: impl IntoIterator<Item = DocumentId>) -> Self {
        self.options.documents = documents.into_iter().collect();
        self
    }

    /// Sets the display name of the run; by default the beginning of the question.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.options.title = Some(title.into());
        self
    }

    /// Adds a tag to the run.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.options.tags.insert(tag.into());
        self
    }

    /// Sets the provider, by its configured name; by default that of the tenant's route.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.options.provider = Some(provider.into());
        self
    }

    /// Sets the model; by default the provider's.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.options.model = Some(model.into());
        self
    }

    /// Sets whether to synthesise speech of the answer, for [`Nexus::audio`](crate::Nexus::audio) once the run is
    /// over. An abstention has no speech.
    pub fn speak(mut self, speak: bool) -> Self {
        self.options.speak = speak;
        self
    }

    /// Bypasses the answer cache, for both lookup and storing.
    pub fn without_cache(mut self) -> Self {
        self.options.cache = CacheUse::Bypassed;
        self
    }

    /// Sets the budget of the run.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.options.budget = budget;
        self
    }

    /// Starts the run. The run exists once this returns, and continues without subscribers. When the future is
    /// dropped before that, the run either does not exist or continues all the same.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a question or option that is out of bounds;
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus, or for another user's session;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with `SERVICE_BUSY` when too many runs are in flight.
    pub async fn start(self) -> Result<RunHandle> {
        let corpus = self
            .corpus
            .ok_or_else(|| Error::invalid("a question needs a corpus").with_code("CORPUS_MISSING"))?;
        let (corpus, question) = (CorpusId::parse(corpus)?, self.question.replace('\0', "\u{FFFD}"));
        let ask = Ask { question, corpus, options: self.options };
        ask.check()?;
        let engine = self.engine;
        engine.gateway.check_cost_units(&self.caller, ask.options.budget.max_cost_units).await?;
        let request = match self.request {
            Some(id) => id,
            None => engine.new_id()?,
        };
        let decision = engine.decide_ask(&self.caller, &ask, &request).await?;
        // Any other caller learns nothing about the corpus, and gets a refused run.
        let answers = if decision.allows() {
            let corpus = engine.corpora.corpus(self.caller.tenant(), &ask.corpus).await?;
            CorpusConfig::parse(&corpus.provider_config_json)?.answers
        } else {
            AnswerRelease::default()
        };
        let denial = (!decision.allows()).then(|| {
            let resource = Resource::corpus(&ask.corpus);
            Denial::new(&self.caller, &RUN_CREATE, &resource, &decision, engine.clock.now())
        });
        let begun = engine.begin_ask(self.caller, ask, answers, self.session, request, decision).await;
        // The chain of a run holds its decision; without a run, the denial needs a record of its own.
        if let (Err(_), Some(denial)) = (&begun, denial) {
            engine.note(denial).await;
        }
        Ok(RunHandle { engine, run: begun? })
    }
}

impl Engine {
    /// Returns the policy's decision on a question. A run has one: its driver gets that of [`AskBuilder::start`], and
    /// decides again only when it resumes the run of another process.
    pub(super) async fn decide_ask(
        &self,
        caller: &Principal,
        ask: &Ask,
        request: &RequestId,
    ) -> Result<Decision> {
        let (provider, model) = (ask.options.provider.as_deref(), ask.options.model.as_deref());
        // A route that leads nowhere is an error of the run, for callers that the policy allows.
        let model = self.gateway.model_asked_first(caller.tenant(), provider, model).await?;
        let context =
            RequestContext { request_id: Some(request.clone()), model, ..self.context(&RUN_CREATE) };
        self.decide(caller, &RUN_CREATE, Resource::corpus(&ask.corpus), context).await
    }

    /// Records the run of a question, and starts its driver.
    async fn begin_ask(
        self: &Arc<Self>,
        caller: Principal,
        ask: Ask,
        answers: AnswerRelease,
        session: Option<SessionId>,
        request: RequestId,
        decision: Decision,
    ) -> Result<Run> {
        let slot = self.active_runs.acquire_slot()?;
        let version = decision.policy_version.clone();
        let run = self.new_run(caller, ask, answers, session, request, version).await?;
        self.begin(run.clone(), decision, slot).await?;
        Ok(run)
    }

    async fn new_run(
        &self,
        caller: Principal,
        ask: Ask,
        answers: AnswerRelease,
        session: Option<SessionId>,
        request_id: RequestId,
        policy_version: String,
    ) -> Result<Run> {
        let now = self.clock.now();
        let title = ask.title_or_question();
        let id = match session {
            Some(id) => id,
            None => self.new_id()?,
        };
        let owner = caller.subject().clone();
        let session = Session { id, owner, title: title.clone(), created_at: now, updated_at: now };
        let session = self.sessions.open_session(caller.tenant(), session).await?;
        Ok(Run {
            id: self.new_id()?,
            request_id,
            principal: caller,
            session_id: session.id,
            ask,
            title,
            phase: Phase::Accepted,
            version: 0,
            next_seq: 0,
            policy_version,
            answers,
            salt: fresh_salt(self.ids.as_ref()),
            created_at: now,
            updated_at: now,
            completed_at: None,
        })
    }
}

/// Handle of a started run.
#[derive(Debug)]
pub struct RunHandle {
    engine: Arc<Engine>,
    run: Run,
}

impl RunHandle {
    /// Returns the run's id.
    pub fn id(&self) -> &RunId {
        &self.run.id
    }

    /// Returns the run's session.
    pub fn session_id(&self) -> &SessionId {
        &self.run.session_id
    }

    /// Returns the request that started the run.
    pub fn request_id(&self) -> &RequestId {
        &self.run.request_id
    }

    /// Returns the run's events, from the first on.
    pub fn events(&self) -> EventStream {
        EventStream::new(Arc::clone(&self.engine), self.run.clone(), 0).of_this_process()
    }

    /// Waits for the end of the run. Returns early with `RUN_STALLED` when the run waits for the store; another call
    /// continues to wait.
    ///
    /// # Errors
    /// Those of [`EventStream::next`]. A run that failed is an [`Outcome::Failed`], not an error.
    pub async fn finish(&self) -> Result<FinishedRun> {
        let mut events = self.events();
        let mut answer = Answer::default();
        loop {
            match events.next().await?.map(|event| event.body) {
                Some(EventBody::Final(whole)) => answer = whole,
                Some(EventBody::Done { outcome }) => return Ok(FinishedRun { outcome, answer }),
                Some(EventBody::Error(failure)) => {
                    return Ok(FinishedRun { outcome: Outcome::Failed { failure }, answer });
                }
                Some(_) => {}
                None => return Err(Error::unexpected("the run's events ended before the run did")),
            }
        }
    }
}

/// Result of a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedRun {
    /// Outcome of the run.
    pub outcome: Outcome,
    /// Answer; empty unless the question was answered, or its text is marked as none.
    pub answer: Answer,
}
