//! The answer cache, exact and semantic: between the admission of a chat call and its first attempt, and after its
//! settlement.
//!
//! An answer serves within one **scope**: tenant, the grants of the principal, policy, corpus with its revision, provider
//! and model, parameters, instructions and history. A change of any of these is another scope, so no entry has to be found
//! and deleted when a grant is revoked or a document goes. Within a scope, question and passages must be equal to the
//! letter; with a semantic threshold, an answer to a similar question serves if its passages are shown again.
//!
//! Any failure here is a miss. An answer is given only to a caller who may still read its sources, and only as it was
//! stored: an entry carries a MAC by the key that signs records, over the answer and the request that it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use super::call::ModelCall;
use super::plan::PlannedAttempt;
use super::single_flight::FlightGuard;
use serde::{Deserialize, Serialize};

use crate::access::GrantStore;
use crate::access::{Grantee, Permission, Visibility};
use crate::audit::KeyRing;
use crate::cache::{
    CacheDigest, CacheEntry, CacheKey, CacheKind, CacheScope, CacheSettings, CacheStore, CacheUse,
    SimilarEntry,
};
use crate::clock::Clock;
use crate::document::DocumentStore;
use crate::error::{ErrorKind, Result};
use crate::grounding::markers::renumbered;
use crate::grounding::{Citation, Evidence};
use crate::id::CorpusId;
use crate::llm::{Completion, FinishReason, ReplyVerdict, Request, judge};
use crate::page::Page;
use crate::principal::Principal;
use crate::retrieve::Retriever;
use crate::usage::Usage;

const SCOPE: &str = "nexus/cache/answer/scope/v1";
const CONTENT: &str = "nexus/cache/answer/content/v1";

/// The most answers to similar questions that are read, the most similar first.
const MAX_SIMILAR: usize = 8;
/// The time that a cache may take.
const CACHE_TIMEOUT: Duration = Duration::from_millis(500);

/// The answer cache, as one call sees it.
#[derive(Clone, Copy)]
pub(super) struct AnswerCache<'a> {
    pub(super) cache: &'a dyn CacheStore,
    pub(super) documents: &'a dyn DocumentStore,
    pub(super) grants: &'a dyn GrantStore,
    pub(super) retriever: &'a dyn Retriever,
    pub(super) clock: &'a dyn Clock,
    /// The keys of which the signing one seals entries.
    pub(super) keys: &'a KeyRing,
    pub(super) settings: CacheSettings,
    pub(super) caller: &'a Principal,
    pub(super) call: &'a ModelCall,
}

/// An answer with the digest of its question and passages.
#[derive(Deserialize, Serialize)]
struct StoredAnswer<R> {
    content: String,
    reply: R,
}

/// The facts beside the request that decide about an answer's scope.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CacheContext {
    /// The policy in force.
    pub(super) policy_version: String,
    /// The corpus of the passages, and its revision.
    pub(super) corpus: Option<(CorpusId, u64)>,
    /// The embedding model, where similar questions share answers.
    pub(super) embedding_model: Option<String>,
}

/// A call that the cache may answer.
pub(super) struct CacheQuery<'a> {
    cache: AnswerCache<'a>,
    context: CacheContext,
    pub(super) key: CacheKey,
}

/// The result of a lookup.
pub(super) enum Lookup<'a> {
    /// An answer that the caller may have.
    Hit(Box<Completion>),
    /// No such answer: that of the model is stored after settlement.
    Miss(Box<PendingCacheEntry<'a>>),
}

/// The entry that is stored once its call is settled.
pub(super) struct PendingCacheEntry<'a> {
    query: CacheQuery<'a>,
    /// The question's vector, where similar questions share answers.
    embedding: Option<Vec<f32>>,
    /// Holds back equal requests until the entry is stored.
    _flight: Option<FlightGuard>,
}

