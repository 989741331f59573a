//! The worker pool against parsers that misbehave: this binary, executed again, is the worker.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "these are tests, although the harness is our own"
)]

#[path = "../it/documents/build.rs"]
#[expect(dead_code, reason = "shared with the tests of the readers, which need more of it")]
mod build;
mod fixtures;
mod mutants;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use nexus_core::document::parser::{
    Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes,
};
use nexus_core::{Error, ErrorKind, Result};
use nexus_providers::documents::{
    DocumentLimits, Documents, WorkerCommand, WorkerLimits, WorkerParser, serve_with,
};

fn main() -> ExitCode {
    let served = match std::env::args().nth(1).as_deref() {
        Some("parse-worker") => {
            Some(serve_with(|limits| Box::new(Naughty { well_behaved: Documents::with_limits(limits) })))
        }
        Some("metered-worker") => Some(serve_with(|limits| Box::new(mutants::Metered(limits)))),
        _ => None,
    };
    if let Some(served) = served {
        return if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let trials = SCENARIOS.iter().map(|(name, scenario)| {
        Trial::test(*name, || {
            scenario();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

const SCENARIOS: &[(&str, fn())] = &[
    ("blocks_and_report_are_those_of_the_process_itself", blocks_and_report_are_those_of_the_process_itself),
    (
        "a_document_at_fault_fails_with_the_parsers_own_error",
        a_document_at_fault_fails_with_the_parsers_own_error,
    ),
    ("one_worker_serves_many_documents", one_worker_serves_many_documents),
    ("a_worker_is_replaced_after_its_share_of_documents", a_worker_is_replaced_after_its_share_of_documents),
    ("a_panic_fails_its_document_only", a_panic_fails_its_document_only),
    ("an_abort_fails_its_document_only", an_abort_fails_its_document_only),
    ("an_overflowing_stack_fails_its_document_only", an_overflowing_stack_fails_its_document_only),
    ("nonsense_on_the_wire_fails_its_document_only", nonsense_on_the_wire_fails_its_document_only),
    ("a_hang_ends_at_the_limit", a_hang_ends_at_the_limit),
    ("a_memory_bomb_ends_at_the_limit", a_memory_bomb_ends_at_the_limit),
    ("a_slow_sink_is_not_held_against_the_document", a_slow_sink_is_not_held_against_the_document),
    ("a_worker_inherits_no_environment", a_worker_inherits_no_environment),
    ("an_error_of_the_sink_comes_back_unchanged", an_error_of_the_sink_comes_back_unchanged),
    ("a_document_beyond_the_spool_arrives_whole", a_document_beyond_the_spool_arrives_whole),
    ("a_long_text_takes_no_more_memory_than_a_short_one", a_long_text_takes_no_more_memory_than_a_short_one),
    ("a_document_over_the_limit_is_refused_unread", a_document_over_the_limit_is_refused_unread),
    ("many_threads_share_few_workers", many_threads_share_few_workers),
    ("a_missing_program_is_unavailable", a_missing_program_is_unavailable),
    ("a_worker_ends_with_its_parent", a_worker_ends_with_its_parent),
    ("nothing_of_a_document_that_fails_reaches_the_sink", nothing_of_a_document_that_fails_reaches_the_sink),
    (
        "every_fixture_reads_the_same_in_eight_processes",
        mutants::every_fixture_reads_the_same_in_eight_processes,
    ),
    (
        "mutants_of_every_format_stay_within_their_budgets",
        mutants::mutants_of_every_format_stay_within_their_budgets,
    ),
];

/// Does what the document says; other documents it parses.
#[derive(Debug)]
struct Naughty {
    well_behaved: Documents,
}

impl DocumentParser for Naughty {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap_or_default();
        match text.as_str() {
            "panic" => panic!("as told"),
            "abort" => std::process::abort(),
            "overflow" => sink.block(block(&overflow(&text)))?,
            "babble" => std::io::stdout().write_all(&vec![b'!'; 100_000]).unwrap(),
            "hang" => loop {
                std::thread::park();
            },
            "memory" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 24]);
                }
            }
            "blocks, then abort" | "blocks, then hang" | "blocks, then fail" => {
                for _ in 0..10_000 {
                    sink.block(block("a block that is sent at once"))?;
                }
                match text.as_str() {
                    "blocks, then abort" => std::process::abort(),
                    "blocks, then fail" => return Err(Error::invalid("no").code(codes::AMPLIFIES)),
                    _ => loop {
                        std::thread::park();
                    },
                }
            }
            "pid" => sink.block(block(&std::process::id().to_string()))?,
            "environment" => {
                for (name, value) in std::env::vars() {
                    sink.block(block(&format!("{name}={value}")))?;
                }
            }
            _ => return self.well_behaved.parse(source, hints, sink),
        }
        Ok(ParseReport::default())
    }
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn overflow(text: &str) -> String {
    format!("{}{text}", overflow(text))
}

fn block(text: &str) -> Block {
    Block { kind: BlockKind::Paragraph, text: text.into(), page: None }
}

/// This binary as a worker. An instrumented one is told where its counters go.
fn command() -> WorkerCommand {
    command_of("parse-worker")
}

fn command_of(worker: &str) -> WorkerCommand {
    let command = WorkerCommand::new(std::env::current_exe().unwrap()).argument(worker);
    match std::env::var_os("LLVM_PROFILE_FILE") {
        Some(file) => command.variable("LLVM_PROFILE_FILE", file),
        None => command,
    }
}

fn limits() -> WorkerLimits {
    WorkerLimits { processes: 1, ..WorkerLimits::default() }
}

fn parse(parser: &dyn DocumentParser, content: &str) -> Result<(Vec<Block>, ParseReport)> {
    let mut blocks = Vec::new();
    let report = parser.parse(&mut Cursor::new(content.to_owned()), &FileHints::default(), &mut blocks)?;
    Ok((blocks, report))
}

fn pid(parser: &dyn DocumentParser) -> String {
    parse(parser, "pid").unwrap().0.remove(0).text
}

/// The document fails with `code`, and the next one is fine.
#[track_caller]
fn check_fault(content: &str, limits: WorkerLimits, code: &str) -> WorkerParser {
    let parser = WorkerParser::new(command(), limits);
    let error = parse(&parser, content).unwrap_err();
    assert_eq!(error.stable_code(), code, "{}", error.report());
    assert_eq!(parse(&parser, "fine").unwrap().0, [block("fine")]);
    parser
}

fn blocks_and_report_are_those_of_the_process_itself() {
    let parser = WorkerParser::new(command(), limits());
    let markdown = "# Title\n\nText with \"quotes\" and ümläuts.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n# More";
    assert_eq!(parse(&parser, markdown).unwrap(), parse(&Documents::default(), markdown).unwrap());
}

fn a_document_at_fault_fails_with_the_parsers_own_error() {
    let error = parse(&WorkerParser::new(command(), limits()), "  ").unwrap_err();
    let expected = parse(&Documents::default(), "  ").unwrap_err();
    assert_eq!(error.stable_code(), codes::EMPTY);
    assert_eq!(
        (error.kind(), error.message(), error.remedy()),
        (expected.kind(), expected.message(), expected.remedy())
    );
}

fn one_worker_serves_many_documents() {
    let parser = WorkerParser::new(command(), limits());
    let first = pid(&parser);
    assert_ne!(first, std::process::id().to_string());
    (0..200).for_each(|_| assert_eq!(parse(&parser, "fine").unwrap().0.len(), 1));
    assert_eq!(pid(&parser), first);
}

fn a_worker_is_replaced_after_its_share_of_documents() {
    let parser = WorkerParser::new(command(), WorkerLimits { documents_per_process: 2, ..limits() });
    let pids = [pid(&parser), pid(&parser), pid(&parser)];
    assert_eq!(pids[0], pids[1]);
    assert_ne!(pids[1], pids[2]);
}

fn a_panic_fails_its_document_only() {
    check_fault("panic", limits(), codes::CRASHED);
}

fn an_abort_fails_its_document_only() {
    check_fault("abort", limits(), codes::CRASHED);
}

fn an_overflowing_stack_fails_its_document_only() {
    check_fault("overflow", limits(), codes::CRASHED);
}

fn nonsense_on_the_wire_fails_its_document_only() {
    check_fault("babble", limits(), codes::CRASHED);
}

fn a_hang_ends_at_the_limit() {
    let parser =
        check_fault("hang", WorkerLimits { wall_time: Duration::from_secs(1), ..limits() }, codes::TIMEOUT);
    assert_eq!(parse(&parser, "hang").unwrap_err().stable_code(), codes::TIMEOUT);
}

fn a_memory_bomb_ends_at_the_limit() {
    check_fault("memory", WorkerLimits { memory_bytes: 1 << 29, ..limits() }, codes::TOO_LARGE);
}

/// Takes its time over each block.
struct Slow(usize);

impl BlockSink for Slow {
    fn block(&mut self, _: Block) -> Result<()> {
        self.0 += 1;
        let until = std::time::Instant::now() + Duration::from_millis(400);
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        Ok(())
    }
}

fn a_slow_sink_is_not_held_against_the_document() {
    let parser = WorkerParser::new(command(), WorkerLimits { wall_time: Duration::from_secs(1), ..limits() });
    let mut sink = Slow(0);
    let report = parser.parse(&mut Cursor::new("a\n\nb\n\nc\n\nd"), &FileHints::default(), &mut sink);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(sink.0, 4);
}

fn a_worker_inherits_no_environment() {
    assert!(std::env::vars().count() > 1, "there is something to inherit");
    let parser = WorkerParser::new(command().variable("ALLOWED", "yes"), limits());
    let mut seen = parse(&parser, "environment").unwrap().0;
    // Instrumentation sets a variable of its own in each process, beside the one that `command` passes.
    seen.retain(|variable| {
        !["LLVM_PROFILE_FILE=", "__LLVM_PROFILE_"].iter().any(|ours| variable.text.starts_with(ours))
    });
    assert_eq!(seen, [block("ALLOWED=yes")]);
}

/// Takes nothing.
struct Full;

impl BlockSink for Full {
    fn block(&mut self, _: Block) -> Result<()> {
        Err(Error::new(ErrorKind::Conflict, "full"))
    }
}

fn an_error_of_the_sink_comes_back_unchanged() {
    let parser = WorkerParser::new(command(), limits());
    let error = parser.parse(&mut Cursor::new("text"), &FileHints::default(), &mut Full).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "full"));
    assert_eq!(parse(&parser, "fine").unwrap().0, [block("fine")]);
}

