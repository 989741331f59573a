//! What governs a call of any kind, as it was when the call began: who consumes, and which limits and prices hold.

use std::sync::Arc;

use super::settings::GatewaySettings;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::price::{PriceRow, PriceTable};
use crate::principal::Principal;
use crate::quota::{Amounts, Check, Consumer, CostUnits, Limit, Limits, checks};
use crate::usage::Usage;

/// What led to a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The caller's own name for it.
    pub(crate) correlation_id: Option<String>,
    /// The investigation whose cap counts it.
    pub(crate) investigation: Option<String>,
    /// The run that makes it.
    pub(crate) run: Option<RunId>,
}

/// What governs a call.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) settings: Arc<GatewaySettings>,
    pub(super) consumer: Consumer,
    prices: PriceTable,
    limits: Limits,
    cost_units: CostUnits,
}

impl Terms {
    /// The terms of a call by `who`. `set` are the limits and prices that were set at run time; `caps` tighten the
    /// limits.
    pub(super) fn new(
        who: &Principal,
        origin: &Origin,
        settings: Arc<GatewaySettings>,
        set: (Vec<Limit>, Vec<PriceRow>),
        caps: impl IntoIterator<Item = Limit>,
    ) -> Self {
        let tenant = settings.tenant(who.tenant().as_str());
        let own = tenant.into_iter().flat_map(|tenant| tenant.limits.iter().cloned());
        let limits = settings.limits.clone().with(own).with(set.0);
        Self {
            consumer: Consumer {
                tenant: who.tenant().to_string(),
                organisation: who.organisation_id().map(ToString::to_string),
                user: who.subject().to_string(),
                investigation: origin.investigation.clone(),
                run: origin.run.as_ref().map(ToString::to_string),
            },
            prices: settings.prices.clone().with(set.1),
            limits: caps.into_iter().fold(limits, Limits::tightened),
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
    pub(super) fn worst(&self, price: &PriceRow, model: &str, input: u64, output: u64) -> Result<Amounts> {
        let tokens = input.checked_add(output).ok_or_else(too_large)?;
        let money = price.worst_case(input, output)?;
        Ok(Amounts { calls: 1, tokens, cost_units: self.cost_units(model, tokens)?, money })
    }

    /// What an attempt takes that consumed `usage`, and counts as `calls`.
    pub(super) fn charge(&self, price: &PriceRow, model: &str, calls: u64, usage: &Usage) -> Result<Amounts> {
        let tokens = usage.total().ok_or_else(too_large)?;
        Ok(Amounts { calls, tokens, cost_units: self.cost_units(model, tokens)?, money: price.cost(usage)? })
    }

    /// The limits that apply to an attempt at `model`.
    pub(super) fn checks(&self, model: &str, now: Timestamp) -> Vec<Check> {
        checks(&self.limits, &self.consumer, model, now, &self.settings.zone)
    }

    fn cost_units(&self, model: &str, tokens: u64) -> Result<u64> {
        self.cost_units.of(model, tokens).ok_or_else(too_large)
    }
}

fn too_large() -> Error {
    Error::invalid("the request is too large to be counted").code("REQUEST_TOO_LARGE")
}
