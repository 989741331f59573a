//! Reconciliation of an estimate: another entry, and a change of every counter that counted the first.

use nexus_core::ledger::{Correction, LedgerEntry, Reconciliation};
use nexus_core::quota::MeterAmounts;
use nexus_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use super::entry::{self, Own};
use super::{call, usage};
use crate::error::corrupt;
use crate::rows::{audit, quota};

/// Reconciles an attempt, and returns the entry that does so.
pub(crate) fn correct(connection: &Connection, reconciliation: &Reconciliation) -> Result<LedgerEntry> {
    let (tenant, id) = (reconciliation.tenant.as_str(), reconciliation.call.as_str());
    let Own { line: own, day } = entry::own(connection, tenant, id, reconciliation.attempt)?;
    own.check_estimated()?;
    let before = of_attempt(connection, tenant, &own)?;
    if before.revision().checked_add(1) != Some(reconciliation.revision) {
        return Err(Error::new(ErrorKind::Conflict, "the attempt was reconciled concurrently")
            .code("ENTRY_CONFLICT")
            .hint("check `nexus ledger list` and reconcile again if the entry is still wrong"));
    }
    let line = corrected(own, &before, reconciliation);
    entry::add(connection, tenant, &line, &day, &[])?;
    usage::book(connection, tenant, &line, &day)?;
    let charge = quota::Charge {
        consumer: &line.consumer,
        model: &line.model,
        kind: line.kind,
        day: &day,
        reserved: &MeterAmounts::ZERO,
        charged: &line.charged,
    };
    quota::correct(connection, tenant, &charge, entry::columns(&line)?)?;
    call::revise(connection, tenant, id, &entry::latest(connection, tenant, id)?)?;
    audit::append(connection, &reconciliation.audit)?;
    of_attempt(connection, tenant, &line)
}

/// Returns the latest entry of the attempt of `line`.
fn of_attempt(connection: &Connection, tenant: &str, line: &LedgerEntry) -> Result<LedgerEntry> {
    let latest = entry::latest(connection, tenant, &line.call)?;
    let of_attempt = latest.into_iter().find(|latest| latest.attempt == line.attempt);
    of_attempt.ok_or_else(|| corrupt("an attempt has no ledger entry"))
}

fn corrected(own: LedgerEntry, before: &LedgerEntry, reconciliation: &Reconciliation) -> LedgerEntry {
    LedgerEntry {
        seq: 0,
        ts: reconciliation.at,
        usage: reconciliation.usage,
        charged: reconciliation.charged,
        estimated: false,
        correction: Some(Correction {
            revision: reconciliation.revision,
            usage_before: before.usage,
            charged_before: before.charged,
            reason: reconciliation.reason.clone(),
            by: reconciliation.by.clone(),
        }),
        ..own
    }
}
