//! Worker process, seen from the parent.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexus_core::document::parser::{Block, BlockSink, FileHints, ParseReport, Source};
use nexus_core::{Error, ErrorKind, Result};

use super::super::error;
use super::super::spool::Spool;
use super::protocol::{self, BATCH, Failure, Hello, Kind};
use super::watchdog::{Guard, Watchdog};
use super::{Confinement, WorkerCommand, WorkerLimits};

/// Variable that names the directory for large documents.
const TEMPORARY: &str = "TMPDIR";
/// Number of bytes kept from the end of a worker's standard error.
const STDERR_TAIL: usize = 4 * 1024;

/// Worker that waits for documents.
#[derive(Debug)]
pub(super) struct Process {
    guard: Arc<Guard>,
    watchdog: Arc<Watchdog>,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    documents: u64,
    busy: Duration,
    /// Remaining time of the current document.
    remaining: Duration,
    spoiled: bool,
    /// Confinement that the worker reported with its first message.
    pub(super) confinement: Option<Confinement>,
}

/// Reason for an exchange that ended early.
enum Broken {
    /// The worker has ended or violates the protocol.
    Worker(io::Error),
    /// The source or the sink failed, for which the worker is not at fault.
    Caller(Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Worker(error)
    }
}

impl Process {
    /// Starts a worker with an empty environment, except for the directory of temporary files, and sends it its
    /// limits.
    pub(super) fn start(
        command: &WorkerCommand,
        limits: &WorkerLimits,
        watchdog: &Arc<Watchdog>,
    ) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::Unavailable, "cannot start the worker process that parses documents")
                .because(error)
        };
        let mut program = Command::new(&command.program);
        program
            .args(&command.arguments)
            .env_clear()
            .envs(std::env::var_os(TEMPORARY).map(|directory| (TEMPORARY, directory)))
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C at a terminal is for the parent, which lets the current document finish.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut program, 0);
        let mut child = program.spawn().map_err(failed)?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let guard = watchdog.adopt(child);
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let mut process = Self {
            guard,
            watchdog: Arc::clone(watchdog),
            input: BufWriter::with_capacity(BATCH, input),
            output: BufReader::with_capacity(BATCH, output),
            stderr: Some(tail(errors).map_err(failed)?),
            documents: 0,
            busy: Duration::ZERO,
            remaining: limits.wall_time,
            spoiled: false,
            confinement: None,
        };
        let hello = Hello { protocol: protocol::PROTOCOL, limits: limits.clone() };
        process
            .timed(|process| protocol::write_json(&mut process.input, Kind::Hello, &hello))
            .map_err(failed)?;
        Ok(process)
    }

    /// Returns whether the worker can take another document.
    pub(super) fn is_fit(&self, limits: &WorkerLimits) -> bool {
        let fresh = self.documents < limits.documents_per_process && self.busy < limits.wall_time * 8;
        fresh && !self.spoiled && !self.guard.expired() && self.guard.is_alive()
    }

    /// Parses a document in the worker.
    pub(super) fn parse(
        &mut self,
        source: &mut dyn Source,
        hints: &FileHints,
        spool: &mut Spool,
        limits: &WorkerLimits,
    ) -> Result<ParseReport> {
        self.documents += 1;
        self.remaining = limits.wall_time;
        let exchanged = self.send(source, hints).and_then(|()| self.receive(spool));
        self.busy += limits.wall_time.saturating_sub(self.remaining);
        exchanged.unwrap_or_else(|broken| {
            self.spoiled = true;
            Err(match broken {
                Broken::Caller(error) => error,
                Broken::Worker(error) => self.verdict(error, limits),
            })
        })
    }

    fn send(&mut self, source: &mut dyn Source, hints: &FileHints) -> Result<(), Broken> {
        let mut bytes = vec![0; BATCH];
        source.rewind().map_err(|e| Broken::Caller(error::unreadable(e)))?;
        self.timed(|process| protocol::write_json(&mut process.input, Kind::Document, hints))?;
        loop {
            let read = source.read(&mut bytes).map_err(|e| Broken::Caller(error::unreadable(e)))?;
            if read == 0 {
                break;
            }
            let bytes = bytes.get(..read).unwrap_or_default();
            self.timed(|process| protocol::write(&mut process.input, Kind::Bytes, bytes))?;
        }
        self.timed(|process| {
            protocol::write(&mut process.input, Kind::End, &[])?;
            process.input.flush()
        })?;
        Ok(())
    }

    fn receive(&mut self, spool: &mut Spool) -> Result<Result<ParseReport>, Broken> {
        let mut payload = Vec::new();
        loop {
            let kind = self.timed(|process| protocol::read(&mut process.output, &mut payload))?;
            match kind {
                Some(Kind::Blocks) => {
                    for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                        let block: Block = serde_json::from_slice(line).map_err(io::Error::from)?;
                        spool.block(block).map_err(Broken::Caller)?;
                    }
                }
                Some(Kind::Confined) => {
                    let confined: Confinement = serde_json::from_slice(&payload).map_err(io::Error::from)?;
                    tracing::debug!(?confined, "a document worker reported its confinement");
                    self.confinement = Some(confined);
                }
                Some(Kind::Report) => {
                    return Ok(Ok(serde_json::from_slice(&payload).map_err(io::Error::from)?));
                }
                Some(Kind::Failure) => {
                    let failure: Failure = serde_json::from_slice(&payload).map_err(io::Error::from)?;
                    return Ok(Err(failure.into_error()));
                }
                Some(Kind::Hello | Kind::Document | Kind::Bytes | Kind::End) => {
                    return Err(Broken::Worker(io::ErrorKind::InvalidData.into()));
                }
                None => return Err(Broken::Worker(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    /// Exchanges messages with the worker under the timeout, which pauses while the caller reads and stores.
    fn timed<T>(&mut self, talk: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let started = Instant::now();
        self.watchdog.arm(&self.guard, self.remaining);
        let result = talk(self);
        self.guard.disarm();
        self.remaining = self.remaining.saturating_sub(started.elapsed());
        result
    }

    /// Returns the error of a document whose worker died.
    fn verdict(&mut self, error: io::Error, limits: &WorkerLimits) -> Error {
        let status = self.guard.end();
        // The process has ended, so the thread that reads its standard error ends too.
        let said = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&said).into_owned();
        let found = if self.guard.expired() || status.is_some_and(out_of_time) {
            error::timeout(limits.wall_time.as_secs())
        } else if stderr.contains("memory allocation of") {
            error::too_large(format_args!(
                "reading it takes more than {} bytes of memory",
                limits.memory_bytes
            ))
        } else {
            error::crashed()
        };
        let status = status.map_or_else(|| "unknown".into(), |status| status.to_string());
        found.with("status", status).with("stderr", format!("{stderr:?}")).because(error)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.guard.end();
        self.watchdog.release(&self.guard);
    }
}

/// Returns whether the kernel ended the process for using too much processor time.
#[cfg(unix)]
fn out_of_time(status: ExitStatus) -> bool {
    const SIGXCPU: i32 = 24;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGXCPU)
}

#[cfg(not(unix))]
fn out_of_time(_: ExitStatus) -> bool {
    false
}

/// Keeps the end of the output, on a thread that ends with the process.
fn tail(mut errors: ChildStderr) -> io::Result<JoinHandle<Vec<u8>>> {
    std::thread::Builder::new().name("parser-stderr".into()).spawn(move || {
        let (mut chunk, mut kept) = ([0; 1024], Vec::new());
        while let Ok(read @ 1..) = errors.read(&mut chunk) {
            kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let surplus = kept.len().saturating_sub(STDERR_TAIL);
            kept.drain(..surplus);
        }
        kept
    })
}
