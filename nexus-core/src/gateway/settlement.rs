//! Writing the end of a call: [`Shared::settle`], which every conduct ends with. No end is given up while this process
//! lives: what the store does not take is tried again until it answers, and a call that it will not end is left to the
//! [recovery](super::recovery) of this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Inner;
use super::doubt::{retry_delay, unrecorded};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::Settlement;

/// Why a call is not settled.
#[derive(Debug)]
pub(super) enum Unsettled {
    /// The store is out of reach: it may answer later.
    OutOfReach(Error),
    /// The store answers, and will not end the call this way.
    Impossible(Error),
}

impl Inner {
    /// Settles, and tries again for as long as the store is out of reach and this process lives: what the vendor billed
    /// is known here only. Whoever waits is told after the store's deadline, and the rest goes on without them.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `LEDGER_UNAVAILABLE`.
    pub(super) async fn settle(self: &Arc<Self>, settlement: Settlement) -> Result<()> {
        self.settle_one_of(vec![settlement]).await
    }

    /// As [`Shared::settle`], for a call of which nobody knows which attempt the store has open: the first of the `possible`
    /// settlements that fits it ends it. Each round goes through all of them, since the store decides late what it was asked
    /// before.
    pub(super) async fn settle_one_of(self: &Arc<Self>, possible: Vec<Settlement>) -> Result<()> {
        let patience = self.current().settings.deadlines.store;
        let (began, mut tries) = (Instant::now(), 0);
        loop {
            let error = match self.settle_once(&possible, patience).await {
                Ok(()) => return Ok(()),
                Err(Unsettled::OutOfReach(error)) => error,
                Err(Unsettled::Impossible(error)) => {
                    self.leave_open(&possible, &error);
                    return Err(unrecorded().because(error));
                }
            };
            if began.elapsed() >= patience {
                let shared = Arc::clone(self);
                self.tasks.spawn(async move { shared.settle_until_stored(possible, patience).await });
                return Err(unrecorded().because(error));
            }
            tokio::time::sleep(retry_delay(tries)).await;
            tries += 1;
        }
    }

    /// Tries until the store answers.
    pub(super) async fn settle_until_stored(self: &Arc<Self>, possible: Vec<Settlement>, patience: Duration) {
        let mut tries = 0;
        loop {
            match self.settle_once(&possible, patience).await {
                Ok(()) => return,
                Err(Unsettled::OutOfReach(_)) => {}
                Err(Unsettled::Impossible(error)) => return self.leave_open(&possible, &error),
            }
            tokio::time::sleep(retry_delay(tries)).await;
            tries += 1;
        }
    }

    /// Asks the store once for each of the `possible` settlements, until one ends the call.
    async fn settle_once(&self, possible: &[Settlement], patience: Duration) -> Result<(), Unsettled> {
        let mut conflict = None;
        for settlement in possible {
            match self.store_guard.call(patience, self.store.settle(settlement.clone())).await {
                Ok(_) => {
                    self.notify_settled();
                    return Ok(());
                }
                Err(error) if error.is_retryable() => return Err(Unsettled::OutOfReach(error)),
                // Another attempt is open than the one that this ends.
                Err(error) if error.kind() == ErrorKind::Conflict => conflict = Some(error),
                Err(error) => return Err(Unsettled::Impossible(error)),
            }
        }
        let none = || Error::unexpected("a call was to be ended in no way");
        Err(Unsettled::Impossible(conflict.unwrap_or_else(none)))
    }

    /// Leaves a call to the recovery of this process. A call that the store does not have needs none.
    fn leave_open(self: &Arc<Self>, possible: &[Settlement], error: &Error) {
        let Some(settlement) = possible.first().filter(|_| error.kind() != ErrorKind::NotFound) else {
            return;
        };
        tracing::error!(call = settlement.call, error = %error.report(), "a call could not be settled");
        self.recover_later(settlement.call.clone());
    }
}