impl<'a> AnswerCache<'a> {
    /// The query of an attempt; none for an answer that must not come from a cache.
    pub(super) async fn query(
        self,
        planned: &PlannedAttempt,
        policy_version: String,
        embedding_model: Option<String>,
    ) -> Option<CacheQuery<'a>> {
        if !is_cacheable(self.call, planned) {
            return None;
        }
        let key = async {
            let corpus = match &self.call.corpus {
                Some(corpus) => {
                    Some((corpus.clone(), self.retriever.revision(self.caller.tenant(), corpus).await?))
                }
                None => None,
            };
            let context = CacheContext { policy_version, corpus, embedding_model };
            let key = key(self.caller, &context, self.call, planned)?;
            Ok((context, key))
        };
        let (context, key) = best_effort("looked for", key).await?;
        Some(CacheQuery { cache: self, context, key })
    }

    /// The answer under `key`, if the caller may still have it.
    async fn exact_lookup(&self, key: &CacheKey) -> Result<Option<Completion>> {
        let found = self.cache.get(std::slice::from_ref(key), self.clock.now()).await?;
        let Some(body) = found.into_iter().next().flatten() else { return Ok(None) };
        let stored =
            self.unsealed(&key.scope, &body).filter(|stored| stored.content == key.content.to_string());
        let Some(StoredAnswer { reply, .. }) = stored else { return Ok(None) };
        let shown = &self.call.request.evidence;
        let holds = reply.citations.iter().all(|citation| citation.check(shown).is_ok());
        Ok((holds && self.may_still_read(shown).await?).then_some(reply))
    }

    /// The answer to the most similar question in `scope` that the caller may have.
    async fn semantic_lookup(&self, scope: &CacheScope, embedding: &[f32]) -> Result<Option<Completion>> {
        let Some(threshold) = self.settings.semantic_threshold else { return Ok(None) };
        let (shown, now) = (&self.call.request.evidence, self.clock.now());
        let similar = self.cache.nearest(scope, embedding, threshold.get(), MAX_SIMILAR, now).await?;
        let read = |entry: SimilarEntry| Some(self.unsealed(scope, &entry.body)?.reply);
        let fitting = similar.into_iter().filter_map(read).find_map(|reply| renumber_citations(reply, shown));
        Ok(if self.may_still_read(shown).await? { fitting } else { None })
    }

    /// The answer of an entry; none if the entry is not as it was stored.
    fn unsealed(&self, scope: &CacheScope, sealed: &[u8]) -> Option<StoredAnswer<Completion>> {
        serde_json::from_slice(self.keys.open_cache_entry(scope.digest.as_bytes(), sealed)?).ok()
    }

    /// Whether every passage is of the current version of a document that the caller may read now.
    async fn may_still_read(&self, shown: &[Evidence]) -> Result<bool> {
        let (tenant, now) = (self.caller.tenant(), self.clock.now());
        let visibility = Visibility::of(self.caller);
        let sources: BTreeSet<_> =
            shown.iter().map(|shown| (&shown.passage.document, shown.passage.version)).collect();
        for (document, version) in sources {
            let current = match self.documents.document(tenant, document).await {
                Ok(current) => current,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
            if current.version != version || Some(&current.corpus_id) != self.call.corpus.as_ref() {
                return Ok(false);
            }
            if visibility != Visibility::All {
                let grants = self.grants.grants(tenant, document, &Page::all()).await?;
                if !visibility.permits(Permission::Read, &grants, now) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl<'a> CacheQuery<'a> {
    /// Looks for an answer to the same question, then to a similar one. `embedding`, the question's vector, is a model call
    /// of its own, and is made only when the first look finds none.
    pub(super) async fn lookup(
        self,
        flight: Option<FlightGuard>,
        embedding: impl Future<Output = Option<Vec<f32>>>,
    ) -> Lookup<'a> {
        let exact = best_effort("looked up", self.cache.exact_lookup(&self.key)).await.flatten();
        if let Some(reply) = exact {
            return Lookup::Hit(Box::new(reply));
        }
        let embedding = embedding.await;
        if let Some(vector) = &embedding {
            let similar = self.cache.semantic_lookup(&self.key.scope, vector);
            if let Some(reply) = best_effort("compared", similar).await.flatten() {
                return Lookup::Hit(Box::new(reply));
            }
        }
        Lookup::Miss(Box::new(PendingCacheEntry { query: self, embedding, _flight: flight }))
    }
}

impl PendingCacheEntry<'_> {
    /// The entry for `reply`, which consumed `usage`; none for an answer that must not serve again.
    pub(super) fn cache_entry(
        &self,
        planned: &PlannedAttempt,
        reply: &Completion,
        usage: Usage,
    ) -> Option<(CacheKey, CacheEntry)> {
        let AnswerCache { call, caller, clock, keys, settings, .. } = self.query.cache;
        // The key is that of the provider that answered, which can be a fallback.
        if !is_answer(reply, &call.request.evidence) || !is_cacheable(call, planned) {
            return None;
        }
        let key = key(caller, &self.query.context, call, planned).ok()?;
        let reply = Completion { usage: Some(usage), ..reply.clone() };
        let stored = StoredAnswer { content: key.content.to_string(), reply };
        let body = serde_json::to_vec(&stored).ok()?;
        let made_at = clock.now();
        let entry = CacheEntry {
            body: keys.seal_cache_entry(key.scope.digest.as_bytes(), &body)?.into(),
            vector: self.embedding.clone(),
            run: call.run.as_ref().map(|run| run.id.clone()),
            made_at,
            expires_at: made_at.plus(settings.answer_ttl),
        };
        Some((key, entry))
    }

    /// Stores an entry.
    pub(super) async fn store_in_cache(&self, (key, entry): (CacheKey, CacheEntry)) {
        let now = entry.made_at;
        best_effort("filled", self.query.cache.cache.put(vec![(key, entry)], now)).await;
    }
}

/// Takes a step of the cache within [`CACHE_TIMEOUT`]. A failure is logged, and fails no call.
pub(super) async fn best_effort<T>(what: &'static str, step: impl Future<Output = Result<T>>) -> Option<T> {
    match timeout(CACHE_TIMEOUT, step).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!(error = %error.report(), what, "the cache did not work");
            None
        }
        Err(_) => {
            tracing::warn!(what, "the cache took too long");
            None
        }
    }
}

