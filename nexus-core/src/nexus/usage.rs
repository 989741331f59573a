//! Usage of the facade: sums by user, model, organisation or tenant, and records for invoices.

use super::Nexus;
use crate::access::Visibility;
use crate::error::Result;
use crate::ledger::{UsageBy, UsageRecord, UsageRow};
use crate::page::Page;
use crate::policy::{EDITORS, Operation, Route};
use crate::principal::Principal;
use crate::quota::DateRange;

/// Operation of summing up usage.
pub const USAGE_READ: Operation =
    Operation::new("usage.read", EDITORS, Route::get("/v1/self-serve/usage/summary"));
/// Operation of listing usage by call, for invoices.
pub const USAGE_RECORDS: Operation = USAGE_READ.at(Route::get("/v1/self-serve/usage/records"));

impl Nexus {
    /// Returns the usage on some days, dearest first. A caller without admin rights sees their own row of the sums by
    /// user only.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn usage(&self, caller: &Principal, by: UsageBy, days: &DateRange) -> Result<Vec<UsageRow>> {
        self.authorise_all(caller, &USAGE_READ).await?;
        if by != UsageBy::User {
            self.all_of_the_tenant(caller, &USAGE_READ).await?;
        }
        let mut rows = self.engine.ledger.usage(caller.tenant(), by, days.from(), days.to()).await?;
        if Visibility::of(caller) != Visibility::All {
            rows.retain(|row| row.id == caller.subject().as_str());
        }
        Ok(rows)
    }

    /// Returns a page of the tenant's usage of each provider, in order of day and provider. For admins. The key is
    /// [`UsageRecord::key`].
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn usage_records(
        &self,
        caller: &Principal,
        days: &DateRange,
        page: Page,
    ) -> Result<Vec<UsageRecord>> {
        self.authorise_all(caller, &USAGE_RECORDS).await?;
        self.all_of_the_tenant(caller, &USAGE_RECORDS).await?;
        self.engine.ledger.usage_records(caller.tenant(), days.from(), days.to(), &page.bounded()).await
    }
}