fn nothing_of_a_document_that_fails_reaches_the_sink() {
    let limits = || WorkerLimits { wall_time: Duration::from_secs(1), ..limits() };
    for (content, code) in [
        ("blocks, then abort", codes::CRASHED),
        ("blocks, then hang", codes::TIMEOUT),
        ("blocks, then fail", codes::AMPLIFIES),
    ] {
        let mut sink = Counting(0);
        let parsed = WorkerParser::new(command(), limits()).parse(
            &mut Cursor::new(content),
            &FileHints::default(),
            &mut sink,
        );
        assert_eq!(parsed.unwrap_err().stable_code(), code, "{content}");
        assert_eq!(sink.0, 0, "{content}");
    }
    let mut sink = Counting(0);
    let limits = DocumentLimits { text_bytes: 100_000, ..DocumentLimits::default() };
    let text = "a paragraph\n\n".repeat(20_000);
    let parsed =
        Documents::with_limits(limits).parse(&mut Cursor::new(text), &FileHints::default(), &mut sink);
    assert_eq!((parsed.unwrap_err().stable_code(), sink.0), (codes::TOO_LARGE, 0));
}

fn a_document_beyond_the_spool_arrives_whole() {
    let parser = WorkerParser::new(command(), limits());
    let text = "A line of forty bytes, more or less so.\n\n".repeat(500_000);
    let (blocks, _) = parse(&parser, &text).unwrap();
    assert_eq!(blocks.len(), 500_000);
    assert!(blocks.iter().all(|block| block.text == "A line of forty bytes, more or less so."));
}