/// Whether the answer of this attempt may come from the cache, and may be stored for others.
///
/// Tools have effects, and a model on hardware of the operator's own costs nothing. Sampling is no reason against it:
/// `temperature` belongs to the scope, and a caller who wants another draw bypasses the cache.
fn is_cacheable(call: &ModelCall, planned: &PlannedAttempt) -> bool {
    let Request { evidence, tools, .. } = &call.request;
    call.cache == CacheUse::Allowed
        && tools.is_empty()
        && (evidence.is_empty() || call.corpus.is_some())
        && !planned.candidate.is_local
}

/// Whether a reply is an answer, which alone serves other calls: whole, and over passages one that a run would end as
/// answered.
fn is_answer(reply: &Completion, shown: &[Evidence]) -> bool {
    let Completion { text, citations, tool_calls, finish, .. } = reply;
    let is_whole = *finish == FinishReason::Complete && tool_calls.is_empty() && !text.trim().is_empty();
    let is_answered = || {
        let holds = citations.iter().all(|citation| citation.check(shown).is_ok());
        holds && judge(text, citations, finish, shown).is_ok_and(|verdict| verdict == ReplyVerdict::Answered)
    };
    is_whole && (shown.is_empty() || is_answered())
}

/// The cache key of an attempt's answer.
fn key(
    caller: &Principal,
    context: &CacheContext,
    call: &ModelCall,
    planned: &PlannedAttempt,
) -> Result<CacheKey> {
    let provider = (planned.candidate.name.as_str(), planned.candidate.kind.as_str());
    key_of_request(caller, context, provider, &planned.request_of(&call.request))
}

fn key_of_request(
    caller: &Principal,
    context: &CacheContext,
    provider: (&str, &str),
    request: &Request,
) -> Result<CacheKey> {
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
    } = request;
    let permissions: Option<Vec<String>> = match Visibility::of(caller) {
        Visibility::All => None,
        Visibility::Granted(grantees) => Some(grantees.iter().map(Grantee::to_string).collect()),
    };
    // A passage's hash is a claim of the caller; its text is not. Its score is no part of any answer.
    let shown: Vec<_> = evidence
        .iter()
        .map(|shown| {
            let place = (&shown.source_name, shown.page, &shown.heading_path, &shown.span);
            (shown.number, &shown.passage, place, &shown.text)
        })
        .collect();
    let CacheContext { policy_version, corpus, embedding_model } = context;
    let digest = CacheDigest::of(
        SCOPE,
        &(
            (caller.tenant(), permissions, policy_version, corpus, embedding_model),
            (provider, model, max_tokens, parameters, grounding_threshold),
            (instructions, history, tools, tool_choice),
        ),
    )?;
    let scope = CacheScope { tenant: caller.tenant().clone(), kind: CacheKind::Answer, digest };
    Ok(CacheKey { scope, content: CacheDigest::of(CONTENT, &(question, shown))? })
}

/// `reply`, which may rest on other passages, as an answer from the passages that are `shown` now.
///
/// None where it cites a passage that is not shown now, word for word; nor where passages are shown and it cites none: its
/// sources are unknown then. "The passages do not say" is such an answer, and these passages may say.
fn renumber_citations(reply: Completion, shown: &[Evidence]) -> Option<Completion> {
    if shown.is_empty() {
        return reply.citations.is_empty().then_some(reply);
    }
    if reply.citations.is_empty() {
        return None;
    }
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut citations = Vec::with_capacity(reply.citations.len());
    for citation in &reply.citations {
        let now = shown.iter().find(|evidence| evidence.passage == citation.passage)?;
        if *numbers.entry(citation.number).or_insert(now.number) != now.number {
            return None;
        }
        let citation = Citation { number: now.number, ..citation.clone() };
        citation.check(shown).ok()?;
        citations.push(citation);
    }
    let text = renumbered(&reply.text, |number| numbers.get(&number).copied())?;
    Some(Completion { text, citations, ..reply })
}

#[cfg(test)]
mod tests;
