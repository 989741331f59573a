//! The stream of a run's events: [`EventStream`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::commit::stalled;
use super::event::Event;
use super::model::Run;
use super::registry::Progress;
use super::store::Journal;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::store_retry::{is_transient, within};

/// How many events are read from the journal at once.
const PAGE: usize = 256;
/// How often the journal of a run without a driver in this process is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(200);

/// The events of a run, as its journal holds them: those recorded, then those to come. Dropping it changes
/// nothing for the run.
#[derive(Debug)]
pub struct EventStream {
    engine: Arc<Engine>,
    run: Run,
    next_seq: u64,
    read: VecDeque<Event>,
    ended: bool,
    progress: Option<watch::Receiver<Progress>>,
    /// Whether this process drives the run, or did.
    is_ours: bool,
    /// Since when the store could not be read, or the run had no driver.
    waiting_since: Option<Instant>,
}

impl EventStream {
    pub(crate) fn new(engine: Arc<Engine>, run: Run, from: u64) -> Self {
        let progress = engine.runs.subscribe(run.tenant(), &run.id);
        let is_ours = progress.is_some();
        let (read, waiting_since) = (VecDeque::new(), None);
        Self { engine, run, next_seq: from, read, ended: false, progress, is_ours, waiting_since }
    }

    /// Expects the driver of the run in this process: without one the stream waits only so long.
    pub(super) fn of_this_process(self) -> Self {
        Self { is_ours: true, ..self }
    }

    /// The next event; nothing after the last one. A store that cannot be used for a while is waited for.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) with `RESUME_UNSUPPORTED` when the journal was erased;
    /// [`Unavailable`](ErrorKind::Unavailable) with `RUN_STALLED` when the run has waited for the store for as long as
    /// [`Settings::record_deadline`](crate::Settings::record_deadline): the next call waits on; those of the store.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.next_seq = event.seq + 1;
                self.ended = event.body.is_last();
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            match self.look().await {
                Ok(over) if self.read.is_empty() => {
                    if over {
                        return Ok(None);
                    }
                    self.wait().await?;
                }
                Ok(_) => self.waiting_since = None,
                Err(error) if is_transient(&error) => self.wait_at_most(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The same events as a [`Stream`], which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Event>> + Send + 'static {
        futures::stream::unfold(Some(self), |events| async move {
            let mut events = events?;
            match events.next().await.transpose()? {
                Ok(event) => Some((Ok(event), Some(events))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// Reads what is recorded; says whether the run was over before: only then is an empty read the end.
    async fn look(&mut self) -> Result<bool> {
        let deadline = self.engine.settings.record_deadline;
        let over = within(deadline, self.is_over()).await?;
        self.read = within(deadline, self.page()).await?.into();
        Ok(over)
    }

    async fn is_over(&self) -> Result<bool> {
        match &self.progress {
            Some(progress) if progress.has_changed().is_ok() => Ok(false),
            Some(_) | None => {
                Ok(self.engine.store.run(self.run.tenant(), &self.run.id).await?.outcome().is_some())
            }
        }
    }

    async fn page(&self) -> Result<Vec<Event>> {
        let store = &self.engine.store;
        match store.journal(self.run.tenant(), &self.run.id, self.next_seq, PAGE).await? {
            Journal::Events(events) => Ok(events),
            Journal::Pruned => Err(Error::new(ErrorKind::NotFound, "the run's events were erased")
                .code("RESUME_UNSUPPORTED")
                .hint("ask again")),
        }
    }

    /// Waits for an event that is not read yet.
    async fn wait(&mut self) -> Result<()> {
        if self.progress.is_none() {
            self.progress = self.engine.runs.subscribe(self.run.tenant(), &self.run.id);
        }
        let next = self.next_seq;
        if let Some(progress) = &mut self.progress {
            self.is_ours = true;
            self.waiting_since = None;
            match progress
                .wait_for(|now| now.recorded > next || now.stalled)
                .await
                .map(|now| now.recorded > next)
            {
                Ok(true) => {}
                Ok(false) => return Err(stalled()),
                // The driver has ended, and the store tells how.
                Err(_) => self.progress = None,
            }
            return Ok(());
        }
        if self.is_ours {
            return self.wait_at_most(stalled()).await;
        }
        tokio::time::sleep(FOLLOW_POLL).await;
        Ok(())
    }

    /// Waits a little, unless that has gone on for too long; then it is `error`.
    async fn wait_at_most(&mut self, error: Error) -> Result<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.engine.settings.record_deadline {
            self.waiting_since = None;
            return Err(error);
        }
        tokio::time::sleep(FOLLOW_POLL).await;
        Ok(())
    }
}
