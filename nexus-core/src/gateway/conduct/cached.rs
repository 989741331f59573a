//! The cache of answers: between the admission of a call and its first attempt, and after its settlement.
//!
//! Whatever goes wrong here is a miss. What is found is given only to whom its sources are still open.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::attempts::cancelled;
use super::{Admitted, Conduct};
use crate::access::{Permission, Visibility};
use crate::cache::{CacheEntry, CacheKey, CacheScope, Near};
use crate::error::{ErrorKind, Result};
use crate::gateway::Origin;
use crate::gateway::answer::{Standing, is_whole, key, may_serve};
use crate::gateway::attempt::whenever;
use crate::gateway::call::{Granted, Receipt, Told};
use crate::gateway::flight::{Boarding, Flight};
use crate::gateway::metrics;
use crate::gateway::near::fitted;
use crate::gateway::patience::quietly;
use crate::grounding::Evidence;
use crate::ledger::{AttemptStatus, CallResult, CallStatus, Ending, Settlement};
use crate::llm::Reply;
use crate::money::NanoUsd;
use crate::quota::Amounts;
use crate::retrieve::EmbedRole;
use crate::usage::Usage;

/// How many answers to near questions are looked at, the nearest first.
const NEAREST: usize = 8;

/// What is needed to keep the answer of a call that is being made.
#[derive(Debug)]
pub(super) struct Keeping {
    standing: Standing,
    /// What the question means, where near questions share answers.
    meaning: Option<Vec<f32>>,
    /// Holds back equal requests until the answer is kept.
    _flight: Option<Flight>,
}

impl Conduct {
    /// Answers an admitted call from the cache, or else from the model.
    pub(super) async fn answer(&self, mut admitted: Admitted) {
        let Some((standing, key)) = quietly("looked for", self.standing(&admitted)).await.flatten() else {
            return self.attempts(admitted).await;
        };
        let flight = match self.shared.flights.board(&key) {
            Boarding::First(flight) => Some(flight),
            Boarding::Behind(over) => {
                if self.cancelled_behind(over, &admitted).await {
                    return self.unsent(admitted).await;
                }
                None
            }
        };
        let mut found = quietly("looked up", self.equal(&key, &admitted)).await.flatten();
        let mut meaning = None;
        if found.is_none() {
            meaning = self.meaning(&admitted).await;
        }
        if let Some(vector) = &meaning {
            found = quietly("compared", self.near(&key.scope, vector, &admitted)).await.flatten();
        }
        if *self.cancelled.borrow() {
            return self.unsent(admitted).await;
        }
        if let Some(reply) = found {
            drop(flight);
            self.serve(admitted, reply).await;
        } else {
            admitted.keeping = Some(Keeping { standing, meaning, _flight: flight });
            self.attempts(admitted).await;
        }
    }

    /// What decides about the answer's scope, and its key; nothing for an answer that must not come from a cache.
    async fn standing(&self, admitted: &Admitted) -> Result<Option<(Standing, CacheKey)>> {
        let is_on = self.shared.cache.is_some() && !admitted.plan.settings.cache.answers.is_zero();
        if !is_on || !may_serve(&self.call, &admitted.this) {
            return Ok(None);
        }
        let corpus = match &self.call.corpus {
            Some(corpus) => {
                Some((corpus.clone(), self.shared.store.watermark(self.who.tenant(), corpus).await?))
            }
            None => None,
        };
        let meaning = admitted.plan.settings.cache.semantic.and_then(|_| self.gateway.embedder());
        let standing = Standing {
            policy_version: self.shared.policy_version(),
            corpus,
            meaning: meaning.map(|embedder| embedder.model().to_string()),
        };
        let key = key(&self.who, &standing, &admitted.this)?;
        Ok(Some((standing, key)))
    }

    /// Waits until the equal request before this one is over, or time is; says whether the call was cancelled first.
    async fn cancelled_behind(&self, mut over: watch::Receiver<()>, admitted: &Admitted) -> bool {
        let mut flag = self.cancelled.clone();
        tokio::select! {
            biased;
            () = whenever(&mut flag) => true,
            _ = timeout_at(admitted.until, over.changed()) => false,
        }
    }

    /// What is kept under `key`, if it can still be given to whoever asks.
    async fn equal(&self, key: &CacheKey, admitted: &Admitted) -> Result<Option<Reply>> {
        let Some(cache) = &self.shared.cache else { return Ok(None) };
        let found = cache.get(std::slice::from_ref(key), self.shared.clock.now()).await?;
        let Some(body) = found.into_iter().next().flatten() else { return Ok(None) };
        let Ok(reply) = serde_json::from_slice::<Reply>(&body) else { return Ok(None) };
        let shown = &admitted.plan.request.evidence;
        let holds = reply.citations.iter().all(|citation| citation.check(shown).is_ok());
        Ok((holds && self.may_still_read(shown).await?).then_some(reply))
    }

