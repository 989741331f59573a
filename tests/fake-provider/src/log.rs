//! Vendor's own bill: [`Entry`], one for each request that arrived, whatever its outcome.
//!
//! An audit compares a ledger with this bill, so the bill knows nothing of the caller's side: tokens are billed as
//! they are generated, and a client that leaves gets no refund.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::Notify;

use crate::dialect::Dialect;

/// Billed amounts, each token in exactly one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// Tokens of the prompt, without those of the buckets below.
    pub input: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens written to the cache for 5 minutes.
    pub cache_write: u64,
    /// Tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Tokens of audio input.
    pub audio_in: u64,
    /// Tokens of tool results that were read.
    pub tool_prompt: u64,
    /// Tokens of text and tool calls.
    pub output: u64,
    /// Tokens of reasoning, shown or hidden.
    pub reasoning: u64,
    /// Tokens of audio output.
    pub audio_out: u64,
    /// Searches of the vendor: requests, not tokens.
    pub searches: u64,
    /// Characters synthesised: characters, not tokens.
    pub characters: u64,
}

impl Billed {
    /// Returns all input tokens.
    pub fn all_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write + self.cache_write_1h + self.audio_in
    }

    /// Returns all output tokens.
    pub fn all_output(&self) -> u64 {
        self.output + self.reasoning + self.audio_out
    }
}

/// Outcome of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In flight.
    #[default]
    UnderWay,
    /// The whole reply was handed to the connection, with or without its marker.
    Completed,
    /// The request was answered with an error status.
    Refused,
    /// An error event ended the stream.
    Failed,
    /// The script broke the connection.
    Cut,
    /// The client left first.
    Aborted,
}

/// Entry of one request, as the vendor saw it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Number, from 1; the request id sent to the client ends with it.
    pub id: u64,
    /// Time of its complete arrival, in microseconds since the server started.
    pub at_us: u64,
    /// Dialect of its wire.
    pub dialect: Dialect,
    /// Method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Model name, with the directives.
    pub model: String,
    /// Whether the client requested a stream.
    pub streamed: bool,
    /// First 16 hexadecimal digits of the SHA-256 of its key; empty without one.
    pub key: String,
    /// Status of the response; `None` before the head, or without a head.
    pub status: Option<u16>,
    /// Outcome of the request.
    pub outcome: Outcome,
    /// Frames of content handed to the connection; for a unary reply all or none.
    pub frames: u64,
    /// Whether the complete usage was handed to the connection. A client cannot have read it otherwise.
    pub usage_sent: bool,
    /// Billed amounts.
    pub billed: Billed,
    /// `x-request-id` of the client.
    pub client_request_id: Option<String>,
    /// `x-nexus-attempt` of the client.
    pub attempt: Option<String>,
    /// `x-stainless-retry-count` of the client, which the vendors' own clients send.
    pub retry_count: Option<String>,
    /// `idempotency-key` of the client.
    pub idempotency_key: Option<String>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Id of the first stored entry.
    first: u64,
    kept: Vec<Entry>,
}

/// Log of one server.
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

    /// Appends `entry`, with the next number and the time.
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

    /// Removes every entry. Requests in flight are not logged again; numbers continue.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries();
        entries.first += entries.kept.len() as u64;
        entries.kept.clear();
    }

    /// Resolves once no request is in flight.
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

/// Cost of a request so far.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    frames: u64,
    usage_sent: bool,
    billed: Billed,
}

/// Ticket to finish one entry. Dropped unfinished, the client left.
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

    /// Records the requested model and mode.
    pub(crate) fn about(&self, model: &str, streamed: bool) {
        self.log.change(self.id, |entry| {
            model.clone_into(&mut entry.model);
            entry.streamed = streamed;
        });
    }

    pub(crate) fn status(&self, status: u16) {
        self.log.change(self.id, |entry| entry.status = Some(status));
    }

    /// Sets the bill so far. It is logged when the request ends.
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
