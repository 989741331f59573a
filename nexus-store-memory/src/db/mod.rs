//! Database engine: SQLite connections and the threads that own them.
//!
//! On disk one writer thread owns the only connection that writes, and one thread runs checkpoints of the log. Reader
//! threads own connections that read snapshots beside it: a few for searches and lists, one reserved for the short
//! reads on which the operation of Nexus depends (money, health), and two for builds of indexes, which may take long.
//! In RAM one thread owns the single connection. A caller passes a closure with its whole transaction and awaits the
//! result, so no single row crosses a thread.

mod checkpoint;
mod readers;
pub(crate) mod select;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use nexus_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::closed;

pub(crate) use readers::{Readers, on_snapshot};
pub(crate) use writer::{Write, Writer};

/// Threads of a store.
#[derive(Debug)]
pub(crate) struct Engine {
    writer: Option<Writer>,
    readers: Option<Pools>,
}

/// Threads that read a store on disk.
#[derive(Debug)]
pub(crate) struct Pools {
    /// Threads for searches and lists.
    pub(crate) shared: Readers,
    /// Thread for short reads that other work depends on.
    pub(crate) reserved: Option<Readers>,
    /// Threads for builds of indexes.
    pub(crate) builders: Readers,
}

impl Pools {
    fn close(&self) {
        self.shared.close();
        self.reserved.iter().for_each(Readers::close);
        self.builders.close();
    }
}

impl Engine {
    /// Starts one thread with one connection for all work.
    pub(crate) fn in_ram(connection: Connection) -> Result<Self> {
        Ok(Self { writer: Some(Writer::start(connection, None)?), readers: None })
    }

    /// Starts a writer with a second connection for the checkpoints of its log, beside the readers.
    pub(crate) fn on_disk(writer: Connection, beside: Connection, readers: Pools) -> Result<Self> {
        Ok(Self { writer: Some(Writer::start(writer, Some(beside))?), readers: Some(readers) })
    }

    /// Returns an engine with readers alone, which refuses every write.
    pub(crate) fn read_only(readers: Pools) -> Self {
        Self { writer: None, readers: Some(readers) }
    }

    /// Runs `work` in its own transaction and returns after the commit is durable. Dropping the future after its
    /// first poll does not cancel the work. An error rolls back this work alone.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    {
        let writer = self.writer.as_ref().ok_or_else(crate::error::read_only)?;
        writer.write(work)?.await.map_err(|_| closed())?
    }

    /// As [`write`](Self::write), without waiting for the result. A closed store discards the work.
    pub(crate) fn write_later<F>(&self, work: F)
    where
        F: FnOnce(&Write<'_>) -> Result<()> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            // The result has no receiver.
            let _ = writer.write(work);
        }
    }

    /// As [`write`](Self::write), for a thread of the store itself, which may block.
    pub(crate) fn write_here<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    {
        let writer = self.writer.as_ref().ok_or_else(crate::error::read_only)?;
        writer.write(work)?.blocking_recv().map_err(|_| closed())?
    }

    /// Runs `work` on one snapshot of the store.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.start_read(work)?.await.map_err(|_| closed())?
    }

    /// As [`read`](Self::read), for a short read that other work depends on: searches and lists do not delay it.
    pub(crate) async fn read_reserved<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let reserved = self.readers.as_ref().and_then(|pools| pools.reserved.as_ref());
        match reserved {
            Some(reserved) => reserved.read(work)?.await.map_err(|_| closed())?,
            None => self.read(work).await,
        }
    }

    /// As [`read`](Self::read), for work that may take long: it delays neither searches nor lists.
    pub(crate) fn build<T, F>(&self, work: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        match &self.readers {
            Some(pools) => pools.builders.read(work),
            None => self.start_read(work),
        }
    }

    /// Returns whether a build would start at once.
    pub(crate) fn has_idle_builder(&self) -> bool {
        self.readers.as_ref().is_none_or(|pools| pools.builders.has_idle())
    }

    fn start_read<T, F>(&self, work: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        match (&self.readers, &self.writer) {
            (Some(pools), _) => pools.shared.read(work),
            (None, Some(writer)) => writer.write(|write| work(write)),
            (None, None) => Err(closed()),
        }
    }

    /// Ends the threads after their queued work, and checkpoints the file.
    pub(crate) fn close(&self) {
        self.readers.iter().for_each(Pools::close);
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }
}

/// Runs `work`, and converts a panic into an error of this caller alone.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::unexpected("a store operation panicked")))
}

/// Waits for a thread to end. The thread that drops the last handle of its own store does not wait for itself.
pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        // A panic was reported where it happened.
        let _ = thread.join();
    }
}

/// Future result of queued work.
pub(crate) type Answer<T> = oneshot::Receiver<Result<T>>;
