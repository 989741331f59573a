//! The cache of answers: between the admission of a call and its first attempt, and after its settlement.
//!
//! Whatever goes wrong here is a miss. What is found is given only to whom its sources are still open.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::attempts::cancelled;
use super::{Admitted, Conduct};
use crate::access::{Permission, Visibility};
use crate::cache::{CacheEntry, CacheKey, CacheScope, SimilarEntry};
use crate::error::{ErrorKind, Result};
use crate::gateway::Origin;
use crate::gateway::answer::{CacheContext, is_cacheable, is_complete, key};
use crate::gateway::attempt::until_cancelled;
use crate::gateway::call::{Admission, CallEvent, CallReceipt};
use crate::gateway::metrics;
use crate::gateway::near::renumber_citations;
use crate::gateway::patience::best_effort;
use crate::gateway::single_flight::{FlightGuard, Joined};
use crate::grounding::Evidence;
use crate::ledger::{AttemptOutcome, AttemptStatus, CallResult, CallStatus, Settlement};
use crate::llm::Completion;
use crate::money::NanoUsd;
use crate::quota::MeterAmounts;
use crate::retrieve::EmbedRole;
use crate::usage::Usage;

/// How many answers to near questions are looked at, the nearest first.
const NEAREST: usize = 8;

/// What is needed to keep the answer of a call that is being made.
#[derive(Debug)]
pub(super) struct PendingCacheEntry {
    context: CacheContext,
    /// What the question means, where near questions share answers.
    embedding: Option<Vec<f32>>,
    /// Holds back equal requests until the answer is kept.
    _flight: Option<FlightGuard>,
}

impl Conduct {
    /// Answers an admitted call from the cache, or else from the model.
    pub(super) async fn answer(&self, mut admitted: Admitted) {
        let Some((standing, key)) = best_effort("looked for", self.cache_context(&admitted)).await.flatten()
        else {
            return self.attempts(admitted).await;
        };
        let flight = match self.shared.single_flight.join(&key) {
            Joined::Leader(flight) => Some(flight),
            Joined::Follower(over) => {
                if self.cancelled_behind(over, &admitted).await {
                    return self.cancel_before_send(admitted).await;
                }
                None
            }
        };
        let mut found = best_effort("looked up", self.exact_lookup(&key, &admitted)).await.flatten();
        let mut meaning = None;
        if found.is_none() {
            meaning = self.question_embedding(&admitted).await;
        }
        if let Some(vector) = &meaning {
            found =
                best_effort("compared", self.semantic_lookup(&key.scope, vector, &admitted)).await.flatten();
        }
        if *self.cancelled.borrow() {
            return self.cancel_before_send(admitted).await;
        }
        if let Some(reply) = found {
            drop(flight);
            self.answer_from_cache(admitted, reply).await;
        } else {
            admitted.keeping =
                Some(PendingCacheEntry { context: standing, embedding: meaning, _flight: flight });
            self.attempts(admitted).await;
        }
    }

    /// What decides about the answer's scope, and its key; nothing for an answer that must not come from a cache.
    async fn cache_context(&self, admitted: &Admitted) -> Result<Option<(CacheContext, CacheKey)>> {
        let is_on = self.shared.cache.is_some() && !admitted.plan.settings.cache.answer_ttl.is_zero();
        if !is_on || !is_cacheable(&self.call, &admitted.this) {
            return Ok(None);
        }
        let corpus = match &self.call.corpus {
            Some(corpus) => {
                Some((corpus.clone(), self.shared.store.revision(self.caller.tenant(), corpus).await?))
            }
            None => None,
        };
        let meaning = admitted.plan.settings.cache.semantic_threshold.and_then(|_| self.gateway.embedder());
        let standing = CacheContext {
            policy_version: self.shared.policy_version(self.caller.tenant()),
            corpus,
            meaning: meaning.map(|embedder| embedder.model().to_string()),
        };
        let key = key(&self.caller, &standing, &admitted.this)?;
        Ok(Some((standing, key)))
    }

    /// Waits until the equal request before this one is over, or time is; says whether the call was cancelled first.
    async fn cancelled_behind(&self, mut over: watch::Receiver<()>, admitted: &Admitted) -> bool {
        let mut flag = self.cancelled.clone();
        tokio::select! {
            biased;
            () = until_cancelled(&mut flag) => true,
            _ = timeout_at(admitted.until, over.changed()) => false,
        }
    }

    /// What is kept under `key`, if it can still be given to whoever asks.
    async fn exact_lookup(&self, key: &CacheKey, admitted: &Admitted) -> Result<Option<Completion>> {
        let Some(cache) = &self.shared.cache else { return Ok(None) };
        let found = cache.get(std::slice::from_ref(key), self.shared.clock.now()).await?;
        let Some(body) = found.into_iter().next().flatten() else { return Ok(None) };
        let Ok(reply) = serde_json::from_slice::<Completion>(&body) else { return Ok(None) };
        let shown = &admitted.plan.request.evidence;
        let holds = reply.citations.iter().all(|citation| citation.check(shown).is_ok());
        Ok((holds && self.may_still_read(shown).await?).then_some(reply))
    }

