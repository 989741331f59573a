//! Ledger of the facade: calls, their entries and their models' reasoning.
//!
//! Reads show a caller without admin rights their own calls only.

use super::Nexus;
use super::usage::USAGE_READ;
use crate::access::Visibility;
use crate::error::Result;
use crate::ledger::{Call, LedgerEntry, LedgerQuery};
use crate::policy::{Operation, Route};
use crate::principal::Principal;

/// Operation of listing calls of models.
pub const CALL_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/calls"));
/// Operation of reading the reasoning of a call.
pub const CALL_REASONING: Operation =
    USAGE_READ.at(Route::get("/v1/admin/costs/calls/{call_id}/reasoning")).showing_text();
/// Operation of listing ledger entries.
pub const LEDGER_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/ledger"));

impl Nexus {
    /// Returns a page of calls, latest first: the caller's own, or all of the tenant for an admin. The key is the id.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn calls(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<Call>> {
        let query = self.visible(caller, &CALL_LIST, query).await?;
        let mut calls = self.engine.ledger.calls(caller.tenant(), &query).await?;
        if Visibility::of(caller) != Visibility::All {
            calls.iter_mut().for_each(hide_use_of_others);
        }
        Ok(calls)
    }

    /// Returns a page of ledger entries, latest first: the caller's own, or all of the tenant for an admin. The key is the
    /// number, [`LedgerEntry::seq`].
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn ledger(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<LedgerEntry>> {
        let query = self.visible(caller, &LEDGER_LIST, query).await?;
        self.engine.ledger.ledger(caller.tenant(), &query).await
    }

    /// Returns the reasoning of a model in a call, where it is stored. For admins: it is no part of the answer, and
    /// may quote text that its reader may not see.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn reasoning(&self, caller: &Principal, call: &str) -> Result<Option<String>> {
        self.authorise_all(caller, &CALL_REASONING).await?;
        self.all_of_the_tenant(caller, &CALL_REASONING).await?;
        self.engine.ledger.reasoning(caller.tenant(), call).await
    }

    /// Restricts the query to the calls that the caller may see.
    async fn visible(
        &self,
        caller: &Principal,
        operation: &Operation,
        mut query: LedgerQuery,
    ) -> Result<LedgerQuery> {
        self.authorise_all(caller, operation).await?;
        if Visibility::of(caller) != Visibility::All {
            query.user = Some(caller.subject().to_string());
        }
        Ok(LedgerQuery { page: query.page.bounded(), ..query })
    }
}

/// Removes from a call the usage of others that its shadowed limits disclose.
fn hide_use_of_others(call: &mut Call) {
    let shadowed = call.metadata.get_mut("shadowed").and_then(serde_json::Value::as_array_mut);
    for refusal in shadowed.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        let is_own = matches!(refusal.get("scope").and_then(serde_json::Value::as_str), Some("user" | "run"));
        if !is_own {
            refusal.insert("used".to_owned(), 0.into());
        }
    }
}
