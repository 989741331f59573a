//! Index maintenance thread: updates text indexes between searches, so that a search after a large ingestion does not
//! wait for them, and releases their memory when idle.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexus_core::{Error, Result};

use crate::db::join;

/// Number of passages from which pending publications are indexed at once.
const BATCH: u64 = 2000;
/// Upper bound on the delay of pending publications.
const MAX_INDEX_DELAY: Duration = Duration::from_millis(500);
/// Time without a publication after which the writers' memory is released.
const IDLE: Duration = Duration::from_secs(3);

/// Event: passages of a corpus were published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassagesPublished {
    pub(crate) corpus: i64,
    pub(crate) passages: u64,
}

/// Store whose indexes the thread maintains.
pub(crate) trait IndexTarget: Send + 'static {
    /// Returns whether the store has another handle still.
    fn is_open(&self) -> bool;
    /// Adds the published passages of a corpus to its text index.
    fn refresh(&self, corpus: i64);
    /// Releases the memory of the index writers.
    fn release_memory(&self);
}

/// Handle of the thread.
#[derive(Debug, Default)]
pub(crate) struct IndexMaintainer {
    news: Mutex<Option<Sender<PassagesPublished>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl IndexMaintainer {
    /// Starts the thread, which ends when `kept` does.
    pub(crate) fn start(&self, kept: impl IndexTarget) -> Result<()> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("nexus-keeper".to_owned())
            .spawn(move || serve(&kept, &receiver))
            .map_err(|source| {
                Error::unexpected("could not start the index maintenance thread").because(source)
            })?;
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Notifies the thread of published passages.
    pub(crate) fn notify(&self, published: PassagesPublished) {
        if let Some(news) = &*self.news.lock().unwrap_or_else(PoisonError::into_inner) {
            // Without the thread the next search does the work.
            let _ = news.send(published);
        }
    }

    /// Ends the thread after its pending work, so that the next process finds the publications indexed.
    pub(crate) fn close(&self) {
        drop(self.news.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.into_iter().for_each(join);
    }
}

fn serve(kept: &impl IndexTarget, news: &Receiver<PassagesPublished>) {
    let mut waiting = Waiting::default();
    loop {
        match waiting.next(news) {
            Ok(published) => waiting.add(published),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => waiting.closing = true,
        }
        if !kept.is_open() {
            return;
        }
        if waiting.is_due() || waiting.closing {
            let closing = waiting.closing;
            for corpus in std::mem::take(&mut waiting).corpora {
                kept.refresh(corpus);
            }
            if closing {
                return;
            }
            waiting.writers_open = true;
        } else if waiting.corpora.is_empty() && waiting.writers_open && waiting.quiet_since.elapsed() >= IDLE
        {
            kept.release_memory();
            waiting.writers_open = false;
        }
    }
}

/// Published passages that are not indexed yet.
struct Waiting {
    corpora: BTreeSet<i64>,
    passages: u64,
    since: Option<Instant>,
    quiet_since: Instant,
    writers_open: bool,
    closing: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            corpora: BTreeSet::new(),
            passages: 0,
            since: None,
            quiet_since: Instant::now(),
            writers_open: false,
            closing: false,
        }
    }
}

impl Waiting {
    fn next(&self, news: &Receiver<PassagesPublished>) -> Result<PassagesPublished, RecvTimeoutError> {
        let timeout = match self.since {
            Some(since) => MAX_INDEX_DELAY.saturating_sub(since.elapsed()),
            None if self.writers_open => IDLE.saturating_sub(self.quiet_since.elapsed()),
            None => return news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        news.recv_timeout(timeout)
    }

    fn add(&mut self, published: PassagesPublished) {
        self.corpora.insert(published.corpus);
        self.passages = self.passages.saturating_add(published.passages);
        self.since.get_or_insert_with(Instant::now);
    }

    fn is_due(&self) -> bool {
        self.passages >= BATCH || self.since.is_some_and(|since| since.elapsed() >= MAX_INDEX_DELAY)
    }
}
