//! Worker pool against parsers that misbehave: this binary, executed again, is the worker.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, although the harness is our own"
)]

#[path = "../it/documents/build.rs"]
#[expect(dead_code, reason = "shared with the tests of the readers, which need more of it")]
mod build;
mod fixtures;
mod mutants;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use nexus_core::document::parser::{
    Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes,
};
use nexus_core::{Error, ErrorKind, Result};
use nexus_providers::documents::{
    DocumentLimits, Documents, Enforcement, WorkerCommand, WorkerLimits, WorkerParser, serve_with,
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
    if std::env::args().nth(1).as_deref() == Some("parse-large") {
        let failed = parse(&WorkerParser::new(command(), limits()), &large()).unwrap_err();
        let mut out = std::io::stdout();
        write!(out, "{:?}", failed.kind()).unwrap();
        return ExitCode::SUCCESS;
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
    ("a_worker_can_do_nothing_but_read_its_document", a_worker_can_do_nothing_but_read_its_document),
    ("a_worker_says_what_it_cannot_do", a_worker_says_what_it_cannot_do),
    ("every_fixture_reads_in_a_worker_as_it_does_here", every_fixture_reads_in_a_worker_as_it_does_here),
    (
        "an_unpacked_copy_beyond_memory_is_read_by_a_confined_worker",
        an_unpacked_copy_beyond_memory_is_read_by_a_confined_worker,
    ),
    (
        "a_fault_of_the_machine_is_not_blamed_on_the_document",
        a_fault_of_the_machine_is_not_blamed_on_the_document,
    ),
    ("the_place_of_temporary_files_is_passed_on", the_place_of_temporary_files_is_passed_on),
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

/// Parser that executes commands in a document and parses other documents.
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
            "panic" => panic!("as the document says"),
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
                    "blocks, then fail" => return Err(Error::invalid("no").with_code(codes::AMPLIFIES)),
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
            text if text.starts_with(TRY) => sink.block(block(&attempt(text.trim_start_matches(TRY))))?,
            _ => return self.well_behaved.parse(source, hints, sink),
        }
        Ok(ParseReport::default())
    }
}

/// Prefix of a document that makes the worker attempt a forbidden action.
const TRY: &str = "try: ";

/// Returns the result of an attempt: `denied` with the reason, or success.
fn attempt(what: &str) -> String {
    let (verb, object) = what.split_once(' ').unwrap_or((what, ""));
    let tried = match verb {
        "read" => std::fs::read(object).map(drop),
        "write" => std::fs::write(object, "x"),
        "list" => std::fs::read_dir(object).map(drop),
        "remove" => std::fs::remove_file(object),
        "connect" => std::net::TcpStream::connect(object).map(drop),
        "listen" => std::net::TcpListener::bind(object).map(drop),
        "datagram" => std::net::UdpSocket::bind(object).map(drop),
        "local" => std::os::unix::net::UnixStream::connect(object).map(drop),
        "execute" => Command::new(object).spawn().map(drop),
        // Through `clone`, as std starts a program; `vfork` and `fork` are other calls of the same kind.
        "become" => Err(std::os::unix::process::CommandExt::exec(&mut Command::new(object))),
        "open" => (0..1_000).map(|_| File::open(object)).collect::<std::io::Result<Vec<File>>>().map(drop),
        "thread" => return std::thread::spawn(|| "a thread ran".to_owned()).join().unwrap(),
        "temporary" => tempfile::tempfile().map(drop),
        _ => panic!("{what}"),
    };
    tried.map_or_else(|error| format!("denied: {:?}", error.kind()), |()| "done".to_owned())
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn overflow(text: &str) -> String {
    format!("{}{text}", overflow(text))
}

fn block(text: &str) -> Block {
    Block { kind: BlockKind::Paragraph, text: text.into(), page: None }
}

/// Returns the command that starts this binary as a worker. An instrumented worker receives the path for its
/// counters.
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

/// Asserts that the document fails with `code` and that the next one succeeds.
#[track_caller]
fn check_fault(content: &str, limits: WorkerLimits, code: &str) -> WorkerParser {
    let parser = WorkerParser::new(command(), limits);
    let error = parse(&parser, content).unwrap_err();
    assert_eq!(error.code(), code, "{}", error.report());
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
    assert_eq!(error.code(), codes::EMPTY);
    assert_eq!(
        (error.kind(), error.message(), error.hint()),
        (expected.kind(), expected.message(), expected.hint())
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
    assert_eq!(parse(&parser, "hang").unwrap_err().code(), codes::TIMEOUT);
}

fn a_memory_bomb_ends_at_the_limit() {
    check_fault("memory", WorkerLimits { memory_bytes: 1 << 29, ..limits() }, codes::TOO_LARGE);
}

/// Sink that takes its time over each block.
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
        !["LLVM_PROFILE_FILE=", "__LLVM_PROFILE_", "TMPDIR="]
            .iter()
            .any(|ours| variable.text.starts_with(ours))
    });
    assert_eq!(seen, [block("ALLOWED=yes")]);
}

