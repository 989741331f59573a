//! The plan of a call: candidates, prices, limits and upper bounds, as they are when the call begins.
//!
//! A plan is a snapshot, so that a reconfiguration changes no call in flight. [`EffectiveLimits`] holds the limits and
//! prices in force for one consumer; [`PlannedAttempt`] adds the worst case that is reserved before anything is sent.
//!
//! [`max_input_tokens`], [`max_text_tokens`] and [`output_bound`] bound tokens by bytes: a token of any vendor's vocabulary
//! stands for at least one byte of its text. Estimates by characters are for people and never decide.

use std::sync::Arc;

use super::allowance::Allowance;
use super::call::{CallRefusal, ModelCall, RunCaps};
use super::routing::{Candidate, Route, Routing};
use super::settings::{GatewaySettings, TenantSettings, uncounted};
use super::stored_settings::StoredSettings;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::ledger::Attempt;
use crate::llm::prompt::{render, render_tools};
use crate::llm::{CallSignature, Completion, LlmProvider, Request};
use crate::money::NanoUsd;
use crate::price::{PriceRow, PriceTable, Rates};
use crate::principal::Principal;
use crate::quota::{
    Cap, Consumer, CostUnits, LimitCheck, LimitMode, Limits, Meter, MeterAmounts, ScopeKind, checks,
    monthly_answers,
};
use crate::usage::Usage;

/// The tokens that a vendor's chat template may add around a message.
const PER_MESSAGE: u64 = 32;
/// The tokens that a chat template may add once.
const PER_REQUEST: u64 = 128;

/// The cause of a call: the request, investigation or run that it is counted for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The caller's own name for the cause.
    pub(crate) correlation_id: Option<String>,
    /// The investigation whose cap counts the call.
    pub(crate) investigation: Option<String>,
    /// The run that makes the call, with the caps on all calls of that run.
    pub(crate) run: Option<RunCaps>,
    /// The cost bound that the call shares with other calls for the same request, where there is one.
    pub(crate) allowance: Option<Arc<Allowance>>,
}

impl Origin {
    /// The origin of `call`, with an allowance of its own where the call has a cost bound.
    pub(super) fn of(call: &ModelCall) -> Self {
        Self {
            correlation_id: call.correlation_id.clone(),
            investigation: call.investigation.clone(),
            run: call.run.clone(),
            allowance: call.max_cost.map(Allowance::new),
        }
    }

    /// The run's id.
    pub(crate) fn run_id(&self) -> Option<&RunId> {
        self.run.as_ref().map(|run| &run.id)
    }
}

/// One call with everything that decides about it. `P` is the type of the providers that can make it.
#[derive(Debug)]
pub(super) struct Plan<P> {
    pub(super) limits: EffectiveLimits,
    pub(super) routing: Arc<Routing>,
    /// The tenant's route.
    pub(super) route: Route,
    /// The providers and models to ask, in order.
    pub(super) candidates: Vec<Candidate<P>>,
    /// A fingerprint of the request and its caller: equal idempotency keys must have equal digests.
    pub(super) digest: String,
    /// The most tokens that the prompt can be billed as.
    pub(super) max_input_tokens: u64,
    /// The cap on the run's calls that answer, for a call that does.
    pub(super) answer_limit: Option<LimitCheck>,
    /// The cap on the tenant's calls that answer within a month, for a call that does.
    pub(super) monthly_answers: Option<Cap>,
}

/// One attempt that can be made: its candidate, its price and its worst case.
#[derive(Clone, Debug)]
pub(super) struct PlannedAttempt<P = Arc<dyn LlmProvider>> {
    pub(super) candidate: Candidate<P>,
    /// The most tokens that the model may answer with.
    pub(super) max_output_tokens: u32,
    pub(super) price: PriceRow,
    /// The most that the attempt can be charged with: its reservation.
    pub(super) worst: MeterAmounts,
    /// The tenant's threshold of confidence, for a request without one.
    pub(super) grounding_threshold: Option<f32>,
}

impl<P: Clone> Plan<P> {
    /// The settings in force when the call began.
    pub(super) fn settings(&self) -> &Arc<GatewaySettings> {
        &self.limits.settings
    }

    /// The attempt at `candidate`, or a refusal where its price is unknown.
    pub(super) fn attempt(
        &self,
        candidate: &Candidate<P>,
        max_output_tokens: u32,
        now: Timestamp,
    ) -> Result<Result<PlannedAttempt<P>, CallRefusal>> {
        let Candidate { name, kind, model, is_local, .. } = candidate;
        let Some(price) = self.limits.price(kind, model, *is_local, now) else {
            let (provider, model) = (name.clone(), model.clone());
            return Ok(Err(CallRefusal::PriceUnknown { provider, model }));
        };
        let worst =
            self.limits.worst_case(&price, model, self.max_input_tokens, u64::from(max_output_tokens))?;
        let (candidate, grounding_threshold) = (candidate.clone(), self.limits.grounding_threshold);
        Ok(Ok(PlannedAttempt { candidate, max_output_tokens, price, worst, grounding_threshold }))
    }

