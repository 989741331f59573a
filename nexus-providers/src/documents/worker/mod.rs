//! Parsing in worker processes: a file that crashes, hangs or swells costs nothing but itself.
//!
//! A worker is the program's own binary, executed again. It lives for many documents, one at a time, so that small
//! ones do not pay for a process each; after a crash or a timeout the next document gets a new one.
//!
//! - `process`: a worker seen from its parent, which the `watchdog` ends in time; `frame`: what they say to each other.
//! - `serve`: a worker seen from itself; `confine`: what it takes from itself.

mod confine;
mod process;
mod protocol;
mod serve;
mod watchdog;

use std::ffi::OsString;
use std::io::SeekFrom;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nexus_core::Result;
use nexus_core::document::parser::{BlockSink, DocumentParser, FileHints, ParseReport, Source};
use serde::{Deserialize, Serialize};

use super::spool::Spool;
use super::{DocumentLimits, error};
use process::Process;
use watchdog::{Watchdog, lock};

pub use confine::{Confinement, Enforcement};
pub use serve::{serve, serve_with};

/// How to start a worker: a program that calls [`serve`] when it gets these arguments.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl WorkerCommand {
    /// A command without arguments and with an empty environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a variable to the environment, which is empty but for `TMPDIR` otherwise: workers inherit no secrets.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// What worker processes may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerLimits {
    /// The limits of each document.
    pub documents: DocumentLimits,
    /// How long a worker may work on one document. Default: two minutes.
    pub wall_time: Duration,
    /// The address space of a worker. Default: 2 GiB.
    pub memory_bytes: u64,
    /// How many workers run at once. Default: one for each processor.
    pub processes: usize,
    /// After how many documents a worker is replaced. Default: 10,000.
    pub documents_per_process: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            documents: DocumentLimits::default(),
            wall_time: Duration::from_mins(2),
            memory_bytes: 2 * 1024 * 1024 * 1024,
            processes: std::thread::available_parallelism().map_or(2, NonZero::get),
            documents_per_process: 10_000,
        }
    }
}

impl WorkerLimits {
    /// The processor time of a whole worker: it is replaced well before, unless it runs away.
    fn processor_seconds(&self) -> u64 {
        self.wall_time.as_secs().saturating_add(1).saturating_mul(32)
    }
}

/// Reads documents in a pool of worker processes.
///
/// Workers start when there is something to do and end with this value. A document beyond the limits of time or
/// memory fails with `DOCUMENT_TIMEOUT` or `DOCUMENT_TOO_LARGE`, one that ends its worker in another way with
/// `DOCUMENT_PARSER_CRASHED`; nothing of a document that fails reaches the caller, because its blocks wait in a
/// temporary file until it is complete. The clock of a document stands still while its source is read and its blocks
/// are taken, so a slow store is not held against it.
#[derive(Debug)]
pub struct WorkerParser {
    command: WorkerCommand,
    limits: WorkerLimits,
    watchdog: Arc<Watchdog>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Process>,
    running: usize,
    confinement: Option<Confinement>,
}

impl WorkerParser {
    /// A pool of workers that `command` starts.
    pub fn new(command: WorkerCommand, limits: WorkerLimits) -> Self {
        let watchdog = Arc::new(Watchdog::new());
        Self { command, limits, watchdog, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// What the workers of this pool cannot do, as the last of them said; nothing before one has read a document.
    pub fn confinement(&self) -> Option<Confinement> {
        lock(&self.pool).confinement.clone()
    }

    /// An idle worker, or a new one when there is none and one more may run; waits for one otherwise.
    fn take(&self) -> Result<Process> {
        let mut pool = lock(&self.pool);
        while pool.running >= self.limits.processes.max(1) {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.running += 1;
        let idle = std::iter::from_fn(|| pool.idle.pop()).find(|process| process.is_fit(&self.limits));
        drop(pool);
        let process = idle.map_or_else(|| Process::start(&self.command, &self.limits, &self.watchdog), Ok);
        if process.is_err() {
            self.give_back(None);
        }
        process
    }

    fn give_back(&self, process: Option<Process>) {
        let confinement = process.as_ref().and_then(|process| process.confinement.clone());
        let process = process.filter(|process| process.is_fit(&self.limits));
        let mut pool = lock(&self.pool);
        pool.confinement = confinement.or_else(|| pool.confinement.take());
        pool.running = pool.running.saturating_sub(1);
        pool.idle.extend(process);
        drop(pool);
        self.returned.notify_one();
    }
}

impl DocumentParser for WorkerParser {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let size = source.seek(SeekFrom::End(0)).map_err(error::unreadable)?;
        self.limits.documents.check_source(size)?;
        let mut process = Lease { pool: self, process: Some(self.take()?) };
        let mut spool = Spool::new(&self.limits.documents);
        let report = process.parse(source, hints, &mut spool)?;
        // The worker is free for the next document while this one's blocks are taken.
        drop(process);
        spool.replay(sink)?;
        Ok(report)
    }
}

/// A worker on loan; it goes back even when the sink panics.
struct Lease<'a> {
    pool: &'a WorkerParser,
    process: Option<Process>,
}

impl Lease<'_> {
    fn parse(
        &mut self,
        source: &mut dyn Source,
        hints: &FileHints,
        spool: &mut Spool,
    ) -> Result<ParseReport> {
        let Some(mut process) = self.process.take() else { return Err(error::crashed()) };
        let parsed = process.parse(source, hints, spool, &self.pool.limits);
        self.process = Some(process);
        parsed
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.give_back(self.process.take());
    }
}