    /// The vector of the question, where near questions share answers: a call of its own, charged as any.
    async fn meaning(&self, admitted: &Admitted) -> Option<Vec<f32>> {
        let question = admitted.plan.request.question.as_str();
        admitted.plan.settings.cache.semantic.filter(|_| !question.trim().is_empty())?;
        let origin = Origin { allowance: self.allowance.clone(), ..Origin::of(&self.call) };
        match self.gateway.embed(&self.who, &origin, EmbedRole::Query, &[question]).await {
            Ok(Granted::Yes(vectors)) => vectors?.into_iter().next(),
            Ok(Granted::No(refused)) => {
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
    async fn near(&self, scope: &CacheScope, meaning: &[f32], admitted: &Admitted) -> Result<Option<Reply>> {
        let (Some(cache), Some(threshold)) = (&self.shared.cache, admitted.plan.settings.cache.semantic)
        else {
            return Ok(None);
        };
        let (shown, now) = (&admitted.plan.request.evidence, self.shared.clock.now());
        let near = cache.nearest(scope, meaning, threshold.get(), NEAREST, now).await?;
        let read = |near: Near| serde_json::from_slice::<Reply>(&near.body).ok();
        let fitting = near.into_iter().filter_map(read).find_map(|reply| fitted(reply, shown));
        Ok(if self.may_still_read(shown).await? { fitting } else { None })
    }

    /// Whether every passage is of a version that is searched now, of a document that whoever asks may read now.
    async fn may_still_read(&self, shown: &[Evidence]) -> Result<bool> {
        let (tenant, now) = (self.who.tenant(), self.shared.clock.now());
        let visibility = Visibility::of(&self.who);
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
    async fn serve(&self, mut admitted: Admitted, reply: Reply) {
        drop(admitted.trial.take());
        let consumed = reply.usage.unwrap_or_default();
        let avoided =
            admitted.plan.charge(&admitted.this, &consumed).map_or(NanoUsd::ZERO, |charge| charge.money);
        let ending = self.nothing_sent(&admitted, AttemptStatus::Cached);
        let receipt = Receipt { attempts: 0, was_cached: true, avoided, ..admitted.receipt() };
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
            let _ = self.out.send(Told::Failed(error));
            return;
        }
        metrics::cached(avoided);
        let mut told: Vec<Told> = reply.into_pieces().into_iter().map(Told::Piece).collect();
        told.insert(told.len().saturating_sub(1), Told::Ended(receipt));
        for told in told {
            // Nobody may be listening any more.
            let _ = self.out.send(told);
        }
    }

    /// Ends a call that was cancelled before anything of it was sent.
    async fn unsent(&self, mut admitted: Admitted) {
        drop(admitted.trial.take());
        let ending = self.nothing_sent(&admitted, AttemptStatus::FailedUnbilled);
        self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
    }

    fn nothing_sent(&self, admitted: &Admitted, status: AttemptStatus) -> Ending {
        Ending {
            number: admitted.number,
            status,
            usage: Usage::default(),
            charged: Amounts::ZERO,
            estimated: false,
            error: None,
            at: self.shared.clock.now(),
        }
    }

    /// The answer of a call as it is to be kept for others, with what it consumed; nothing where it is not.
    pub(super) fn keepsake(
        &self,
        admitted: &Admitted,
        reply: &Reply,
        usage: Usage,
    ) -> Option<(CacheKey, CacheEntry)> {
        let keeping = admitted.keeping.as_ref().filter(|_| is_whole(reply))?;
        // Another provider than the one that was asked first may have answered.
        let key = may_serve(&self.call, &admitted.this)
            .then(|| key(&self.who, &keeping.standing, &admitted.this).ok())??;
        let kept = Reply { usage: Some(usage), ..reply.clone() };
        let made_at = self.shared.clock.now();
        let entry = CacheEntry {
            body: serde_json::to_vec(&kept).ok()?.into(),
            vector: keeping.meaning.clone(),
            run: self.call.run.as_ref().map(|run| run.id.clone()),
            made_at,
            expires_at: made_at.plus(admitted.plan.settings.cache.answers),
        };
        Some((key, entry))
    }

    /// Keeps an answer for others.
    pub(super) async fn keep(&self, keepsake: (CacheKey, CacheEntry)) {
        if let Some(cache) = &self.shared.cache {
            let now = keepsake.1.made_at;
            quietly("filled", cache.put(vec![keepsake], now)).await;
        }
    }
}