/// A text of many megabytes that is nowhere in memory.
struct Long {
    at: u64,
    length: u64,
}

impl Read for Long {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.length - self.at).unwrap().min(into.len());
        for byte in into.iter_mut().take(left) {
            *byte = if self.at % 64 == 63 { b'\n' } else { b'a' + u8::try_from(self.at % 23).unwrap() };
            self.at += 1;
        }
        Ok(left)
    }
}

impl Seek for Long {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length.saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// Counts what it is given and keeps nothing.
struct Counting(u64);

impl BlockSink for Counting {
    fn block(&mut self, block: Block) -> Result<()> {
        self.0 += block.text.len() as u64;
        Ok(())
    }
}

/// The worker may use less address space than the text is long, its program and its stacks included.
fn a_long_text_takes_no_more_memory_than_a_short_one() {
    let parser = WorkerParser::new(command(), WorkerLimits { memory_bytes: 64 << 20, ..limits() });
    let mut text = Long { at: 0, length: 72 << 20 };
    let mut sink = Counting(0);
    let report = parser.parse(&mut text, &FileHints::default(), &mut sink);
    assert!(report.is_ok(), "{report:?}");
    assert!(sink.0 > 71 << 20, "{} bytes came through", sink.0);
}

fn a_document_over_the_limit_is_refused_unread() {
    let documents = DocumentLimits { source_bytes: 10, ..DocumentLimits::default() };
    let nowhere = WorkerCommand::new("/nonexistent/program");
    let parser = WorkerParser::new(nowhere, WorkerLimits { documents, ..limits() });
    assert_eq!(parse(&parser, "eleven byte").unwrap_err().stable_code(), codes::TOO_LARGE);
}

fn many_threads_share_few_workers() {
    let parser = Arc::new(WorkerParser::new(command(), WorkerLimits { processes: 2, ..limits() }));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let parser = Arc::clone(&parser);
            scope.spawn(move || {
                for number in 0..25 {
                    let text = format!("thread {thread}, document {number}");
                    assert_eq!(parse(parser.as_ref(), &text).unwrap().0, [block(&text)]);
                }
            });
        }
    });
}

fn a_missing_program_is_unavailable() {
    let parser = WorkerParser::new(WorkerCommand::new("/nonexistent/program"), limits());
    assert_eq!(parse(&parser, "text").unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(
        parse(&parser, "text").unwrap_err().kind(),
        ErrorKind::Unavailable,
        "the place was given back"
    );
}

fn a_worker_ends_with_its_parent() {
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .arg("parse-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = worker.stdin.take().unwrap();
    for (kind, payload) in [
        (b'H', r#"{"protocol":1,"limits":{}}"#),
        (b'D', r#"{"name":"","content_type":null}"#),
        (b'B', "hang"),
        (b'E', ""),
    ] {
        input.write_all(&[kind]).unwrap();
        input.write_all(&u32::try_from(payload.len()).unwrap().to_le_bytes()).unwrap();
        input.write_all(payload.as_bytes()).unwrap();
    }
    drop(input);
    assert_eq!(worker.wait().unwrap().code(), Some(1), "it gave up, although its parser never returns");
}
