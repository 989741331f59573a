//! Chat: answers of language models, as a stream or in one piece.
//!
//! [`Gateway::stream`] and [`Gateway::complete`] start the call's task. Once admitted, the call is answered by an earlier call
//! with the same idempotency key, by the [answer cache](crate::gateway::answer_cache), or by a model.
//!
//! - `attempt`: one attempt at one provider.

mod attempt;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::{Answered, AttemptContext, AttemptResult, ModelOperation, fingerprint};
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::gateway::answer_cache::{AnswerCache, CacheQuery, Lookup, PendingCacheEntry};
use crate::gateway::call::{
    Admission, CallEvent, CallReceipt, CallStream, Completed, ModelCall, shutting_down,
};
use crate::gateway::call_task::{AdmittedCall, CallEnd, CallTask, Start};
use crate::gateway::plan::{PlannedAttempt, max_input_tokens, output_bound};
use crate::gateway::routing::{Candidate, Route, Routing};
use crate::gateway::settings::GatewaySettings;
use crate::gateway::single_flight::Joined;
use crate::gateway::{Gateway, Origin, metrics};
use crate::grounding::markers::citations_in;
use crate::ledger::{AttemptOutcome, AttemptStatus, Call, CallResult, CallStatus, Operation};
use crate::llm::{Completion, CompletionEvent, LlmProvider, ProviderErrorKind, Request};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::retrieve::EmbedRole;
use crate::usage::Usage;

/// The form in which a provider is asked for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A stream of events.
    Streaming,
    /// One piece.
    Unary,
}

/// A chat request, with the channel to its caller.
#[derive(Debug)]
struct Chat {
    call: ModelCall,
    mode: Mode,
    events: mpsc::UnboundedSender<CallEvent>,
    cancelled: watch::Receiver<bool>,
}

/// A chat call that was admitted.
type AdmittedChat = AdmittedCall<Arc<dyn LlmProvider>>;

/// Tells the caller whether the call was admitted.
type Verdict = oneshot::Sender<Result<Admission<()>>>;

impl Gateway {
    /// Makes a call whose answer is streamed.
    pub(crate) async fn stream(&self, caller: &Principal, call: ModelCall) -> Result<Admission<CallStream>> {
        self.start_chat(caller, call, Mode::Streaming).await
    }

    /// Makes a call whose answer comes in one piece.
    pub(crate) async fn complete(&self, caller: &Principal, call: ModelCall) -> Result<Admission<Completed>> {
        let mut stream = match self.start_chat(caller, call, Mode::Unary).await? {
            Admission::Granted(stream) => stream,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        let mut reply = Completion::empty();
        while let Some(piece) = stream.next().await {
            reply.add(piece?);
        }
        let receipt = stream.receipt.take().ok_or_else(shutting_down)?;
        Ok(Admission::Granted(Completed { reply, receipt }))
    }

    /// Starts the call's task, and waits for its admission.
    async fn start_chat(
        &self,
        caller: &Principal,
        call: ModelCall,
        mode: Mode,
    ) -> Result<Admission<CallStream>> {
        let (sender, events) = mpsc::unbounded_channel();
        let (cancel, cancelled) = watch::channel(false);
        let (verdict, admission) = oneshot::channel();
        let origin = Origin::of(&call);
        let task = CallTask::new(self, caller, origin, Chat { call, mode, events: sender, cancelled });
        self.inner.tasks.spawn_unless_stopping(task.run_chat(verdict));
        Ok(match admission.await.map_err(|_| shutting_down())?? {
            Admission::Granted(()) => {
                Admission::Granted(CallStream { events, cancel, receipt: None, over: false })
            }
            Admission::Refused(refused) => Admission::Refused(refused),
        })
    }
}

#[async_trait]
impl ModelOperation for Chat {
    const OPERATION: Operation = Operation::Chat;
    const SERVICE: &'static str = "model";
    const IS_ANSWER: bool = true;
    const HAS_FALLBACKS: bool = true;

    type Provider = Arc<dyn LlmProvider>;
    type Answer = Completion;

    fn candidates(&self, route: &Route, routing: &Routing) -> Result<Vec<Candidate>> {
        routing.candidates(route, self.call.provider.as_deref(), self.call.request.model.as_deref())
    }

    fn degraded(&self, route: &Route, routing: &Routing) -> Option<Candidate> {
        routing.degraded(route)
    }

    fn is_streamed(&self) -> bool {
        self.mode == Mode::Streaming
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.call.idempotency_key.as_deref()
    }

    /// Equal calls by the same user have equal digests. Scores that passages were found with do not count.
    fn digest(&self, caller: &Principal) -> Result<String> {
        // Every field is named, so that a new one has to be given its place here.
        let Request {
            model,
            instructions,
            history,
            evidence,
            question,
            tools,
            tool_choice,
            max_tokens,
            parameters,
            grounding_threshold,
        } = &self.call.request;
        let evidence: Vec<_> =
            evidence.iter().map(|shown| (shown.number, &shown.passage, &shown.hash)).collect();
        let request = (
            ("nexus/call/v1", caller.tenant(), caller.subject(), &self.call.provider, model),
            (instructions, history, evidence, question),
            (tools, tool_choice, max_tokens, parameters),
        );
        match grounding_threshold {
            // Stored idempotency keys have the digest without it.
            None => fingerprint(&request),
            Some(threshold) => fingerprint(&(request, threshold)),
        }
    }