    /// The vector of the question, where near questions share answers: a call of its own, charged as any.
    async fn question_embedding(&self, admitted: &Admitted) -> Option<Vec<f32>> {
        let question = admitted.plan.request.question.as_str();
        admitted.plan.settings.cache.semantic_threshold.filter(|_| !question.trim().is_empty())?;
        let origin = Origin { allowance: self.allowance.clone(), ..Origin::of(&self.call) };
        match self.gateway.embed(&self.caller, &origin, EmbedRole::Query, &[question]).await {
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

    /// The answer to the nearest question in `scope` that can be given to whoever asks.
    async fn semantic_lookup(
        &self,
        scope: &CacheScope,
        meaning: &[f32],
        admitted: &Admitted,
    ) -> Result<Option<Completion>> {
        let (Some(cache), Some(threshold)) =
            (&self.shared.cache, admitted.plan.settings.cache.semantic_threshold)
        else {
            return Ok(None);
        };
        let (shown, now) = (&admitted.plan.request.evidence, self.shared.clock.now());
        let near = cache.nearest(scope, meaning, threshold.get(), NEAREST, now).await?;
        let read = |near: SimilarEntry| serde_json::from_slice::<Completion>(&near.body).ok();
        let fitting = near.into_iter().filter_map(read).find_map(|reply| renumber_citations(reply, shown));
        Ok(if self.may_still_read(shown).await? { fitting } else { None })
    }

    /// Whether every passage is of a version that is searched now, of a document that whoever asks may read now.
    async fn may_still_read(&self, shown: &[Evidence]) -> Result<bool> {
        let (tenant, now) = (self.caller.tenant(), self.shared.clock.now());
        let visibility = Visibility::of(&self.caller);
        let sources: BTreeSet<_> =
            shown.iter().map(|shown| (&shown.passage.document, shown.passage.version)).collect();
        for (document, version) in sources {
            let kept = match self.shared.store.document(tenant, document).await {
                Ok(kept) => kept,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
            if kept.version != version || Some(&kept.corpus_id) != self.call.corpus.as_ref() {
                return Ok(false);
            }
            if visibility != Visibility::All {
                let grants = self.shared.store.grants(tenant, document).await?;
                if !visibility.permits(Permission::Read, &grants, now) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Gives a kept answer: nothing is sent and nothing charged, and the record says what that spared.
    async fn answer_from_cache(&self, mut admitted: Admitted, reply: Completion) {
        drop(admitted.trial.take());
        let consumed = reply.usage.unwrap_or_default();
        let avoided =
            admitted.plan.charge(&admitted.this, &consumed).map_or(NanoUsd::ZERO, |charge| charge.money);
        let ending = self.nothing_sent(&admitted, AttemptStatus::Cached);
        let receipt = CallReceipt { attempts: 0, was_cached: true, avoided, ..admitted.receipt() };
        let result = CallResult::Reply(Box::new(reply.clone()));
        let settlement = Settlement {
            distillation_eligible: false,
            ..self.settlement(
                &admitted,
                Some(ending),
                CallStatus::Succeeded,
                result,
                String::new(),
                Some(avoided),
            )
        };
        if let Err(error) = self.shared.settle(settlement).await {
            let _ = self.out.send(CallEvent::Failed(error));
            return;
        }
        metrics::cached(avoided);
        let mut told: Vec<CallEvent> = reply.into_pieces().into_iter().map(CallEvent::Piece).collect();
        told.insert(told.len().saturating_sub(1), CallEvent::Ended(receipt));
        for told in told {
            // Nobody may be listening any more.
            let _ = self.out.send(told);
        }
    }

    /// Ends a call that was cancelled before anything of it was sent.
    async fn cancel_before_send(&self, mut admitted: Admitted) {
        drop(admitted.trial.take());
        let ending = self.nothing_sent(&admitted, AttemptStatus::FailedUnbilled);
        self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
    }

    fn nothing_sent(&self, admitted: &Admitted, status: AttemptStatus) -> AttemptOutcome {
        AttemptOutcome {
            number: admitted.number,
            status,
            usage: Usage::default(),
            charged: MeterAmounts::ZERO,
            estimated: false,
            error: None,
            at: self.shared.clock.now(),
        }
    }

    /// The answer of a call as it is to be kept for others, with what it consumed; nothing where it is not.
    pub(super) fn cache_entry(
        &self,
        admitted: &Admitted,
        reply: &Completion,
        usage: Usage,
    ) -> Option<(CacheKey, CacheEntry)> {
        let keeping = admitted.keeping.as_ref().filter(|_| is_complete(reply))?;
        // Another provider than the one that was asked first may have answered.
        let key = is_cacheable(&self.call, &admitted.this)
            .then(|| key(&self.caller, &keeping.context, &admitted.this).ok())??;
        let kept = Completion { usage: Some(usage), ..reply.clone() };
        let made_at = self.shared.clock.now();
        let entry = CacheEntry {
            body: serde_json::to_vec(&kept).ok()?.into(),
            vector: keeping.embedding.clone(),
            run: self.call.run.as_ref().map(|run| run.id.clone()),
            made_at,
            expires_at: made_at.plus(admitted.plan.settings.cache.answer_ttl),
        };
        Some((key, entry))
    }

    /// Keeps an answer for others.
    pub(super) async fn store_in_cache(&self, keepsake: (CacheKey, CacheEntry)) {
        if let Some(cache) = &self.shared.cache {
            let now = keepsake.1.made_at;
            best_effort("filled", cache.put(vec![keepsake], now)).await;
        }
    }
}
