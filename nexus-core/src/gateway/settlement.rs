//! Writing the end of a call: [`Shared::settle`], which every conduct ends with.

use std::time::Duration;

use super::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Settlement;

/// How often a settlement is tried before it is left to the next start.
const SETTLE_TRIES: u32 = 6;

impl Shared {
    /// Settles, and tries again while the store is out of reach.
    pub(super) async fn settle(&self, settlement: Settlement) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.store.settle(settlement.clone()).await {
                Ok(_) => {
                    self.settled();
                    return Ok(());
                }
                Err(error) if tries < SETTLE_TRIES && error.is_retryable() => {
                    tracing::warn!(call = settlement.call, error = %error.report(), "a settlement is tried again");
                    tokio::time::sleep(Duration::from_millis(20 << tries)).await;
                    tries += 1;
                }
                // The intent stays open, and the next start finds it.
                Err(error) => {
                    tracing::error!(call = settlement.call, error = %error.report(), "a call could not be settled");
                    return Err(Error::new(ErrorKind::Unavailable, "the call could not be recorded")
                        .code("LEDGER_UNAVAILABLE")
                        .because(error));
                }
            }
        }
    }
}