    fn max_input_tokens(&self) -> u64 {
        max_input_tokens(&self.call.request)
    }

    fn max_output_tokens(&self, candidate: &Candidate, settings: &GatewaySettings) -> u32 {
        let most = candidate.provider.info(&candidate.model).output_tokens.unwrap_or(u32::MAX);
        self.call.request.max_tokens.unwrap_or(settings.max_tokens).min(most)
    }

    fn output_bound(&self, planned: &PlannedAttempt, answer: &Completion) -> Usage {
        output_bound(answer, u64::from(planned.max_output_tokens), &planned.price.rates)
    }

    async fn attempt(&self, planned: &PlannedAttempt, context: &AttemptContext) -> AttemptResult<Completion> {
        self.attempt_chat(planned, context).await
    }

    async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // The handle is gone, and the call can no longer be cancelled.
            std::future::pending::<()>().await;
        }
    }
}

impl Chat {
    /// Sends an event to the caller, who may be gone: the call goes on all the same.
    fn send(&self, event: CallEvent) {
        let _ = self.events.send(event);
    }

    /// Sends a whole reply with its receipt, which comes before the last piece.
    fn send_reply(&self, reply: Completion, receipt: CallReceipt) {
        let mut events: Vec<CallEvent> = reply.into_pieces().into_iter().map(CallEvent::Piece).collect();
        events.insert(events.len().saturating_sub(1), CallEvent::Ended(receipt));
        for event in events {
            self.send(event);
        }
    }

    /// Adds the citations that the reply's markers stand for, where the model returned none, and sends them.
    fn add_citations(&self, reply: &mut Completion) {
        let evidence = &self.call.request.evidence;
        if !reply.citations.is_empty() || evidence.is_empty() {
            return;
        }
        reply.citations = citations_in(&reply.text, evidence).citations;
        for citation in &reply.citations {
            self.send(CallEvent::Piece(CompletionEvent::Citation(citation.clone())));
        }
    }
}

impl CallTask<Chat> {
    /// Carries the call out. `verdict` comes first; the answer, or the error, follows as events.
    async fn run_chat(self, verdict: Verdict) {
        let start = match self.admit().await {
            Ok(Admission::Granted(start)) => start,
            Ok(Admission::Refused(refused)) => {
                let _ = verdict.send(Ok(Admission::Refused(refused)));
                return;
            }
            Err(error) => {
                let _ = verdict.send(Err(error));
                return;
            }
        };
        let _ = verdict.send(Ok(Admission::Granted(())));
        let answered = match start {
            Start::Attempt(call) => Box::pin(self.answer(*call)).await,
            Start::Replay(call, result) => self.replay(&call, *result),
        };
        if let Err(error) = answered {
            self.operation.send(CallEvent::Failed(error));
        }
    }

    /// Gives the answer of an earlier call with the same idempotency key.
    fn replay(&self, call: &Call, result: CallResult) -> Result<()> {
        match result {
            CallResult::Reply(reply) => {
                let receipt = CallReceipt {
                    call: call.id.clone(),
                    provider: call.provider.clone(),
                    model: call.model.clone(),
                    attempts: 0,
                    cost: NanoUsd::ZERO,
                    estimated: false,
                    was_cached: false,
                    avoided: NanoUsd::ZERO,
                    was_replayed: true,
                };
                self.operation.send_reply(*reply, receipt);
                Ok(())
            }
            CallResult::Failed(failure) => Err(failed_before(&failure)),
            CallResult::NotKept => Err(Error::unexpected("an answer was not kept")),
        }
    }

    /// Answers an admitted call from the cache, or else from a model. Of equal calls at the same time, the first asks the
    /// model, and the others wait for its cache entry.
    async fn answer(&self, mut call: AdmittedChat) -> Result<()> {
        let Some(query) = self.cache_query(&call).await else {
            return self.answer_from_model(call, None).await;
        };
        let flight = match self.inner.single_flight.join(&query.key) {
            Joined::Leader(flight) => Some(flight),
            Joined::Follower(over) => {
                if self.is_cancelled_before(over, call.until).await {
                    return Err(self.cancel_before_send(&mut call).await);
                }
                None
            }
        };
        let lookup = query.lookup(flight, self.question_embedding(&call)).await;
        if *self.operation.cancelled.borrow() {
            return Err(self.cancel_before_send(&mut call).await);
        }
        match lookup {
            Lookup::Hit(reply) => self.answer_from_cache(call, *reply).await,
            Lookup::Miss(pending) => self.answer_from_model(call, Some(*pending)).await,
        }
    }