/// Every confinement that this machine supports is in force, and each attempt fails by it.
fn a_worker_can_do_nothing_but_read_its_document() {
    let parser = WorkerParser::new(command(), limits());
    parse(&parser, "fine").unwrap();
    let confinement = parser.confinement().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept");
    std::fs::write(&kept, "kept").unwrap();
    let local = home.path().join("socket");
    let _local = std::os::unix::net::UnixListener::bind(&local).unwrap();
    let me = std::process::id();
    let attempts = [
        "read /etc/passwd".to_owned(),
        format!("read /proc/{me}/environ"),
        "read /proc/self/environ".to_owned(),
        format!("read {}", kept.display()),
        format!("write {}", home.path().join("new").display()),
        format!("write {}", kept.display()),
        format!("remove {}", kept.display()),
        "list /".to_owned(),
        format!("connect {address}"),
        "listen 127.0.0.1:0".to_owned(),
        "datagram 127.0.0.1:0".to_owned(),
        format!("local {}", local.display()),
        "execute /bin/true".to_owned(),
        "become /bin/true".to_owned(),
        "open /dev/null".to_owned(),
        "temporary".to_owned(),
    ];
    for what in attempts {
        let came = parse(&parser, &format!("{TRY}{what}")).unwrap().0.remove(0).text;
        if confinement.seccomp == Enforcement::Full {
            assert_eq!(came, "denied: PermissionDenied", "{what}");
        } else if confinement.landlock != Enforcement::Absent && !what.contains("socket") {
            assert!(came.starts_with("denied") || what.starts_with("datagram"), "{what}: {came}");
        }
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept");
    assert_eq!(parse(&parser, &format!("{TRY}thread")).unwrap().0, [block("a thread ran")]);
    assert_eq!(parse(&parser, "fine").unwrap().0, [block("fine")]);
}

fn a_worker_says_what_it_cannot_do() {
    let parser = WorkerParser::new(command(), limits());
    assert_eq!(parser.confinement(), None, "no worker has read anything");
    parse(&parser, "fine").unwrap();
    let confinement = parser.confinement().unwrap();
    assert!(confinement.limits && confinement.no_new_privileges);
    // The kernel reports the same.
    let of_worker = |file| std::fs::read_to_string(format!("/proc/{}/{file}", pid(&parser))).unwrap();
    assert!(of_worker("status").contains("NoNewPrivs:\t1"));
    let limits = of_worker("limits");
    let descriptors = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(descriptors.split_whitespace().nth(3), Some("32"));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let has_filters =
        status.contains("Seccomp_filters:") && cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    assert_eq!(confinement.seccomp == Enforcement::Full, has_filters, "{confinement:?}");
    assert_eq!(confinement.opens_files(), !has_filters && confinement.landlock == Enforcement::Absent);
}

/// A reader that needs a forbidden system call would yield another text.
fn every_fixture_reads_in_a_worker_as_it_does_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left = ["tests", "../examples", "../docs"].map(|directory| root.join(directory)).to_vec();
    let (parser, here) = (WorkerParser::new(command(), limits()), Documents::default());
    let mut read = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let hints = FileHints { name: path.display().to_string(), ..FileHints::default() };
        let outcome = |parser: &dyn DocumentParser| {
            let mut blocks = Vec::new();
            let parsed = parser.parse(&mut File::open(&path).unwrap(), &hints, &mut blocks);
            (blocks, parsed.map_err(|error| error.code()))
        };
        assert_eq!(outcome(&parser), outcome(&here), "{}", path.display());
        read += 1;
    }
    assert!(read > 20, "{read} files");
}