    /// The limits that apply to an attempt.
    pub(super) fn checks(&self, planned: &PlannedAttempt<P>, now: Timestamp) -> Result<Vec<LimitCheck>> {
        let mut checks = self.limits.checks(&planned.candidate.model, now)?;
        checks.extend(self.answer_limit.clone());
        checks.extend(self.monthly_answers.map(|cap| {
            let tenant = &self.limits.consumer.tenant;
            monthly_answers(tenant, cap, now, &self.limits.settings.zone)
        }));
        Ok(checks)
    }

    /// The charge for an attempt that consumed `usage`.
    pub(super) fn charge(&self, planned: &PlannedAttempt<P>, usage: &Usage) -> Result<MeterAmounts> {
        self.limits.charge(&planned.price, &planned.candidate.model, planned.worst.calls, usage)
    }
}

impl<P> PlannedAttempt<P> {
    /// The attempt's row for the ledger.
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

    /// `request` as it is sent in this attempt: with the candidate's model and the bound on output.
    pub(super) fn request_of(&self, request: &Request) -> Request {
        Request {
            model: Some(self.candidate.model.clone()),
            max_tokens: Some(self.max_output_tokens),
            grounding_threshold: request.grounding_threshold.or(self.grounding_threshold),
            ..request.clone()
        }
    }
}

/// The limits and prices in force for one call.
#[derive(Debug)]
pub(super) struct EffectiveLimits {
    pub(super) settings: Arc<GatewaySettings>,
    /// The version of the stored settings.
    pub(super) settings_version: u64,
    pub(super) consumer: Consumer,
    prices: PriceTable,
    limits: Limits,
    /// The most that all calls of the run may cost.
    max_cost: Option<NanoUsd>,
    cost_units: CostUnits,
    /// Whether answers may serve to train models.
    pub(super) is_training_allowed: bool,
    grounding_threshold: Option<f32>,
}

impl EffectiveLimits {
    /// The limits of a call by `caller`. Limits and prices that were set at run time replace configured ones; the caps of a
    /// run tighten the limits. Nexus's own calls are outside the limits of users.
    pub(super) fn new(
        caller: &Principal,
        origin: &Origin,
        settings: Arc<GatewaySettings>,
        stored: &StoredSettings,
    ) -> Self {
        let TenantSettings { limits, cost_units, distillation } =
            settings.in_force(caller.tenant().as_str(), &stored.tenant);
        let limits = settings.limits.clone().with(limits).with(stored.limits.iter().cloned());
        let limits = if caller.is_system() { limits.without(ScopeKind::User) } else { limits };
        Self {
            consumer: Consumer {
                tenant: caller.tenant().to_string(),
                organisation: caller.organisation_id().map(ToString::to_string),
                user: caller.subject().to_string(),
                investigation: origin.investigation.clone(),
                run: origin.run_id().map(ToString::to_string),
            },
            prices: settings.prices.clone().with(stored.prices.iter().cloned()),
            limits: origin.run.iter().flat_map(RunCaps::limits).fold(limits, Limits::tightened),
            max_cost: origin.run.as_ref().and_then(|run| run.max_cost),
            cost_units,
            is_training_allowed: distillation,
            grounding_threshold: stored.tenant.grounding_threshold(),
            settings_version: stored.version,
            settings,
        }
    }

    /// The price of a call; none where it is unknown.
    fn price(&self, provider: &str, model: &str, is_local: bool, now: Timestamp) -> Option<PriceRow> {
        self.prices.of_call(provider, model, is_local, now)
    }

    /// The most that an attempt with at most `input` and `output` tokens can be charged with.
    fn worst_case(&self, price: &PriceRow, model: &str, input: u64, output: u64) -> Result<MeterAmounts> {
        let tokens = input.checked_add(output).ok_or_else(too_large)?;
        let money = price.worst_case(input, output)?;
        Ok(MeterAmounts { calls: 1, tokens, cost_units: self.cost_units(model, tokens)?, money })
    }

    /// The charge for an attempt that consumed `usage` and counts as `calls`.
    fn charge(&self, price: &PriceRow, model: &str, calls: u64, usage: &Usage) -> Result<MeterAmounts> {
        let tokens = usage.total().ok_or_else(too_large)?;
        Ok(MeterAmounts {
            calls,
            tokens,
            cost_units: self.cost_units(model, tokens)?,
            money: price.cost(usage)?,
        })
    }

    /// The limits that apply to an attempt at `model`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED` for a limit that would admit everything.
    fn checks(&self, model: &str, now: Timestamp) -> Result<Vec<LimitCheck>> {
        let checks = checks(&self.limits, &self.consumer, model, now, &self.settings.zone);
        let is_uncounted = |check: &LimitCheck| {
            let of_model = Some(check.key.model.as_str()).filter(|model| *model != "*");
            let is_bound = matches!(check.cap, Cap::Limited(1..)) && check.mode == LimitMode::Enforce;
            is_bound && check.meter == Meter::CostUnits && !self.cost_units.can_count(of_model)
        };
        if checks.iter().any(is_uncounted) { Err(uncounted(Some(&self.consumer.tenant))) } else { Ok(checks) }
    }

