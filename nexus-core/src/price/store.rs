//! Port of the prices that were added at run time, for all tenants: [`PriceStore`].

use async_trait::async_trait;

use super::PriceRow;
use crate::audit;
use crate::error::Result;

/// Store of prices. No tenant owns them.
///
/// # Contract
/// - A price row is added, never replaced, and is read back as it was written.
#[async_trait]
pub trait PriceStore: std::fmt::Debug + Send + Sync {
    /// Returns all prices that were added at run time, in the order of their addition, for decisions that depend on each.
    ///
    /// # Errors
    /// Those of a store.
    async fn prices(&self) -> Result<Vec<PriceRow>>;

    /// Adds a price.
    ///
    /// # Errors
    /// Those of a store.
    async fn add_price(&self, row: &PriceRow, audit: audit::UnsealedRecords) -> Result<()>;
}
