//! Reconciliation: a vendor's bill replaces an estimate.

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::error::{Error, ErrorKind, Result};
use crate::id::check_name;
use crate::ledger::content::entry_digest;
use crate::ledger::{LedgerEntry, LedgerQuery, Reconciliation, VendorBill};
use crate::money::NanoUsd;
use crate::page::Page;
use crate::policy::{ADMINS, Operation, Route};
use crate::principal::Principal;
use crate::quota::MeterAmounts;
use crate::usage::Usage;

/// Operation of correcting an estimated charge to the bill.
pub const LEDGER_WRITE: Operation =
    Operation::new("ledger.write", ADMINS, Route::post("/v1/admin/costs/ledger/{call_id}/reconcile"));

pub(super) const RECONCILED: Kind = Kind::new("call.reconciled");

impl Nexus {
    /// Corrects the estimated charge of an attempt, such as one of unknown outcome, to the vendor's `bill`, and
    /// returns the correcting ledger entry. Without `attempt`, the only attempt of the call that was estimated. A
    /// corrected charge may be corrected again.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the call or the attempt;
    /// [`Conflict`](ErrorKind::Conflict) with `CALL_NOT_ESTIMATED` for a charge from the vendor's own numbers, or
    /// with `ENTRY_CONFLICT` when another caller corrects it at the same time;
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `ATTEMPT_AMBIGUOUS` when several attempts were estimated, with
    /// `PRICE_UNKNOWN` for usage whose price is no longer known, and for a `reason` that is no line of text.
    pub async fn reconcile(
        &self,
        caller: &Principal,
        call: &str,
        attempt: Option<u32>,
        bill: VendorBill,
        reason: &str,
    ) -> Result<LedgerEntry> {
        self.authorise_all(caller, &LEDGER_WRITE).await?;
        check_name("reason", reason)?;
        let of_call =
            LedgerQuery { call: Some(call.to_owned()), page: Page::all(), ..LedgerQuery::default() };
        let lines = self.engine.ledger.ledger(caller.tenant(), &of_call).await?;
        let (own, latest) = chosen(&lines, attempt)?;
        own.check_estimated()?;
        let (usage, charged) = self.billed(caller, own, latest, &bill).await?;
        let revision = latest.revision().saturating_add(1);
        let mut reconciliation = Reconciliation {
            tenant: caller.tenant().clone(),
            call: call.to_owned(),
            attempt: own.attempt,
            revision,
            usage,
            charged,
            reason: reason.to_owned(),
            by: caller.subject().to_string(),
            at: self.engine.clock.now(),
            audit: self.engine.pending(Vec::new()),
        };
        let entry = reconciliation.entry(own.clone(), latest)?;
        let facts = facts(call, own.attempt, revision, reason)
            .token("bill", bill.as_str())
            .nested("before", amounts(&latest.charged))
            .nested("after", amounts(&charged))
            .hash("entry", entry_digest(&entry));
        reconciliation.audit = self.engine.single_event_chain(caller, RECONCILED, facts)?;
        self.engine.quota.reconcile(reconciliation).await
    }

    /// Returns the usage and the charge of an attempt by the bill. Values that the bill does not state stay as they
    /// are, or, after a correction to nothing, as they were.
    async fn billed(
        &self,
        caller: &Principal,
        own: &LedgerEntry,
        latest: &LedgerEntry,
        bill: &VendorBill,
    ) -> Result<(Usage, MeterAmounts)> {
        match bill {
            VendorBill::Nothing => Ok((Usage::default(), MeterAmounts::ZERO)),
            VendorBill::Usage(usage) => Ok((*usage, self.priced(caller, own, usage).await?)),
            VendorBill::Money(money) if *money < NanoUsd::ZERO => {
                Err(Error::invalid("a billed amount cannot be negative").with_code("INVALID_AMOUNT"))
            }
            VendorBill::Money(money) => {
                let counted = if latest.charged == MeterAmounts::ZERO { own } else { latest };
                Ok((counted.usage, MeterAmounts { money: *money, ..counted.charged }))
            }
        }
    }

