//! Reconciliation of an estimate: another entry, and a change of every counter that counted the first.

use nexus_core::Result;
use nexus_core::ledger::{LedgerEntry, Reconciliation};
use rusqlite::Connection;

use super::entry::{self, Own};
use super::{call, usage};
use crate::error::corrupt;
use crate::rows::{audit, quota};

/// Reconciles an attempt, and returns the entry that does so.
pub(crate) fn correct(connection: &Connection, reconciliation: &Reconciliation) -> Result<LedgerEntry> {
    let (tenant, id) = (reconciliation.tenant.as_str(), reconciliation.call.as_str());
    let Own { line: own, day } = entry::own(connection, tenant, id, reconciliation.attempt)?;
    let latest = of_attempt(connection, tenant, &own)?;
    let line = reconciliation.entry(own, &latest)?;
    entry::add(connection, tenant, &line, &day, &[])?;
    usage::book(connection, tenant, &line, &day)?;
    quota::correct(connection, tenant, &line, &day)?;
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
