//! The vendor's own bill: [`Entry`], one for each request that arrived, whatever became of it.
//!
//! This is what an audit compares a ledger with, so it knows nothing of the caller's side: tokens are billed as they
//! are generated, and a client that leaves does not get its money back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::Notify;

use crate::dialect::Dialect;

/// Tokens, each in exactly one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// The prompt's, without those of the buckets below.
    pub input: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache for 5 minutes.
    pub cache_write: u64,
    /// Written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Audio that came in.
    pub audio_in: u64,
    /// Tools' results that were read.
    pub tool_prompt: u64,
    /// Text and tool calls that were made.
    pub output: u64,
    /// Thoughts, aloud or silent.
    pub reasoning: u64,
    /// Audio that went out.
    pub audio_out: u64,
    /// Searches that the vendor made: requests, not tokens.
    pub searches: u64,
    /// Characters that were spoken: characters, not tokens.
    pub characters: u64,
}

impl Billed {
    /// All tokens that went in.
    pub fn all_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write + self.cache_write_1h + self.audio_in
    }

    /// All tokens that came out.
    pub fn all_output(&self) -> u64 {
        self.output + self.reasoning + self.audio_out
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not.
    #[default]
    UnderWay,
    /// The whole reply was handed to the connection, with or without its marker.
    Completed,
    /// With an error status.
    Refused,
    /// With an error event within a stream.
    Failed,
    /// The script broke the connection.
    Cut,
    /// The client left first.
    Aborted,
}

/// One request, as the vendor saw it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number, from 1; the request id that the client is told ends with it.
    pub id: u64,
    /// When it had arrived whole, in microseconds since the server started.
    pub at_us: u64,
    /// Whose wire it came on.
    pub dialect: Dialect,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// The model that it names, with the directives.
    pub model: String,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// The first 16 hexadecimal digits of the SHA-256 of its key; empty without one.
    pub key: String,
    /// The status that it got; none before the head, or when there was no head.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// How many frames of content were handed to the connection; for a whole reply all or none.
    pub frames: u64,
    /// Whether the usage that is whole was handed to the connection. A client cannot have read it otherwise.
    pub usage_sent: bool,
    /// What it cost.
    pub billed: Billed,
    /// The client's `x-request-id`.
    pub client_request_id: Option<String>,
    /// The client's `x-nexus-attempt`.
    pub attempt: Option<String>,
    /// The client's `x-stainless-retry-count`, which the vendors' own clients send.
    pub retry_count: Option<String>,
    /// The client's `idempotency-key`.
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Default)]
struct Entries {
    /// The id of the first entry that is kept.
    first: u64,
    kept: Vec<Entry>,
}

/// The log of one server.
#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    entries: Mutex<Entries>,
    under_way: AtomicU64,
    quiet: Notify,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            entries: Mutex::new(Entries { first: 1, kept: Vec::new() }),
            under_way: AtomicU64::new(0),
            quiet: Notify::new(),
        }
    }
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `entry` down, with the next number and the time.
    pub(crate) fn open(self: &Arc<Self>, mut entry: Entry) -> Ticket {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        entry.at_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut entries = self.entries();
        entry.id = entries.first + entries.kept.len() as u64;
        let id = entry.id;
        entries.kept.push(entry);
        drop(entries);
        Ticket { log: Arc::clone(self), id, done: false, state: State::default() }
    }

    pub(crate) fn snapshot(&self) -> Vec<Entry> {
        self.entries().kept.clone()
    }

    /// Forgets every entry. Those under way are not written down again; numbers go on.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries();
        entries.first += entries.kept.len() as u64;
        entries.kept.clear();
    }

    /// Resolves once no request is under way.
    pub(crate) async fn quiet(&self) {
        loop {
            let quiet = self.quiet.notified();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            quiet.await;
        }
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.entries();
        let index = id.checked_sub(entries.first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| entries.kept.get_mut(index)) {
            change(entry);
        }
    }
}

/// What a request has cost so far.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    frames: u64,
    usage_sent: bool,
    billed: Billed,
}

/// The right to finish one entry. Dropped unfinished, the client left.
#[derive(Debug)]
pub(crate) struct Ticket {
    log: Arc<Log>,
    id: u64,
    done: bool,
    state: State,
}

impl Ticket {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Notes what the request turned out to ask for.
    pub(crate) fn about(&self, model: &str, streamed: bool) {
        self.log.change(self.id, |entry| {
            model.clone_into(&mut entry.model);
            entry.streamed = streamed;
        });
    }

    pub(crate) fn status(&self, status: u16) {
        self.log.change(self.id, |entry| entry.status = Some(status));
    }

    /// The bill so far. It is written down when the request ends.
    pub(crate) fn bill(&mut self, billed: Billed) {
        self.state.billed = billed;
    }

    pub(crate) fn frames(&mut self, frames: u64) {
        self.state.frames = frames;
    }

    pub(crate) fn usage_sent(&mut self) {
        self.state.usage_sent = true;
    }

    /// Ends the entry; only the first end counts.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let state = self.state;
        self.log.change(self.id, |entry| {
            entry.outcome = outcome;
            entry.frames = state.frames;
            entry.usage_sent = state.usage_sent;
            entry.billed = state.billed;
        });
        if self.log.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.log.quiet.notify_waiters();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.finish(Outcome::Aborted);
    }
}
