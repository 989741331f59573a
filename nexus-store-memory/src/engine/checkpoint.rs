//! Moves the log's pages to their places while commits go on.
//!
//! SQLite would do that within the commit that finds the log long, and whoever waits for that commit, or behind it, would
//! wait for tens of milliseconds. Here a thread of its own copies what is there; the writer copies only the few pages that
//! came meanwhile, because a log begins anew once nothing of it is left to copy, and then overwrites itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use nexus_core::{Error, Result};
use rusqlite::Connection;

use super::join;
use crate::error::sql;

/// The pages of a log that is long: 40 MB, so that a page that many commits change goes to its place once.
const LONG: usize = 10_000;

/// The writer's side of the thread.
pub(super) struct Checkpointer {
    /// How many pages the log had after the last commit.
    length: Arc<AtomicUsize>,
    /// At how many the thread is asked again.
    due: usize,
    /// Whether the thread is at work.
    busy: bool,
    asked: Option<Sender<()>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Takes the care for the log of `writer` over. `connection` is another one to the same file.
    pub(super) fn start(writer: &mut Connection, connection: Connection) -> Result<Self> {
        let length = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&length);
        let note = move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        // Takes the place of SQLite's own care.
        writer.wal_hook(Some(note)).map_err(sql)?;
        let (asked, asks) = channel::<()>();
        let (ends, ended) = channel();
        let work = move || {
            for () in asks {
                checkpoint(&connection, "PASSIVE");
                if ends.send(()).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("nexus-checkpoint".to_owned())
            .spawn(work)
            .map_err(|source| Error::unexpected("could not start the checkpoint thread").because(source))?;
        Ok(Self { length, due: LONG, busy: false, asked: Some(asked), ended, thread: Some(thread) })
    }

    /// Looks at the log after a commit of `writer`.
    pub(super) fn committed(&mut self, writer: &Connection) {
        let length = self.length.load(Ordering::Relaxed);
        if self.busy && self.ended.try_recv().is_ok() {
            self.busy = false;
            checkpoint(writer, "PASSIVE");
            // A reader may hold the log back: then it is tried again once there is as much again.
            self.due = length.saturating_add(LONG);
        } else if !self.busy && length >= self.due {
            self.busy = self.asked.as_ref().is_some_and(|asked| asked.send(()).is_ok());
        } else if length < LONG {
            self.due = LONG;
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.asked.take());
        self.thread.take().into_iter().for_each(join);
    }
}

/// Moves what can be moved.
pub(super) fn checkpoint(connection: &Connection, mode: &str) {
    if let Err(error) = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
        tracing::debug!(%error, "the write-ahead log was not checkpointed");
    }
}
