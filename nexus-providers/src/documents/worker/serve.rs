//! Worker side of the protocol: reads documents from standard input, one after the other, and answers on standard
//! output.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use nexus_core::document::parser::{Block, BlockSink, DocumentParser, FileHints};
use nexus_core::{Error, ErrorKind, Result};

use super::super::scratch::{self, Scratch};
use super::super::{DocumentLimits, Documents, Streaming, error};
use super::WorkerLimits;
use super::confine::confine;
use super::protocol::{self, BATCH, Failure, Hello, Kind};

/// Maximum size of a document in memory. Larger ones go to an unnamed file.
const SPOOLED: usize = 8 * 1024 * 1024;

/// Number of unnamed files: one each for the document, its blocks and the next document.
const FILES: usize = 3;

/// Runs a worker with the parser [`Documents`] until standard input ends.
///
/// A program calls this when [`WorkerParser`](super::WorkerParser) has started it, and does nothing else: standard
/// output belongs to the protocol. The worker first limits its own memory, processor time and file size, and removes
/// its rights to files, network and other processes as far as the kernel allows.
///
/// # Errors
/// When a limit cannot be set, or the parent has ended or violates the protocol.
pub fn serve() -> io::Result<()> {
    serve_with(|limits| Box::new(Streaming(Documents::with_limits(limits))))
}

/// Runs a worker as [`serve`] does, with a custom parser.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(parser: impl FnOnce(DocumentLimits) -> Box<dyn DocumentParser>) -> io::Result<()> {
    let mut input = BufReader::with_capacity(BATCH, io::stdin());
    let limits = greet(&mut input)?;
    restrict(&limits)?;
    scratch::prepare(FILES);
    let mut output = BufWriter::with_capacity(BATCH, io::stdout());
    // Before any other thread starts, because a running thread would keep its rights.
    protocol::write_json(&mut output, Kind::Confined, &confine())?;
    output.flush()?;
    let parser = parser(limits.documents.clone());
    let (sender, documents) = sync_channel(0);
    let open = Arc::new(AtomicU64::new(0));
    let reader = Arc::clone(&open);
    std::thread::Builder::new()
        .name("parser-input".into())
        .spawn(move || receive(input, &sender, &reader))?;
    while let Ok(Job { document, hints }) = documents.recv() {
        answer(parser.as_ref(), document, &hints, &mut output)?;
        open.fetch_sub(1, Ordering::AcqRel);
    }
    Ok(())
}

/// Document that has arrived, or the I/O error that prevented it.
struct Job {
    document: io::Result<Scratch>,
    hints: FileHints,
}

fn greet(input: &mut impl Read) -> io::Result<WorkerLimits> {
    let mut payload = Vec::new();
    let greeting = protocol::read(input, &mut payload)?;
    let hello: Hello = serde_json::from_slice(&payload)?;
    if greeting != Some(Kind::Hello) || hello.protocol != protocol::PROTOCOL {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the parent uses another protocol version"));
    }
    Ok(hello.limits)
}

#[cfg(unix)]
fn restrict(limits: &WorkerLimits) -> io::Result<()> {
    use rlimit::{Resource, getrlimit, setrlimit};
    let lower = |resource: Resource, limit: u64| {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, limit.min(hard), limit.min(hard))
    };
    lower(Resource::CORE, 0)?;
    lower(Resource::AS, limits.memory_bytes)?;
    lower(Resource::CPU, limits.processor_seconds())?;
    // The document itself, and its text.
    let longest = limits.documents.source_bytes.max(limits.documents.text_bytes);
    lower(Resource::FSIZE, longest.saturating_add(SPOOLED as u64))
}

#[cfg(not(unix))]
fn restrict(_: &WorkerLimits) -> io::Result<()> {
    Ok(())
}

/// Receives documents until the parent has ended. A worker with `open` documents then exits, because no reader is
/// left for them.
fn receive(mut input: impl Read, documents: &SyncSender<Job>, open: &AtomicU64) {
    while let Ok(Some(job)) = next(&mut input) {
        open.fetch_add(1, Ordering::AcqRel);
        if documents.send(job).is_err() {
            return;
        }
    }
    if open.load(Ordering::Acquire) > 0 {
        abandon();
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the parser may never return, so the thread is not joined"
)]
fn abandon() {
    std::process::exit(1)
}

fn next(input: &mut impl Read) -> io::Result<Option<Job>> {
    let mut payload = Vec::new();
    let Some(Kind::Document) = protocol::read(input, &mut payload)? else { return Ok(None) };
    let hints = serde_json::from_slice(&payload)?;
    let mut document = Ok(Scratch::new(SPOOLED));
    while protocol::read(input, &mut payload)? == Some(Kind::Bytes) {
        // After an error the rest is discarded, so that the worker stays in step with its parent.
        if let Ok(scratch) = &mut document
            && let Err(fault) = scratch.write_all(&payload)
        {
            document = Err(fault);
        }
    }
    let document = document.and_then(|mut document| document.rewind().map(|()| document));
    Ok(Some(Job { document, hints }))
}

fn answer(
    parser: &dyn DocumentParser,
    document: io::Result<Scratch>,
    hints: &FileHints,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut sink = Blocks { output, batch: Vec::new() };
    let parsed = match document {
        // The document's memory is free again before the parent learns that it may send another.
        Ok(mut document) => catch_unwind(AssertUnwindSafe(|| parser.parse(&mut document, hints, &mut sink))),
        Err(fault) => Ok(Err(error::temporary_file(fault))),
    };
    sink.flush()?;
    match parsed.unwrap_or_else(|_| Err(error::crashed())) {
        Ok(report) => protocol::write_json(output, Kind::Report, &report)?,
        Err(error) => protocol::write_json(output, Kind::Failure, &Failure::of(&error))?,
    }
    output.flush()
}

/// Sink that sends blocks in batches, each as a line of JSON.
struct Blocks<'a, W> {
    output: &'a mut W,
    batch: Vec<u8>,
}

impl<W: Write> Blocks<'_, W> {
    fn flush(&mut self) -> io::Result<()> {
        if !self.batch.is_empty() {
            protocol::write(self.output, Kind::Blocks, &self.batch)?;
            self.batch.clear();
        }
        Ok(())
    }
}

impl<W: Write> BlockSink for Blocks<'_, W> {
    fn block(&mut self, block: Block) -> Result<()> {
        let gone = |error: io::Error| {
            Error::new(ErrorKind::Unavailable, "the parent process has ended").because(error)
        };
        serde_json::to_writer(&mut self.batch, &block).map_err(|e| gone(e.into()))?;
        self.batch.push(b'\n');
        if self.batch.len() < BATCH { Ok(()) } else { self.flush().map_err(gone) }
    }
}
