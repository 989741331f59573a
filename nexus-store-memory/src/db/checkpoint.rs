//! Checkpoint thread: moves the log's pages to their places while commits go on.
//!
//! SQLite would checkpoint within the commit that finds the log long, which would delay that commit and those behind
//! it by tens of milliseconds. Here a separate thread copies the pages present; the writer copies only the few later
//! ones, because SQLite overwrites a log from its start once all of its pages are copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use nexus_core::{Error, Result};
use rusqlite::Connection;

use super::join;
use crate::error::sql;

/// Length in pages from which a log is long: 40 MB, so that a frequently changed page is copied once.
const LONG: usize = 10_000;

/// Writer's handle of the thread.
pub(super) struct Checkpointer {
    /// Length of the log in pages after the last commit.
    length: Arc<AtomicUsize>,
    /// Length in pages from which the log is long.
    long: usize,
    /// Length in pages at which the next checkpoint is requested.
    due: usize,
    /// Whether a checkpoint is in progress.
    busy: bool,
    asked: Option<Sender<()>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Takes over the checkpoints of `writer`. `connection` is another connection to the same file.
    pub(super) fn start(writer: &mut Connection, connection: Connection) -> Result<Self> {
        Self::start_at(LONG, writer, connection)
    }

    fn start_at(long: usize, writer: &mut Connection, connection: Connection) -> Result<Self> {
        let length = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&length);
        let note = move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        // Replaces SQLite's automatic checkpoints.
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
        Ok(Self { length, long, due: long, busy: false, asked: Some(asked), ended, thread: Some(thread) })
    }

    /// Requests a checkpoint after a commit of `writer` if one is due.
    pub(super) fn committed(&mut self, writer: &Connection) {
        let length = self.length.load(Ordering::Relaxed);
        if self.busy {
            if self.ended.try_recv() == Err(TryRecvError::Empty) {
                return;
            }
            // If the thread is gone, the writer copies the whole log here.
            self.busy = false;
            checkpoint(writer, "PASSIVE");
            // A reader may pin the log: the next attempt follows after the same number of pages.
            self.due = length.saturating_add(self.long);
        } else if length < self.long {
            self.due = self.long;
        } else if length >= self.due {
            let _ = self.asked.as_ref().map(|asked| asked.send(()));
            self.busy = true;
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.asked.take());
        self.thread.take().into_iter().for_each(join);
    }
}

/// Runs a checkpoint as far as readers permit.
pub(super) fn checkpoint(connection: &Connection, mode: &str) {
    if let Err(error) = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
        tracing::debug!(%error, "the write-ahead log was not checkpointed");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FEW: usize = 20;
    /// Far more commits than any thread needs to be scheduled.
    const MANY: usize = 1_000_000;

    fn open(dir: &Path) -> Connection {
        let connection = Connection::open(dir.join("log.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
        connection
    }

    /// Writes until the log has restarted `times` times, and returns its greatest length; none when it never
    /// restarted.
    fn longest(writer: &Connection, checkpointer: &mut Checkpointer, times: usize) -> Option<usize> {
        writer.execute_batch("CREATE TABLE IF NOT EXISTS kept (number INTEGER)").unwrap();
        let (mut begun, mut before, mut longest) = (0, 0, 0);
        for number in 0..MANY {
            writer.execute("INSERT INTO kept VALUES (?1)", [i64::try_from(number).unwrap()]).unwrap();
            checkpointer.committed(writer);
            let length = checkpointer.length.load(Ordering::Relaxed);
            begun += usize::from(length < before);
            (before, longest) = (length, longest.max(length));
            if begun == times {
                return Some(longest);
            }
        }
        None
    }

    #[test]
    fn a_log_that_is_written_without_a_pause_begins_anew_again_and_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = open(dir.path());
        let mut checkpointer = Checkpointer::start_at(FEW, &mut writer, open(dir.path())).unwrap();
        assert!(longest(&writer, &mut checkpointer, 5).unwrap() >= FEW);
    }

    #[test]
    fn a_reader_holds_the_log_back_no_longer_than_it_reads() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader) = (open(dir.path()), open(dir.path()));
        let mut checkpointer = Checkpointer::start_at(FEW, &mut writer, open(dir.path())).unwrap();
        assert!(longest(&writer, &mut checkpointer, 1).is_some());
        reader.execute_batch("BEGIN; SELECT count(*) FROM kept").unwrap();
        for _ in 0..FEW * 20 {
            writer.execute("INSERT INTO kept VALUES (0)", []).unwrap();
            checkpointer.committed(&writer);
        }
        assert!(checkpointer.length.load(Ordering::Relaxed) >= FEW * 20);
        reader.execute_batch("COMMIT").unwrap();
        assert!(longest(&writer, &mut checkpointer, 1).is_some());
    }

    #[test]
    fn a_thread_that_is_gone_leaves_the_work_to_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = open(dir.path());
        let mut checkpointer = Checkpointer::start_at(FEW, &mut writer, open(dir.path())).unwrap();
        drop(checkpointer.asked.take());
        checkpointer.thread.take().into_iter().for_each(join);
        // Requested at `FEW` pages, done with the next commit, restarted with the one after it.
        assert!(longest(&writer, &mut checkpointer, 3).unwrap() <= FEW * 2);
    }
}
