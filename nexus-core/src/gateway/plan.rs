//! What a call may take, before it is begun: [`Plan`] puts candidates, prices and limits together.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::bound::input_bound;
use super::call::{ModelCall, Refused, RunCaps};
use super::routing::{Candidate, Routing};
use super::settings::GatewaySettings;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::hex;
use crate::ledger::Attempt;
use crate::llm::{Parameters, Request};
use crate::price::{PriceRow, PriceTable};
use crate::principal::Principal;
use crate::quota::{Amounts, Check, Consumer, CostUnits, Limit, Limits, checks};
use crate::usage::Usage;

/// One call with everything that decides about it, as it was when the call began.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) routing: Arc<Routing>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) consumer: Consumer,
    pub(super) request: Request,
    /// A fingerprint of everything that was asked and of who asked it.
    pub(super) digest: String,
    prices: PriceTable,
    limits: Limits,
    cost_units: CostUnits,
    bound: u64,
}

/// One attempt that could be made: whom to ask for what, and what that can take.
#[derive(Clone, Debug)]
pub(super) struct Attemptable {
    pub(super) candidate: Candidate,
    pub(super) request: Request,
    pub(super) price: PriceRow,
    pub(super) worst: Amounts,
}

impl Plan {
    /// `set` are the limits and prices that were set at run time.
    pub(super) fn new(
        who: &Principal,
        call: &ModelCall,
        routing: Arc<Routing>,
        settings: Arc<GatewaySettings>,
        set: (Vec<Limit>, Vec<PriceRow>),
    ) -> Result<Self> {
        let request = call.request.clone();
        let candidates =
            routing.candidates(who.tenant(), call.provider.as_deref(), request.model.as_deref())?;
        let tenant = settings.tenant(who.tenant().as_str());
        let own = tenant.into_iter().flat_map(|tenant| tenant.limits.iter().cloned());
        let consumer = Consumer {
            tenant: who.tenant().to_string(),
            organisation: who.organisation_id().map(ToString::to_string),
            user: who.subject().to_string(),
            investigation: call.investigation.clone(),
            run: call.run.as_ref().map(|run| run.id.to_string()),
        };
        Ok(Self {
            digest: digest(who, call)?,
            limits: call
                .run
                .iter()
                .flat_map(RunCaps::limits)
                .fold(settings.limits.clone().with(own).with(set.0), Limits::tightened),
            cost_units: tenant.map(|tenant| tenant.cost_units.clone()).unwrap_or_default(),
            prices: settings.prices.clone().with(set.1),
            bound: input_bound(&request),
            settings,
            routing,
            candidates,
            consumer,
            request,
        })
    }

    /// The attempt at `candidate`, or why it may not be made at all.
    pub(super) fn attemptable(
        &self,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<Result<Attemptable, Refused>> {
        let (kind, model) = (candidate.provider.name(), candidate.model.as_str());
        let info = candidate.provider.info(model);
        let Some(price) = self.prices.of_call(kind, model, info.is_local, now) else {
            let (provider, model) = (candidate.name.clone(), model.to_owned());
            return Ok(Err(Refused::Unpriced { provider, model }));
        };
        let most = info.output_tokens.unwrap_or(u32::MAX);
        let max_tokens = self.request.max_tokens.unwrap_or(self.settings.max_tokens).min(most);
        let output = u64::from(max_tokens);
        let tokens = self.bound.checked_add(output).ok_or_else(too_large)?;
        let worst = Amounts {
            calls: 1,
            tokens,
            cost_units: self.cost_units.of(model, tokens).ok_or_else(too_large)?,
            money: price.worst_case(self.bound, output)?,
        };
        let model = Some(model.to_owned());
        let request = Request { model, max_tokens: Some(max_tokens), ..self.request.clone() };
        Ok(Ok(Attemptable { candidate: candidate.clone(), request, price, worst }))
    }

    /// The limits that apply to an attempt.
    pub(super) fn checks(&self, attempt: &Attemptable, now: Timestamp) -> Vec<Check> {
        checks(&self.limits, &self.consumer, &attempt.candidate.model, now, &self.settings.zone)
    }

    /// What an attempt takes that consumed `usage`.
    pub(super) fn charge(&self, attempt: &Attemptable, usage: &Usage) -> Result<Amounts> {
        let tokens = usage.total().ok_or_else(too_large)?;
        Ok(Amounts {
            calls: attempt.worst.calls,
            tokens,
            cost_units: self.cost_units.of(&attempt.candidate.model, tokens).ok_or_else(too_large)?,
            money: attempt.price.cost(usage)?,
        })
    }

    /// The most that the prompt can be billed as, in tokens.
    pub(super) fn bound(&self) -> u64 {
        self.bound
    }
}

impl Attemptable {
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
fn digest(who: &Principal, call: &ModelCall) -> Result<String> {
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
    let asked = serde_json::to_vec(&(
        ("nexus/call/v1", who.tenant(), who.subject(), &call.provider, model),
        (instructions, history, evidence, question),
        (tools, tool_choice, max_tokens, sampling),
    ));
    let asked = asked.map_err(|error| Error::unexpected("a request could not be written").because(error))?;
    Ok(hex::encode(Sha256::digest(asked).as_slice()))
}

fn too_large() -> Error {
    Error::invalid("the request is too large to be counted").code("REQUEST_TOO_LARGE")
}