    /// Returns the charge of `usage` at the price with which the attempt was admitted.
    async fn priced(&self, caller: &Principal, own: &LedgerEntry, usage: &Usage) -> Result<MeterAmounts> {
        let (settings, routing) = (self.gateway_settings(), self.routing());
        let prices = settings.prices.clone().with(self.engine.prices.prices().await?);
        let named = routing.providers().find(|(name, _)| *name == own.provider);
        let provider = named.map_or(own.provider.as_str(), |(_, provider)| provider.name());
        let price = prices
            .billed_by(&own.price_version, provider, &own.model, own.ts)
            .ok_or_else(|| unpriced(&own.price_version))?;
        let tokens = usage.total().ok_or_else(too_large)?;
        let tenant = self.engine.gateway.settings_of(caller.tenant()).await?;
        let cost_units = tenant.cost_units.of(&own.model, tokens).ok_or_else(too_large)?;
        Ok(MeterAmounts { calls: own.charged.calls, tokens, cost_units, money: price.cost(usage)? })
    }
}

/// Returns the first entry of the chosen attempt, and its latest.
fn chosen(lines: &[LedgerEntry], attempt: Option<u32>) -> Result<(&LedgerEntry, &LedgerEntry)> {
    if lines.is_empty() {
        return Err(Error::not_found("there is no such call, or none of its attempts has ended")
            .with_code("CALL_NOT_FOUND")
            .with_hint("`nexus ledger list --unreconciled` shows what waits to be reconciled"));
    }
    let own_lines = || lines.iter().filter(|line| line.correction.is_none());
    let own = match attempt {
        Some(number) => own_lines().find(|line| line.attempt == number).ok_or_else(|| {
            Error::not_found("there is no such attempt, or it has not ended").with_code("ATTEMPT_NOT_FOUND")
        })?,
        None => only(own_lines())?,
    };
    let of_attempt = lines.iter().filter(|line| line.attempt == own.attempt);
    let latest = of_attempt.max_by_key(|line| line.revision()).unwrap_or(own);
    Ok((own, latest))
}

/// Returns the only estimated entry; without one the last entry, which [`LedgerEntry::check_estimated`] then refuses.
fn only<'a>(own_lines: impl Iterator<Item = &'a LedgerEntry> + Clone) -> Result<&'a LedgerEntry> {
    let mut estimated = own_lines.clone().filter(|line| line.estimated);
    match (estimated.next(), estimated.next()) {
        (Some(_), Some(_)) => Err(Error::invalid("several attempts of the call were estimated")
            .with_code("ATTEMPT_AMBIGUOUS")
            .with_hint("say which one with `--attempt`")),
        (Some(line), None) => Ok(line),
        (None, _) => {
            let last = own_lines.max_by_key(|line| line.attempt);
            last.ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "a call has corrections but no ledger entry of its own")
            })
        }
    }
}

/// Returns what a record says of a correction in the ledger; `None` for another entry.
pub(super) fn correction_facts(entry: &LedgerEntry) -> Option<Payload> {
    let correction = entry.correction.as_ref()?;
    let facts = facts(&entry.call, entry.attempt, correction.revision, &correction.reason);
    let before = amounts(&correction.charged_before);
    let facts = facts.nested("before", before).nested("after", amounts(&entry.charged));
    Some(facts.hash("entry", entry_digest(entry)))
}

fn facts(call: &str, attempt: u32, revision: u32, reason: &str) -> Payload {
    Payload::new()
        .token("call", call)
        .count("attempt", attempt)
        .count("revision", revision)
        .sha256("reason", reason)
}

fn amounts(amounts: &MeterAmounts) -> Payload {
    Payload::new().money("charged", amounts.money).token("tokens", &amounts.tokens.to_string())
}

fn unpriced(version: &str) -> Error {
    Error::invalid(format!("the price `{version}` of the attempt's admission is no longer known"))
        .with_code("PRICE_UNKNOWN")
        .with_hint("give the billed amount of money instead")
}

fn too_large() -> Error {
    Error::invalid("the usage is too large to be counted").with_code("COUNT_TOO_LARGE")
}