    /// Checks a worst case against the cap on the cost of the run. The store checks the sum of all calls of the run.
    pub(super) fn check_cost(&self, worst: NanoUsd) -> Result<(), CallRefusal> {
        match self.max_cost.filter(|allowed| worst > *allowed) {
            Some(allowed) => Err(CallRefusal::MaxCostExceeded { worst, allowed }),
            None => Ok(()),
        }
    }

    fn cost_units(&self, model: &str, tokens: u64) -> Result<u64> {
        self.cost_units.of(model, tokens).ok_or_else(too_large)
    }
}

fn too_large() -> Error {
    Error::invalid("the request is too large to be counted").with_code("REQUEST_TOO_LARGE")
}

/// The most tokens that the prompt of a chat request can be billed as.
pub(super) fn max_input_tokens(request: &Request) -> u64 {
    let text = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let messages = render(request);
    let mut bound = PER_REQUEST;
    for message in &messages {
        bound = bound.saturating_add(PER_MESSAGE).saturating_add(text(&message.content));
        for call in &message.calls {
            let signature = call.signature.as_ref().map_or("", CallSignature::as_str);
            let parts = [&call.id, &call.name, &call.arguments].map(|part| text(part));
            let call = parts.into_iter().fold(text(signature), u64::saturating_add);
            bound = bound.saturating_add(PER_MESSAGE).saturating_add(call);
        }
    }
    for tool in render_tools(request) {
        let schema = text(&tool.parameters.to_string());
        let tool = text(&tool.name).saturating_add(text(&tool.description)).saturating_add(schema);
        // Vendors rewrite schemas in languages of their own, which can be longer.
        bound = bound.saturating_add(PER_MESSAGE).saturating_add(tool.saturating_mul(2));
    }
    let format = request.parameters.format.as_ref().and_then(|format| serde_json::to_string(format).ok());
    bound.saturating_add(format.map_or(0, |format| text(&format).saturating_mul(2)))
}

/// The most tokens that `texts` can be billed as when they are embedded.
pub(super) fn max_text_tokens(texts: &[String]) -> u64 {
    let text = |text: &String| u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(PER_MESSAGE);
    texts.iter().map(text).fold(PER_REQUEST, u64::saturating_add)
}

/// The most output tokens that `reply` can be billed as. Text and thoughts are bounded by their bytes, and both together
/// by `most`, the bound that was sent to the vendor; the dearer of the two comes first.
pub(super) fn output_bound(reply: &Completion, most: u64, rates: &Rates) -> Usage {
    let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let calls = reply
        .tool_calls
        .iter()
        .map(|call| bytes(call.name.len()).saturating_add(bytes(call.arguments.len())));
    let (text, thoughts) =
        (calls.fold(bytes(reply.text.len()), u64::saturating_add), bytes(reply.reasoning.len()));
    let (output_text, output_reasoning) = if rates.reasoning.is_none_or(|rate| rate >= rates.output) {
        let thoughts = thoughts.min(most);
        (text.min(most.saturating_sub(thoughts)), thoughts)
    } else {
        let text = text.min(most);
        (text, thoughts.min(most.saturating_sub(text)))
    };
    Usage { output_text, output_reasoning, ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::ToolCall;

    #[test]
    fn every_byte_of_every_text_counts() {
        let bound =
            |texts: &[&str]| max_text_tokens(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(bound(&["a", "é"]), bound(&["abc"]) + PER_MESSAGE);
    }

    proptest::proptest! {
        /// Whatever an answer holds, and whichever of its tokens are dearer, what is estimated is within the worst case.
        #[test]
        fn an_answers_bound_is_within_its_worst_case(
            text in ".{0,60}", thoughts in ".{0,60}", arguments in ".{0,20}",
            most in 0_u64..80, input in 0_u64..500, output in 0_u64..90, reasoning in proptest::option::of(0_u64..90),
        ) {
            let tool = ToolCall {
                id: "1".to_owned(), name: "clock".to_owned(), arguments, signature: None,
            };
            let reply = Completion { text, reasoning: thoughts, tool_calls: vec![tool], ..Completion::empty() };
            let rates = Rates { input: 7, output, reasoning, ..Rates::default() };
            let usage = Usage { input_uncached: input, ..output_bound(&reply, most, &rates) };
            let row = PriceRow { rates, ..PriceRow::free("p", "m") };
            proptest::prop_assert!(usage.output().unwrap() <= most);
            proptest::prop_assert!(row.cost(&usage).unwrap() <= row.worst_case(input, most).unwrap());
        }
    }

    #[test]
    fn every_byte_counts() {
        let short = max_input_tokens(&Request::asking("a"));
        assert_eq!(max_input_tokens(&Request::asking("a".repeat(1_001))), short + 1_000);
        assert_eq!(max_input_tokens(&Request::asking("é")), short + 1);
        let told = Request { instructions: "be brief".to_owned(), ..Request::asking("a") };
        assert_eq!(max_input_tokens(&told), short + 8 + PER_MESSAGE);
    }
}