/// A workbook that unpacks to more than the memory limit, which its reader reads from a copy.
fn an_unpacked_copy_beyond_memory_is_read_by_a_confined_worker() {
    let mut book = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let rows: String = (1..60_000)
        .map(|row| format!("<row r='{row}'><c r='A{row}' t='inlineStr'><is><t>Row {row} of a long table</t></is></c></row>"))
        .collect::<Vec<_>>()
        .concat();
    for (name, text) in [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns='{package}/content-types'><Default Extension='rels' \
                 ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Override \
                 PartName='/xl/workbook.xml' ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns='{package}/relationships'><Relationship Id='r1' Type='{office}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns='{main}' xmlns:r='{office}'><sheets><sheet name='One' sheetId='1' r:id='r1'/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns='{package}/relationships'><Relationship Id='r1' Type='{office}/worksheet' Target='worksheets/sheet1.xml'/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns='{main}'><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ] {
        book.start_file(name, stored).unwrap();
        book.write_all(text.as_bytes()).unwrap();
    }
    let bytes = book.finish().unwrap().into_inner();
    assert!(bytes.len() > 5 << 20, "{} bytes", bytes.len());
    let hints = FileHints { name: "book.xlsx".into(), content_type: None };
    let mut outcomes = Vec::new();
    let parser = WorkerParser::new(command(), limits());
    // Twice in a worker: the file of the copy is free again.
    for parser in [&parser as &dyn DocumentParser, &parser, &Documents::default()] {
        let mut blocks = Vec::new();
        parser.parse(&mut Cursor::new(bytes.clone()), &hints, &mut blocks).unwrap();
        outcomes.push(blocks);
    }
    assert!(outcomes[0].len() > 1 && outcomes[0] == outcomes[2] && outcomes[1] == outcomes[2]);
}

/// Returns a text above the memory limit.
fn large() -> String {
    "A line of forty bytes, more or less so.\n\n".repeat(250_000)
}

fn a_fault_of_the_machine_is_not_blamed_on_the_document() {
    let home = tempfile::tempdir().unwrap();
    let a_file = home.path().join("file");
    std::fs::write(&a_file, "").unwrap();
    for unfit in [home.path().join("missing"), a_file, "/proc".into()] {
        let parser = WorkerParser::new(command().variable("TMPDIR", &unfit), limits());
        let error = parse(&parser, &large()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}: {}", unfit.display(), error.report());
        assert!(error.is_retryable() && error.hint().unwrap().contains("TMPDIR"), "{}", error.report());
        let first = pid(&parser);
        assert_eq!(parse(&parser, "fine").unwrap().0, [block("fine")], "small ones need no room");
        assert_eq!(pid(&parser), first, "the worker is as good as before");
    }
}

fn the_place_of_temporary_files_is_passed_on() {
    let home = tempfile::tempdir().unwrap();
    // This binary once more, as a parent whose directory for temporary files is missing.
    let mut parent = Command::new(std::env::current_exe().unwrap());
    let parent = parent.arg("parse-large").env("TMPDIR", home.path().join("missing")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&parent.stdout), "Unavailable", "{parent:?}");
}

/// Sink that takes nothing.
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
        assert_eq!(parsed.unwrap_err().code(), code, "{content}");
        assert_eq!(sink.0, 0, "{content}");
    }
    let mut sink = Counting(0);
    let limits = DocumentLimits { text_bytes: 100_000, ..DocumentLimits::default() };
    let text = "a paragraph\n\n".repeat(20_000);
    let parsed =
        Documents::with_limits(limits).parse(&mut Cursor::new(text), &FileHints::default(), &mut sink);
    assert_eq!((parsed.unwrap_err().code(), sink.0), (codes::TOO_LARGE, 0));
}

fn a_document_beyond_the_spool_arrives_whole() {
    let parser = WorkerParser::new(command(), limits());
    let text = "A line of forty bytes, more or less so.\n\n".repeat(500_000);
    let (blocks, _) = parse(&parser, &text).unwrap();
    assert_eq!(blocks.len(), 500_000);
    assert!(blocks.iter().all(|block| block.text == "A line of forty bytes, more or less so."));
}

/// Source of many megabytes of text that is never in memory as a whole.
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

/// Sink that counts its input and keeps nothing.
struct Counting(u64);

impl BlockSink for Counting {
    fn block(&mut self, block: Block) -> Result<()> {
        self.0 += block.text.len() as u64;
        Ok(())
    }
}

/// The worker's address space, its program and its stacks included, is smaller than the text.
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
    assert_eq!(parse(&parser, "eleven byte").unwrap_err().code(), codes::TOO_LARGE);
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
        (b'H', r#"{"protocol":2,"limits":{}}"#),
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
