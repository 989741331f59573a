//! [`PriceStore`]: prices of models, for all tenants.

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::audit::UnsealedRecords;
use nexus_core::price::{PriceRow, PriceStore};

use crate::rows::price;
use crate::store::MemoryStore;

#[async_trait]
impl PriceStore for MemoryStore {
    async fn prices(&self) -> Result<Vec<PriceRow>> {
        self.engine().read_reserved(price::list).await
    }

    async fn add_price(&self, row: &PriceRow, audit: UnsealedRecords) -> Result<()> {
        let row = row.clone();
        self.engine().write(move |write| price::add(write, &row, &audit)).await
    }
}
