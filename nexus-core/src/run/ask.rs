//! Asking: the builder of a question, and the handle of its run.

use std::sync::Arc;

use super::event::{Answer, EventBody};
use super::event_stream::EventStream;
use super::model::{Ask, AskOptions, Budget, Outcome, Phase, Run};
use crate::audit::fresh_salt;
use crate::cache::CacheUse;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::id::{CorpusId, DocumentId, RequestId, RunId, SessionId};
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::retrieve::Filter;
use crate::session::Session;

/// A question that is being put together.
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

    /// Which corpus to ask. Required.
    pub fn corpus(mut self, corpus: impl Into<String>) -> Self {
        self.corpus = Some(corpus.into());
        self
    }

    /// The conversation it belongs to; a new one unless told.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// The id under which the caller knows the request; a new one unless told.
    pub fn request_id(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// How many passages to look at; the corpus's own default unless told.
    pub fn top_k(mut self, top_k: usize) -> Self {
        self.options.top_k = Some(top_k);
        self
    }

    /// Only documents whose metadata satisfy `filter`.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = Some(filter);
        self
    }

    /// Only documents with all of these tags.
    pub fn document_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.options.document_tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Only these documents.
    pub fn documents(mut self, documents: impl IntoIterator<Item = DocumentId>) -> Self {
        self.options.documents = documents.into_iter().collect();
        self
    }

    /// What people call the run; the question's beginning unless told.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.options.title = Some(title.into());
        self
    }

    /// A label of the run.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.options.tags.insert(tag.into());
        self
    }

    /// The provider to ask, by the name it is configured under; that of the tenant's route unless told.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.options.provider = Some(provider.into());
        self
    }

    /// The model to ask for; the provider's default unless told.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.options.model = Some(model.into());
        self
    }

    /// Whether the answer is to be spoken as well: [`Nexus::audio`](crate::Nexus::audio) has it once the run is over.
    /// Answers only are; an abstention says nothing.
    pub fn speak(mut self, speak: bool) -> Self {
        self.options.speak = speak;
        self
    }

    /// Asks the model even if it answered an equal question before, and keeps its answer for nobody else.
    pub fn without_cache(mut self) -> Self {
        self.options.cache = CacheUse::Bypassed;
        self
    }

    /// What the run may consume.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.options.budget = budget;
        self
    }

    /// Asks. The run exists once this returns, and goes on whether or not anybody listens. When the future is dropped
    /// before that, the run either does not exist or goes on all the same.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a question or option that is out of bounds;
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus, or for somebody else's session;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with `SERVICE_BUSY` when too many runs are being driven.
    pub async fn start(self) -> Result<RunHandle> {
        let corpus =
            self.corpus.ok_or_else(|| Error::invalid("a question needs a corpus").code("CORPUS_MISSING"))?;
        let (corpus, question) = (CorpusId::parse(corpus)?, self.question.replace('\0', "\u{FFFD}"));
        let ask = Ask { question, corpus, options: self.options };
        ask.check()?;
        let engine = self.engine;
        engine.gateway.check_cost_units(&self.caller, ask.options.budget.max_cost_units)?;
        engine.check_corpus(&self.caller, &ask.corpus).await?;
        let slot = engine.runs.acquire_slot()?;
        let run = engine.new_run(self.caller, ask, self.session, self.request).await?;
        engine.begin(run.clone(), slot).await?;
        Ok(RunHandle { engine, run })
    }
}

impl Engine {
    /// Spares whoever may ask a run that could only fail. Whoever may not learns nothing, and gets a refused run.
    async fn check_corpus(&self, caller: &Principal, corpus: &CorpusId) -> Result<()> {
        if self.decide(caller, Action::RunCreate, Resource::corpus(corpus)).await?.allows() {
            self.store.corpus(caller.tenant(), corpus).await?;
        }
        Ok(())
    }

    async fn new_run(
        &self,
        caller: Principal,
        ask: Ask,
        session: Option<SessionId>,
        request: Option<RequestId>,
    ) -> Result<Run> {
        let now = self.clock.now();
        let title = ask.title_or_question();
        let id = match session {
            Some(id) => id,
            None => self.new_id()?,
        };
        let owner = caller.subject().clone();
        let session = Session { id, owner, title: title.clone(), created_at: now, updated_at: now };
        let session = self.store.open_session(caller.tenant(), session).await?;
        let request_id = match request {
            Some(id) => id,
            None => self.new_id()?,
        };
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
            policy_version: self.policy.version(),
            salt: fresh_salt(self.ids.as_ref()),
            created_at: now,
            updated_at: now,
            completed_at: None,
        })
    }
}

/// A run that was started.
#[derive(Debug)]
pub struct RunHandle {
    engine: Arc<Engine>,
    run: Run,
}

impl RunHandle {
    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.run.id
    }

    /// The conversation it belongs to.
    pub fn session_id(&self) -> &SessionId {
        &self.run.session_id
    }

    /// The request that began it.
    pub fn request_id(&self) -> &RequestId {
        &self.run.request_id
    }

    /// Its events, from the first on.
    pub fn events(&self) -> EventStream {
        EventStream::new(Arc::clone(&self.engine), self.run.clone(), 0).of_this_process()
    }

    /// Waits for the end, or for the news that the run waits for the store: then it goes on later, and so may this.
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

/// What became of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedRun {
    /// What became of the question.
    pub outcome: Outcome,
    /// The answer; empty unless the question was answered.
    pub answer: Answer,
}
