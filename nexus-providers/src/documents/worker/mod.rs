//! Parsing in worker processes: a file that crashes, hangs or exhausts memory costs only itself.
//!
//! A worker is the program's own binary, executed again. It reads many documents, one at a time, so that small ones
//! do not each pay for a process. After a crash or a timeout the next document gets a new worker.
//!
//! - `process`: a worker seen from its parent, limited in time by the `watchdog`; `protocol`: the messages of both.
//! - `serve`: a worker seen from itself; `confine`: the removal of rights.

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

/// Command that starts a worker: a program that calls [`serve`] when it gets these arguments.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl WorkerCommand {
    /// Creates a command without arguments and with an empty environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a variable to the environment, which otherwise holds only `TMPDIR`, so that workers inherit no secrets.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// Resource limits of worker processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerLimits {
    /// Limits of each document.
    pub documents: DocumentLimits,
    /// Timeout of one document. Default: two minutes.
    pub wall_time: Duration,
    /// Maximum address space of a worker, in bytes. Default: 2 GiB.
    pub memory_bytes: u64,
    /// Maximum number of workers. Default: one for each processor.
    pub processes: usize,
    /// Number of documents after which a worker is replaced. Default: 10,000.
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
    /// Returns the limit on the processor time of a worker. A worker that does not run away is replaced well before.
    fn processor_seconds(&self) -> u64 {
        self.wall_time.as_secs().saturating_add(1).saturating_mul(32)
    }
}

/// Document parser with a pool of worker processes.
///
/// Workers start on demand and end with this value. A document beyond the limits of time or memory fails with
/// `DOCUMENT_TIMEOUT` or `DOCUMENT_TOO_LARGE`, a document that ends its worker in another way with
/// `DOCUMENT_PARSER_CRASHED`. The caller receives no block of a document that fails, because the blocks wait in a
/// temporary file until the document is complete. The timeout pauses while the source is read and the blocks are
/// taken, so a slow store does not count against a document.
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
    /// Creates a pool of workers that `command` starts.
    pub fn new(command: WorkerCommand, limits: WorkerLimits) -> Self {
        let watchdog = Arc::new(Watchdog::new());
        Self { command, limits, watchdog, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Returns the confinement that the latest worker reported, or nothing before the first document.
    pub fn confinement(&self) -> Option<Confinement> {
        lock(&self.pool).confinement.clone()
    }

    /// Takes an idle worker, or starts one if the pool has room. Waits for one otherwise.
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
        // The worker is free for the next document while the sink takes these blocks.
        drop(process);
        spool.replay(sink)?;
        Ok(report)
    }

    fn reader_version(&self, content_type: &str) -> u32 {
        super::reader_version(content_type)
    }
}

/// Worker on loan. It returns to the pool even when the sink panics.
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
