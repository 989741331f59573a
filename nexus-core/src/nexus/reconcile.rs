//! Reconciling: what a vendor's bill says takes the place of an estimate.

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::error::{Error, ErrorKind, Result};
use crate::id::check_name;
use crate::ledger::{Bill, LedgerLine, LedgerQuery, Reconciliation};
use crate::money::NanoUsd;
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::quota::Amounts;
use crate::usage::Usage;

const RECONCILED: Kind = Kind::new("call.reconciled");

impl Nexus {
    /// Corrects what an attempt was charged with by an estimate, such as one of unknown outcome, to what the vendor's
    /// `bill` says, and returns the line of the ledger that does so. Without `attempt`, the only attempt of the call that
    /// was estimated. What was corrected before may be corrected again.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the call or the attempt;
    /// [`Conflict`](ErrorKind::Conflict) with `CALL_NOT_ESTIMATED` for what the vendor's own numbers made, or with
    /// `LINE_CORRECTED` when somebody else corrects it at the same time; [`InvalidInput`](ErrorKind::InvalidInput) with
    /// `ATTEMPT_AMBIGUOUS` when several attempts were estimated, with `PRICE_UNKNOWN` for usage whose price is not known
    /// any more, and for a `reason` that is no line of text.
    pub async fn reconcile(
        &self,
        who: &Principal,
        call: &str,
        attempt: Option<u32>,
        bill: Bill,
        reason: &str,
    ) -> Result<LedgerLine> {
        self.allow(who, Action::LedgerWrite, Resource::default()).await?;
        check_name("reason", reason)?;
        let of_call =
            LedgerQuery { call: Some(call.to_owned()), limit: usize::MAX, ..LedgerQuery::default() };
        let lines = self.engine.store.ledger(who.tenant(), &of_call).await?;
        let (own, latest) = chosen(&lines, attempt)?;
        own.check_estimated()?;
        let (usage, charged) = self.billed(who, own, latest, &bill).await?;
        let revision = latest.revision().saturating_add(1);
        let facts = Payload::new()
            .word("call", call)
            .count("attempt", own.attempt)
            .count("revision", revision)
            .word("bill", bill.as_str())
            .group("before", amounts(&latest.charged))
            .group("after", amounts(&charged));
        let reconciliation = Reconciliation {
            tenant: who.tenant().clone(),
            call: call.to_owned(),
            attempt: own.attempt,
            revision,
            usage,
            charged,
            reason: reason.to_owned(),
            by: who.subject().to_string(),
            at: self.engine.clock.now(),
            audit: self.engine.single_act(who, RECONCILED, facts)?,
        };
        self.engine.store.correct(reconciliation).await
    }

    /// What an attempt consumed and is charged with by the bill. What the bill does not say stays as it is, or, after a
    /// correction to nothing, as it was.
    async fn billed(
        &self,
        who: &Principal,
        own: &LedgerLine,
        latest: &LedgerLine,
        bill: &Bill,
    ) -> Result<(Usage, Amounts)> {
        match bill {
            Bill::Nothing => Ok((Usage::default(), Amounts::ZERO)),
            Bill::Usage(usage) => Ok((*usage, self.priced(who, own, usage).await?)),
            Bill::Money(money) if *money < NanoUsd::ZERO => {
                Err(Error::invalid("nobody is billed less than nothing").code("INVALID_AMOUNT"))
            }
            Bill::Money(money) => {
                let counted = if latest.charged == Amounts::ZERO { own } else { latest };
                Ok((counted.usage, Amounts { money: *money, ..counted.charged }))
            }
        }
    }

    /// What `usage` costs at the price that the attempt was admitted with.
    async fn priced(&self, who: &Principal, own: &LedgerLine, usage: &Usage) -> Result<Amounts> {
        let (settings, routing) = (self.gateway_settings(), self.routing());
        let prices = settings.prices.clone().with(self.engine.store.prices().await?);
        let named = routing.providers().find(|(name, _)| *name == own.provider);
        let provider = named.map_or(own.provider.as_str(), |(_, provider)| provider.name());
        let price = prices
            .billed_by(&own.price_version, provider, &own.model, own.ts)
            .ok_or_else(|| unpriced(&own.price_version))?;
        let tokens = usage.total().ok_or_else(too_large)?;
        let cost_units = match settings.tenant(who.tenant().as_str()) {
            Some(tenant) => tenant.cost_units.of(&own.model, tokens).ok_or_else(too_large)?,
            None => 0,
        };
        Ok(Amounts { calls: own.charged.calls, tokens, cost_units, money: price.cost(usage)? })
    }
}

/// The own line of the attempt that is meant, and its latest.
fn chosen(lines: &[LedgerLine], attempt: Option<u32>) -> Result<(&LedgerLine, &LedgerLine)> {
    if lines.is_empty() {
        return Err(Error::not_found("there is no such call, or no attempt of it is over")
            .code("CALL_NOT_FOUND")
            .hint("`nexus ledger list --unreconciled` shows what waits to be reconciled"));
    }
    let own_lines = || lines.iter().filter(|line| line.correction.is_none());
    let own = match attempt {
        Some(number) => own_lines().find(|line| line.attempt == number).ok_or_else(|| {
            Error::not_found("there is no such attempt, or it is not over").code("ATTEMPT_NOT_FOUND")
        })?,
        None => only(own_lines())?,
    };
    let of_attempt = lines.iter().filter(|line| line.attempt == own.attempt);
    let latest = of_attempt.max_by_key(|line| line.revision()).unwrap_or(own);
    Ok((own, latest))
}

/// The only line that was estimated; the last of all where none was, which says so itself.
fn only<'a>(own_lines: impl Iterator<Item = &'a LedgerLine> + Clone) -> Result<&'a LedgerLine> {
    let mut estimated = own_lines.clone().filter(|line| line.estimated);
    match (estimated.next(), estimated.next()) {
        (Some(_), Some(_)) => Err(Error::invalid("several attempts of the call were estimated")
            .code("ATTEMPT_AMBIGUOUS")
            .hint("say which one with `--attempt`")),
        (Some(line), None) => Ok(line),
        (None, _) => {
            let last = own_lines.max_by_key(|line| line.attempt);
            last.ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "a call has corrections and no line of its own")
            })
        }
    }
}

fn amounts(amounts: &Amounts) -> Payload {
    Payload::new().money("charged", amounts.money).word("tokens", &amounts.tokens.to_string())
}

fn unpriced(version: &str) -> Error {
    Error::invalid(format!("the price `{version}` that the attempt was admitted with is not known any more"))
        .code("PRICE_UNKNOWN")
        .hint("give what the vendor billed as money instead")
}

fn too_large() -> Error {
    Error::invalid("the usage is too large to be counted").code("COUNT_TOO_LARGE")
}
