//! Reader threads: each owns a connection and reads one snapshot per closure, beside the writer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nexus_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Answer, guarded, join};
use crate::error::{closed, sql};

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Handles of the threads.
#[derive(Debug)]
pub(crate) struct Readers {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    count: usize,
    /// Number of queued and running jobs.
    undone: Arc<AtomicUsize>,
}

impl Readers {
    /// Starts a thread with the name `name` for each connection.
    pub(crate) fn start(name: &str, connections: Vec<Connection>) -> Result<Self> {
        let count = connections.len();
        let (sender, receiver) = channel::<Job>();
        let queue = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(connections.len());
        for connection in connections {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || serve(&connection, &queue))
                .map_err(|source| Error::unexpected("could not start a reader thread").because(source))?;
            threads.push(thread);
        }
        let (jobs, threads) = (Mutex::new(Some(sender)), Mutex::new(threads));
        Ok(Self { jobs, threads, count, undone: Arc::default() })
    }

    /// Returns whether a thread is idle.
    pub(crate) fn has_idle(&self) -> bool {
        self.undone.load(Ordering::Relaxed) < self.count
    }

    /// Queues `work`.
    pub(crate) fn read<T, F>(&self, work: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let undone = Arc::clone(&self.undone);
        let job: Job = Box::new(move |connection| {
            let done = guarded(|| on_snapshot(connection, work));
            undone.fetch_sub(1, Ordering::Relaxed);
            let _ = sender.send(done);
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or_else(closed)?;
        self.undone.fetch_add(1, Ordering::Relaxed);
        jobs.send(job).map_err(|_| closed())?;
        Ok(receiver)
    }

    /// Waits until the threads have finished their queued work and ended.
    pub(crate) fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        threads.into_iter().for_each(join);
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(connection: &Connection, queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one idle thread receives, the others queue behind it.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(connection),
            Err(_) => return,
        }
    }
}

/// Runs `work` on one snapshot of `connection`.
pub(crate) fn on_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    // Dropping the transaction ends it; there is nothing to commit.
    let transaction = connection.unchecked_transaction().map_err(sql)?;
    work(&transaction)
}
