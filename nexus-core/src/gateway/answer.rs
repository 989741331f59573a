//! Which answers may serve again, and what must be equal for that. Pure: the conduct of a call looks up and keeps.
//!
//! An answer serves within one **scope**: tenant, what the principal may see, policy, corpus with its watermark, provider
//! and model, parameters, instructions and everything said before. Any change of any of these is another scope, so
//! nothing has to be found and deleted when a grant is revoked or a document goes. Within a scope, the question and the
//! passages shown must be equal, to the letter.

use super::call::ModelCall;
use super::plan::PlannedAttempt;
use crate::access::{Grantee, Visibility};
use crate::cache::{CacheDigest, CacheKey, CacheKind, CacheScope, CacheUse};
use crate::error::Result;
use crate::id::CorpusId;
use crate::llm::{Completion, FinishReason, Request};
use crate::principal::Principal;

const SCOPE: &str = "nexus/cache/answer/scope/v1";
const CONTENT: &str = "nexus/cache/answer/content/v1";

/// What decides about a scope beside the request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CacheContext {
    /// The policy in force.
    pub(super) policy_version: String,
    /// The corpus that passages are from, and how often it has changed.
    pub(super) corpus: Option<(CorpusId, u64)>,
    /// The model that says what questions mean, where near ones share answers.
    pub(super) meaning: Option<String>,
}

/// Whether the answer of this attempt may come from the cache, and may be kept for others.
///
/// Tools have effects, and a model on hardware of one's own costs nothing. Chance is no reason against it: `temperature`
/// belongs to the scope, and whoever wants another draw bypasses the cache.
pub(super) fn is_cacheable(call: &ModelCall, this: &PlannedAttempt) -> bool {
    let Request { evidence, tools, .. } = &this.request;
    call.cache == CacheUse::Allowed
        && tools.is_empty()
        && (evidence.is_empty() || call.corpus.is_some())
        && !this.candidate.provider.info(&this.candidate.model).is_local
}

/// Whether an answer is whole: one that was cut off or withheld is nobody else's.
pub(super) fn is_complete(reply: &Completion) -> bool {
    reply.finish == FinishReason::Complete && reply.tool_calls.is_empty() && !reply.text.trim().is_empty()
}

/// Under which name the answer to `this` is kept for `who`.
pub(super) fn key(caller: &Principal, standing: &CacheContext, this: &PlannedAttempt) -> Result<CacheKey> {
    let provider = (this.candidate.name.as_str(), this.candidate.provider.name());
    of_request(caller, standing, provider, &this.request)
}

fn of_request(
    caller: &Principal,
    standing: &CacheContext,
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
    } = request;
    let permissions: Option<Vec<String>> = match Visibility::of(caller) {
        Visibility::All => None,
        Visibility::Granted(grantees) => Some(grantees.iter().map(Grantee::to_string).collect()),
    };
    // A passage's hash is a claim of whoever shows it; its text is not. Its score is no part of any answer.
    let shown: Vec<_> = evidence
        .iter()
        .map(|shown| {
            let place = (&shown.source_name, shown.page, &shown.heading_path, &shown.span);
            (shown.number, &shown.passage, place, &shown.text)
        })
        .collect();
    let digest = CacheDigest::of(
        SCOPE,
        &(
            (caller.tenant(), permissions, &standing.policy_version, &standing.corpus, &standing.meaning),
            (provider, model, max_tokens, parameters),
            (instructions, history, tools, tool_choice),
        ),
    )?;
    let scope = CacheScope { tenant: caller.tenant().clone(), kind: CacheKind::Answer, digest };
    Ok(CacheKey { scope, content: CacheDigest::of(CONTENT, &(question, shown))? })
}

#[cfg(test)]
mod tests;
