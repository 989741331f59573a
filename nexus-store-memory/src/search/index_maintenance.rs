//! The thread that keeps text indexes up to date between searches, so that a search after a large ingestion does
//! not wait for it, and that gives memory back when nothing is written.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexus_core::{Error, Result};

use crate::db::join;

/// So many passages are not left waiting.
const BATCH: u64 = 2000;
/// So long nothing is left waiting.
const MAX_INDEX_DELAY: Duration = Duration::from_millis(500);
/// After so long without a publication the writers' memory is given back.
const IDLE: Duration = Duration::from_secs(3);

/// Something was published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassagesPublished {
    pub(crate) corpus: i64,
    pub(crate) passages: u64,
}

/// The store whose indexes are kept.
pub(crate) trait IndexTarget: Send + 'static {
    /// Whether anybody else has it still.
    fn is_open(&self) -> bool;
    /// Takes what was published in a corpus into its text index.
    fn refresh(&self, corpus: i64);
    /// Gives back the memory of those who write indexes.
    fn release_memory(&self);
}

/// The handle of the thread.
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
            .map_err(|source| Error::unexpected("could not start the keeper thread").because(source))?;
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Says that something was published.
    pub(crate) fn notify(&self, published: PassagesPublished) {
        if let Some(news) = &*self.news.lock().unwrap_or_else(PoisonError::into_inner) {
            // A thread that is gone leaves the work to the next search.
            let _ = news.send(published);
        }
    }

    /// Ends the thread after what waits: what was published is then indexed for whoever opens the store next.
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

/// What was published and is not indexed.
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
        let patience = match self.since {
            Some(since) => MAX_INDEX_DELAY.saturating_sub(since.elapsed()),
            None if self.writers_open => IDLE.saturating_sub(self.quiet_since.elapsed()),
            None => return news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        news.recv_timeout(patience)
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
