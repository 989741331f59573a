//! SIGINT and SIGTERM. A command that listens handles the first one gracefully; the second ends the program at once.

use nexus_core::{Error, ErrorKind, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Dispatcher of interrupts to listeners.
#[derive(Debug)]
pub(crate) struct Interrupts {
    first: watch::Sender<bool>,
}

/// Subscription to the first interrupt, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Listener(watch::Receiver<bool>);

impl Default for Interrupts {
    fn default() -> Self {
        Self { first: watch::Sender::new(false) }
    }
}

impl Interrupts {
    /// Returns a listener that receives the first interrupt instead of the program.
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.first.subscribe())
    }

    /// Returns whether there was an interrupt that a listener received.
    pub(crate) fn was_interrupted(&self) -> bool {
        *self.first.borrow()
    }

    /// Resolves at an unhandled interrupt: one without a listener, or the second.
    pub(crate) async fn watch(&self) -> Result<()> {
        let failed =
            |error| Error::new(ErrorKind::Unavailable, "cannot install a signal handler").because(error);
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
    /// Resolves after the first interrupt.
    pub(crate) async fn interrupted(&mut self) {
        // The sender outlives every command.
        let _ = self.0.wait_for(|interrupted| *interrupted).await;
    }

    /// Returns whether there was an interrupt.
    pub(crate) fn was_interrupted(&self) -> bool {
        *self.0.borrow()
    }
}
