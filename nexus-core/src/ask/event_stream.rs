//! Event stream of a run: [`EventStream`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::commit::stalled;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::run::event::Event;
use crate::run::model::Run;
use crate::run::registry::Progress;
use crate::run::store::Journal;
use crate::store_retry::{is_transient, within};

/// Number of journal events per read.
const PAGE: usize = 256;
/// Poll interval for the journal of a run without a driver in this process.
const FOLLOW_POLL: Duration = Duration::from_millis(200);

/// Events of a run from its journal: first the recorded ones, then new ones. Dropping it does not affect the run.
///
/// # Examples
///
/// A reader that was cut off goes on behind the last event that it has:
///
/// ```
/// use nexus_core::run::EventBody;
/// use nexus_core::{Nexus, Principal, Result, RunId};
///
/// async fn print(nexus: &Nexus, caller: &Principal, run: &RunId, next_seq: u64) -> Result<()> {
///     let mut events = nexus.events(caller, run, next_seq).await?;
///     while let Some(event) = events.next().await? {
///         match event.body {
///             EventBody::Delta { text } => print!("{text}"),
///             EventBody::Citation(citation) => println!("[{}] {}", citation.number, citation.source_name),
///             EventBody::Done { outcome } => println!("{outcome:?}"),
///             other => println!("({})", other.name()),
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct EventStream {
    engine: Arc<Engine>,
    run: Run,
    next_seq: u64,
    read: VecDeque<Event>,
    ended: bool,
    progress: Option<watch::Receiver<Progress>>,
    /// Whether this process drives or drove the run.
    is_ours: bool,
    /// Start of the current wait for the store or for a driver.
    waiting_since: Option<Instant>,
}

impl EventStream {
    pub(crate) fn new(engine: Arc<Engine>, run: Run, from: u64) -> Self {
        let progress = engine.active_runs.subscribe(run.tenant(), &run.id);
        let is_ours = progress.is_some();
        let (read, waiting_since) = (VecDeque::new(), None);
        Self { engine, run, next_seq: from, read, ended: false, progress, is_ours, waiting_since }
    }

    /// Expects the run's driver in this process: without one the stream waits for a bounded time.
    pub(super) fn of_this_process(self) -> Self {
        Self { is_ours: true, ..self }
    }

    /// Returns the next event, or `None` after the last one. Waits while the store is unavailable.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) with `RESUME_UNSUPPORTED` when the journal was erased;
    /// [`Unavailable`](ErrorKind::Unavailable) with `RUN_STALLED` when the run has waited for the store for
    /// [`Settings::record_deadline`](crate::Settings::record_deadline), after which the next call continues to wait;
    /// those of the store.
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

    /// Converts into a [`Stream`] of the same events, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Event>> + Send + 'static {
        futures::stream::unfold(Some(self), |events| async move {
            let mut events = events?;
            match events.next().await.transpose()? {
                Ok(event) => Some((Ok(event), Some(events))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// Reads the next recorded events. Returns whether the run was over before the read: only then an empty read is
    /// the end.
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
                Ok(self.engine.runs.run(self.run.tenant(), &self.run.id).await?.outcome().is_some())
            }
        }
    }

    async fn page(&self) -> Result<Vec<Event>> {
        match self.engine.runs.journal(self.run.tenant(), &self.run.id, self.next_seq, PAGE).await? {
            Journal::Events(events) => Ok(events),
            Journal::Pruned => Err(Error::new(ErrorKind::NotFound, "the run's events were erased")
                .with_code("RESUME_UNSUPPORTED")
                .with_hint("ask again")),
        }
    }

    /// Waits for an unread event.
    async fn wait(&mut self) -> Result<()> {
        if self.progress.is_none() {
            self.progress = self.engine.active_runs.subscribe(self.run.tenant(), &self.run.id);
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
                // The driver has ended. The store holds the outcome, or another process drives the run.
                Err(_) => {
                    self.is_ours = !progress.borrow().lost;
                    self.progress = None;
                }
            }
            return Ok(());
        }
        if self.is_ours {
            return self.wait_at_most(stalled()).await;
        }
        tokio::time::sleep(FOLLOW_POLL).await;
        Ok(())
    }

    /// Waits for one poll interval, or returns `error` once the total wait exceeds the record deadline.
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