    /// The cache query of a call; none where no cache may answer it.
    async fn cache_query(&self, call: &AdmittedChat) -> Option<CacheQuery<'_>> {
        let settings = call.plan.settings().cache;
        let cache = self.inner.cache.as_deref().filter(|_| !settings.answer_ttl.is_zero())?;
        let cache = AnswerCache {
            cache,
            documents: self.inner.documents.as_ref(),
            grants: self.inner.grants.as_ref(),
            retriever: self.inner.retriever.as_ref(),
            clock: self.inner.clock.as_ref(),
            keys: self.inner.sealer.keys(),
            settings,
            caller: &self.caller,
            call: &self.operation.call,
        };
        let embedder = settings.semantic_threshold.and_then(|_| self.inner.current().embedder);
        let embedding_model = embedder.map(|embedder| embedder.model().to_string());
        cache.query(&call.planned, self.inner.policy_version(self.caller.tenant()), embedding_model).await
    }

    /// Waits until the equal call before this one is over, or the deadline has passed; says whether this call was cancelled
    /// first.
    async fn is_cancelled_before(&self, mut over: watch::Receiver<()>, until: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.operation.cancelled() => true,
            _ = timeout_at(until, over.changed()) => false,
        }
    }

    /// The question's vector, where similar questions share answers: a call of its own, charged like any other.
    async fn question_embedding(&self, call: &AdmittedChat) -> Option<Vec<f32>> {
        let question = self.operation.call.request.question.as_str();
        call.plan.settings().cache.semantic_threshold.filter(|_| !question.trim().is_empty())?;
        let gateway = Gateway { inner: Arc::clone(&self.inner) };
        match gateway.embed(&self.caller, &self.origin, EmbedRole::Query, &[question]).await {
            Ok(Admission::Granted(vectors)) => vectors?.into_iter().next(),
            Ok(Admission::Refused(refused)) => {
                tracing::info!(code = refused.code(), "a question was not embedded for the cache");
                None
            }
            Err(error) => {
                tracing::warn!(error = %error.report(), "a question was not embedded for the cache");
                None
            }
        }
    }

    /// Gives a cached answer: nothing is sent to a vendor and nothing is charged, and the record says what that avoided.
    async fn answer_from_cache(&self, mut call: AdmittedChat, reply: Completion) -> Result<()> {
        call.release_breaker();
        let consumed = reply.usage.unwrap_or_default();
        let avoided = call.plan.charge(&call.planned, &consumed).map_or(NanoUsd::ZERO, |charge| charge.money);
        let outcome = self.nothing_sent(&call, AttemptStatus::Cached);
        let result = CallResult::Reply(Box::new(reply.clone()));
        let end = CallEnd {
            attempts: 0,
            avoided: Some(avoided),
            ..call.end(Some(outcome), CallStatus::Succeeded, result)
        };
        self.settle_end(&call, end).await?;
        metrics::cached(avoided);
        let receipt = CallReceipt { attempts: 0, was_cached: true, avoided, ..call.receipt() };
        self.operation.send_reply(reply, receipt);
        Ok(())
    }

    /// Asks models until one answers, settles the answer, stores it in the cache, and only then says that it ended.
    async fn answer_from_model(
        &self,
        mut call: AdmittedChat,
        pending: Option<PendingCacheEntry<'_>>,
    ) -> Result<()> {
        let Answered { answer: mut reply, usage: reported } = self.attempts(&mut call).await?;
        self.operation.add_citations(&mut reply);
        let outcome = self.charge_answer(&mut call, &reply, reported);
        let (usage, finish) = (outcome.usage, reply.finish.clone());
        let reasoning = std::mem::take(&mut reply.reasoning);
        let entry = pending.as_ref().and_then(|pending| pending.cache_entry(&call.planned, &reply, usage));
        let result = CallResult::Reply(Box::new(reply));
        let end = CallEnd { reasoning, ..call.end(Some(outcome), CallStatus::Succeeded, result) };
        self.settle_end(&call, end).await?;
        if let (Some(pending), Some(entry)) = (&pending, entry) {
            pending.store_in_cache(entry).await;
        }
        self.operation.send(CallEvent::Piece(CompletionEvent::Usage(usage)));
        self.operation.send(CallEvent::Ended(call.receipt()));
        self.operation.send(CallEvent::Piece(CompletionEvent::Finish(finish)));
        Ok(())
    }

    /// Ends a call that was cancelled before anything was sent to a vendor; returns the error for the caller.
    async fn cancel_before_send(&self, call: &mut AdmittedChat) -> Error {
        call.release_breaker();
        let outcome = self.nothing_sent(call, AttemptStatus::FailedUnbilled);
        self.settle_cancelled(call, outcome).await
    }

    fn nothing_sent(&self, call: &AdmittedChat, status: AttemptStatus) -> AttemptOutcome {
        AttemptOutcome::unbilled(call.number, status, None, self.inner.clock.now())
    }
}

/// The error of an earlier call with the same idempotency key.
fn failed_before(failure: &Failure) -> Error {
    let message = failure.message.clone();
    match ProviderErrorKind::from_code(&failure.code) {
        Some(kind) => kind.error(message),
        None => Error::new(ErrorKind::Unavailable, message)
            .with_code("CALL_FAILED_BEFORE")
            .with("code", &failure.code),
    }
}
