//! What governs a call of any kind, as it was when the call began: who consumes, and which limits and prices hold.

use std::sync::Arc;

use super::allowance::Allowance;
use super::call::{CallRefusal, ModelCall, RunCaps};
use super::settings::GatewaySettings;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::money::NanoUsd;
use crate::price::{PriceRow, PriceTable};
use crate::principal::Principal;
use crate::quota::{
    Cap, Consumer, CostUnits, Limit, LimitCheck, LimitMode, Limits, Meter, MeterAmounts, checks,
};
use crate::usage::Usage;

/// What led to a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The caller's own name for it.
    pub(crate) correlation_id: Option<String>,
    /// The investigation whose cap counts it.
    pub(crate) investigation: Option<String>,
    /// The run that makes it, and what all calls of that run may consume.
    pub(crate) run: Option<RunCaps>,
    /// What the call that it is made for may cost, where there is a bound.
    pub(crate) allowance: Option<Arc<Allowance>>,
}

impl Origin {
    /// What leads to `call`.
    pub(super) fn of(call: &ModelCall) -> Self {
        Self {
            correlation_id: call.correlation_id.clone(),
            investigation: call.investigation.clone(),
            run: call.run.clone(),
            allowance: None,
        }
    }

    /// The run's id.
    pub(crate) fn run_id(&self) -> Option<&RunId> {
        self.run.as_ref().map(|run| &run.id)
    }
}

/// What governs a call.
#[derive(Debug)]
pub(super) struct EffectiveLimits {
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) consumer: Consumer,
    prices: PriceTable,
    limits: Limits,
    /// The most that all calls of the run may cost.
    max_cost: Option<NanoUsd>,
    cost_units: CostUnits,
}

impl EffectiveLimits {
    /// The terms of a call by `who`. `set` are the limits and prices that were set at run time; the caps of a run tighten
    /// the limits.
    pub(super) fn new(
        caller: &Principal,
        origin: &Origin,
        settings: Arc<GatewaySettings>,
        set: (Vec<Limit>, Vec<PriceRow>),
    ) -> Self {
        let tenant = settings.tenant(caller.tenant().as_str());
        let own = tenant.into_iter().flat_map(|tenant| tenant.limits.iter().cloned());
        let limits = settings.limits.clone().with(own).with(set.0);
        Self {
            consumer: Consumer {
                tenant: caller.tenant().to_string(),
                organisation: caller.organisation_id().map(ToString::to_string),
                user: caller.subject().to_string(),
                investigation: origin.investigation.clone(),
                run: origin.run_id().map(ToString::to_string),
            },
            prices: settings.prices.clone().with(set.1),
            limits: origin.run.iter().flat_map(RunCaps::limits).fold(limits, Limits::tightened),
            max_cost: origin.run.as_ref().and_then(|run| run.max_cost),
            cost_units: tenant.map(|tenant| tenant.cost_units.clone()).unwrap_or_default(),
            settings,
        }
    }

    /// The price of a call; nothing when nobody knows it.
    pub(super) fn price(
        &self,
        provider: &str,
        model: &str,
        is_local: bool,
        now: Timestamp,
    ) -> Option<PriceRow> {
        self.prices.of_call(provider, model, is_local, now)
    }

    /// The most that an attempt can take which consumes at most `input` and `output` tokens.
    pub(super) fn worst_case(
        &self,
        price: &PriceRow,
        model: &str,
        input: u64,
        output: u64,
    ) -> Result<MeterAmounts> {
        let tokens = input.checked_add(output).ok_or_else(too_large)?;
        let money = price.worst_case(input, output)?;
        Ok(MeterAmounts { calls: 1, tokens, cost_units: self.cost_units(model, tokens)?, money })
    }

    /// What an attempt takes that consumed `usage`, and counts as `calls`.
    pub(super) fn charge(
        &self,
        price: &PriceRow,
        model: &str,
        calls: u64,
        usage: &Usage,
    ) -> Result<MeterAmounts> {
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
    pub(super) fn checks(&self, model: &str, now: Timestamp) -> Result<Vec<LimitCheck>> {
        let checks = checks(&self.limits, &self.consumer, model, now, &self.settings.zone);
        let is_uncounted = |check: &LimitCheck| {
            let of_model = Some(check.key.model.as_str()).filter(|model| *model != "*");
            let is_bound = matches!(check.cap, Cap::Limited(1..)) && check.mode == LimitMode::Enforce;
            is_bound && check.meter == Meter::CostUnits && !self.cost_units.can_count(of_model)
        };
        if checks.iter().any(is_uncounted) { Err(uncounted(Some(&self.consumer.tenant))) } else { Ok(checks) }
    }

    /// Checks a worst case against what all calls of the run may cost. What they cost by then is the store's to say.
    pub(super) fn check_cost(&self, worst: NanoUsd) -> Result<(), CallRefusal> {
        match self.max_cost.filter(|allowed| worst > *allowed) {
            Some(allowed) => Err(CallRefusal::TooDear { worst, allowed }),
            None => Ok(()),
        }
    }

    fn cost_units(&self, model: &str, tokens: u64) -> Result<u64> {
        self.cost_units.of(model, tokens).ok_or_else(too_large)
    }
}

/// A limit on cost units would count nothing, and admit everything, where nothing costs a unit: in one tenant, or in any.
pub(super) fn uncounted(tenant: Option<&str>) -> Error {
    let whose = tenant.map_or_else(|| "no tenant".to_owned(), |tenant| format!("the tenant `{tenant}`"));
    let has = if tenant.is_some() { "has no rate" } else { "has a rate" };
    Error::invalid(format!("{whose} {has} for cost units, so a limit on them counts nothing"))
        .code("LIMIT_UNCOUNTED")
        .hint("set `llm_cost_units_per_1k_tokens` or `llm_call_cost_units` in the tenant's quotas, or take the limit back")
}

fn too_large() -> Error {
    Error::invalid("the request is too large to be counted").code("REQUEST_TOO_LARGE")
}
