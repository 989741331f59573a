//! The engine: SQLite connections and the threads that own them.
//!
//! On disk one writer thread owns the only connection that writes, and one thread takes care of the log. Reader threads own
//! connections that read snapshots beside it: a few for searches and lists, one that is reserved for short reads which
//! decide whether Nexus works at all (money, health), and two for builds of indexes, which may take long. In RAM one thread
//! owns the one connection there is. A caller hands over a closure with its whole transaction and awaits the answer, so no
//! row crosses a thread by itself.

mod checkpoint;
mod readers;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use nexus_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::closed;

pub(crate) use readers::{Readers, on_snapshot};
pub(crate) use writer::{Write, Writer};

/// The threads of a store.
#[derive(Debug)]
pub(crate) struct Engine {
    writer: Option<Writer>,
    readers: Option<Pools>,
}

/// The threads that read a store on disk.
#[derive(Debug)]
pub(crate) struct Pools {
    /// Searches and lists.
    pub(crate) shared: Readers,
    /// Short reads that others depend on.
    pub(crate) reserved: Option<Readers>,
    /// Builds of indexes.
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
    /// One connection for everything.
    pub(crate) fn in_ram(connection: Connection) -> Result<Self> {
        Ok(Self { writer: Some(Writer::start(connection, None)?), readers: None })
    }

    /// A writer, with a connection beside it for the care of its log, and readers.
    pub(crate) fn on_disk(writer: Connection, beside: Connection, readers: Pools) -> Result<Self> {
        Ok(Self { writer: Some(Writer::start(writer, Some(beside))?), readers: Some(readers) })
    }

    /// Readers alone: every write is refused.
    pub(crate) fn read_only(readers: Pools) -> Self {
        Self { writer: None, readers: Some(readers) }
    }

    /// Runs `work` in a transaction of its own and answers after the commit is durable. Once this was polled
    /// the work is done even when the future is dropped. An error undoes what `work` did, and nothing else.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    {
        let writer = self.writer.as_ref().ok_or_else(crate::error::read_only)?;
        writer.write(work)?.await.map_err(|_| closed())?
    }

    /// As [`write`](Self::write), without waiting for it. A store that is closed leaves it undone.
    pub(crate) fn write_later<F>(&self, work: F)
    where
        F: FnOnce(&Write<'_>) -> Result<()> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            // Nobody waits for the answer.
            let _ = writer.write(work);
        }
    }

    /// As [`write`](Self::write), for a thread of the store's own, which may block.
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

    /// As [`read`](Self::read), for a short reading that others depend on: no search and no list holds it up.
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

    /// As [`read`](Self::read), for work that may take long: it holds up neither searches nor lists.
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

    /// Whether a build would begin at once.
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

    /// Ends the threads after the work they have, and makes the file whole.
    pub(crate) fn close(&self) {
        self.readers.iter().for_each(Pools::close);
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }
}

/// Runs `work`; a panic in it is an error of this caller and no other.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::unexpected("the store failed in the middle of an operation")))
}

/// Waits for a thread to end. A thread may be the one that drops the last handle of its own store: it does not
/// wait for itself.
pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        // A panic was reported where it happened.
        let _ = thread.join();
    }
}

/// What will have come of work that was handed over.
pub(crate) type Answer<T> = oneshot::Receiver<Result<T>>;
