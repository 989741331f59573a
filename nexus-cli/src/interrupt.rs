//! Ctrl-C and SIGTERM. A command that heeds the first one ends in good order; the second ends the program at once.

use nexus_core::{Error, ErrorKind, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Hands interrupts to whoever listens.
#[derive(Debug)]
pub(crate) struct Interrupts {
    first: watch::Sender<bool>,
}

/// Somebody who heeds the first interrupt, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Listener(watch::Receiver<bool>);

impl Default for Interrupts {
    fn default() -> Self {
        Self { first: watch::Sender::new(false) }
    }
}

impl Interrupts {
    /// From here on the first interrupt is the listener's business.
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.first.subscribe())
    }

    /// Resolves at an interrupt that nobody heeds: one without a listener, or the second.
    pub(crate) async fn watch(&self) -> Result<()> {
        let failed = |error| Error::new(ErrorKind::Unavailable, "signals cannot be received").because(error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if self.first.receiver_count() == 0 || self.first.send_replace(true) {
                return Ok(());
            }
        }
    }
}

impl Listener {
    /// Resolves once there was an interrupt.
    pub(crate) async fn interrupted(&mut self) {
        // The sender outlives every command.
        let _ = self.0.wait_for(|interrupted| *interrupted).await;
    }

    /// Whether there was one.
    pub(crate) fn was_interrupted(&self) -> bool {
        *self.0.borrow()
    }
}
