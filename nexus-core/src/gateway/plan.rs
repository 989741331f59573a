//! What a call may take, before it is begun: [`Plan`] puts candidates, prices and limits together.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::bound::max_input_tokens;
use super::call::{CallRefusal, ModelCall, RunCaps};
use super::routing::{Candidate, Routing};
use super::settings::GatewaySettings;
use super::terms::{EffectiveLimits, Origin};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::hex;
use crate::ledger::Attempt;
use crate::llm::{Parameters, Request};
use crate::price::PriceRow;
use crate::principal::Principal;
use crate::quota::{Limit, LimitCheck, MeterAmounts};
use crate::usage::Usage;

/// One call with everything that decides about it, as it was when the call began.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) routing: Arc<Routing>,
    pub(super) terms: EffectiveLimits,
    pub(super) candidates: Vec<Candidate>,
    pub(super) request: Request,
    /// A fingerprint of everything that was asked and of who asked it.
    pub(super) digest: String,
    /// The cap on the run's calls that answer.
    answers: Option<LimitCheck>,
    bound: u64,
}

/// One attempt that could be made: whom to ask for what, and what that can take.
#[derive(Clone, Debug)]
pub(super) struct PlannedAttempt {
    pub(super) candidate: Candidate,
    pub(super) request: Request,
    pub(super) price: PriceRow,
    pub(super) worst: MeterAmounts,
}

impl Plan {
    /// `set` are the limits and prices that were set at run time.
    pub(super) fn new(
        caller: &Principal,
        call: &ModelCall,
        routing: Arc<Routing>,
        settings: Arc<GatewaySettings>,
        set: (Vec<Limit>, Vec<PriceRow>),
    ) -> Result<Self> {
        let request = call.request.clone();
        let candidates =
            routing.candidates(caller.tenant(), call.provider.as_deref(), request.model.as_deref())?;
        Ok(Self {
            digest: digest(caller, call)?,
            terms: EffectiveLimits::new(caller, &Origin::of(call), Arc::clone(&settings), set),
            answers: call.run.as_ref().and_then(RunCaps::answers),
            bound: max_input_tokens(&request),
            settings,
            routing,
            candidates,
            request,
        })
    }

    /// The attempt at `candidate`, or why it may not be made at all.
    pub(super) fn attempt(
        &self,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<Result<PlannedAttempt, CallRefusal>> {
        let (kind, model) = (candidate.provider.name(), candidate.model.as_str());
        let info = candidate.provider.info(model);
        let Some(price) = self.terms.price(kind, model, info.is_local, now) else {
            let (provider, model) = (candidate.name.clone(), model.to_owned());
            return Ok(Err(CallRefusal::Unpriced { provider, model }));
        };
        let most = info.output_tokens.unwrap_or(u32::MAX);
        let max_tokens = self.request.max_tokens.unwrap_or(self.settings.max_tokens).min(most);
        let worst = self.terms.worst_case(&price, model, self.bound, u64::from(max_tokens))?;
        let model = Some(model.to_owned());
        let request = Request { model, max_tokens: Some(max_tokens), ..self.request.clone() };
        Ok(Ok(PlannedAttempt { candidate: candidate.clone(), request, price, worst }))
    }

    /// The limits that apply to an attempt.
    pub(super) fn checks(&self, attempt: &PlannedAttempt, now: Timestamp) -> Result<Vec<LimitCheck>> {
        let mut checks = self.terms.checks(&attempt.candidate.model, now)?;
        checks.extend(self.answers.clone());
        Ok(checks)
    }

    /// What an attempt takes that consumed `usage`.
    pub(super) fn charge(&self, attempt: &PlannedAttempt, usage: &Usage) -> Result<MeterAmounts> {
        self.terms.charge(&attempt.price, &attempt.candidate.model, attempt.worst.calls, usage)
    }

    /// The most that the prompt can be billed as, in tokens.
    pub(super) fn bound(&self) -> u64 {
        self.bound
    }
}

impl PlannedAttempt {
    /// The attempt as it is recorded.
    pub(super) fn record(&self, number: u32, now: Timestamp) -> Attempt {
        Attempt {
            number,
            provider: self.candidate.name.clone(),
            model: self.candidate.model.clone(),
            price_version: self.price.version.clone(),
            reserved: self.worst,
            started_at: now,
        }
    }
}

/// Equal calls by the same user have equal digests. Scores that passages were found with do not count.
fn digest(caller: &Principal, call: &ModelCall) -> Result<String> {
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
    } = &call.request;
    let evidence: Vec<_> = evidence.iter().map(|shown| (shown.number, &shown.passage, &shown.hash)).collect();
    let sampling: &Parameters = parameters;
    fingerprint(&(
        ("nexus/call/v1", caller.tenant(), caller.subject(), &call.provider, model),
        (instructions, history, evidence, question),
        (tools, tool_choice, max_tokens, sampling),
    ))
}

/// The SHA-256 of `asked` as JSON.
pub(super) fn fingerprint(asked: &impl Serialize) -> Result<String> {
    let asked = serde_json::to_vec(asked)
        .map_err(|error| Error::unexpected("a request could not be written").because(error))?;
    Ok(hex::encode(Sha256::digest(asked).as_slice()))
}
