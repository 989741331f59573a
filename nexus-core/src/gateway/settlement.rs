//! Writing the end of a call: [`Shared::settle`], which every conduct ends with.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::doubt::{pause, unrecorded};
use crate::error::{ErrorKind, Result};
use crate::ledger::Settlement;

impl Shared {
    /// Settles, and tries again for as long as the store is out of reach and this process lives: what the vendor billed
    /// is known here only. Whoever waits is told after the store's deadline, and the rest goes on without them.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `LEDGER_UNAVAILABLE`; [`Conflict`](ErrorKind::Conflict) when another
    /// attempt is open than the one that is ended.
    pub(super) async fn settle(self: &Arc<Self>, settlement: Settlement) -> Result<()> {
        let patience = self.current().settings.deadlines.store;
        let (began, mut tries) = (Instant::now(), 0);
        loop {
            let error = match self.settle_once(&settlement, patience).await {
                Err(error) if error.is_retryable() => error,
                settled => return settled,
            };
            if began.elapsed() >= patience {
                let shared = Arc::clone(self);
                self.tasks.spawn(async move { shared.settle_at_last(settlement, patience).await });
                return Err(unrecorded().because(error));
            }
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
        }
    }

    /// Tries until the store is in reach.
    async fn settle_at_last(&self, settlement: Settlement, patience: Duration) {
        let mut tries = 0;
        loop {
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
            match self.settle_once(&settlement, patience).await {
                Err(error) if error.is_retryable() => {}
                // What else went wrong was logged.
                Ok(()) | Err(_) => return,
            }
        }
    }

    async fn settle_once(&self, settlement: &Settlement, patience: Duration) -> Result<()> {
        match self.reach.within(patience, self.store.settle(settlement.clone())).await {
            Ok(_) => {
                self.settled();
                Ok(())
            }
            // Whoever asked knows of another attempt that may be open.
            Err(error) if error.is_retryable() || error.kind() == ErrorKind::Conflict => Err(error),
            // The intent stays open, and the next start finds it.
            Err(error) => {
                tracing::error!(call = settlement.call, error = %error.report(), "a call could not be settled");
                Err(unrecorded().because(error))
            }
        }
    }
}
