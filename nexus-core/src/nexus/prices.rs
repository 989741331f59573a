//! Prices of the facade. An added price is one signed record, and earlier calls keep theirs.

use super::Nexus;
use super::usage::USAGE_READ;
use crate::audit::{Kind, Payload};
use crate::error::{Error, Result};
use crate::page::Page;
use crate::policy::{ADMINS, Operation, Route};
use crate::price::PriceRow;
use crate::principal::Principal;

/// Operation of listing prices.
pub const PRICE_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/pricing/catalog"));
/// Operation of adding a price.
pub const PRICING_WRITE: Operation =
    Operation::new("pricing.write", ADMINS, Route::post("/v1/admin/costs/pricing/catalog"));

pub(super) const PRICE_ADDED: Kind = Kind::new("price.added");

impl Nexus {
    /// Returns a page of the prices in force: the built-in ones, those of the configuration, then those that were added.
    /// The key is the number of the price in the list, from 1.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn prices(&self, caller: &Principal, page: Page) -> Result<Vec<PriceRow>> {
        self.authorise_all(caller, &PRICE_LIST).await?;
        let (before, page) = (page.after_number()?.unwrap_or(0), page.bounded());
        let mut rows = self.gateway_settings().prices.rows().to_vec();
        rows.extend(self.engine.prices.prices().await?);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        Ok(rows.into_iter().skip(before).take(page.limit).collect())
    }

    /// Adds a price, for every tenant. Earlier calls keep theirs.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied), also to a caller over a network; [`InvalidInput`](crate::ErrorKind::InvalidInput) with
    /// `INVALID_PRICE`.
    pub async fn add_price(&self, caller: &Principal, row: &PriceRow) -> Result<()> {
        self.authorise_all(caller, &PRICING_WRITE).await?;
        self.operator(caller, &PRICING_WRITE).await?;
        row.check()?;
        let audit = self.engine.single_event_chain(caller, PRICE_ADDED, price_facts(row)?)?;
        self.engine.prices.add_price(row, audit).await
    }
}

/// Returns what a record says of a price.
///
/// # Errors
/// [`Unexpected`](crate::ErrorKind::Unexpected) for rates that cannot be written.
pub(super) fn price_facts(row: &PriceRow) -> Result<Payload> {
    Ok(Payload::new()
        .token("provider", &row.provider)
        .token("model", &row.model)
        .token("version", &row.version)
        .time("valid_from", row.valid_from)
        .sha256("rates", &written(row)?))
}

fn written(row: &PriceRow) -> Result<String> {
    serde_json::to_string(&(row.rates, &row.tiers))
        .map_err(|error| Error::unexpected("the price cannot be written").because(error))
}
