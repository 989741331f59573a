//! Mutation tests: damages documents of every format as a seed decides, and measures the cost of reading them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nexus_core::document::parser::{
    Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes,
};
use nexus_core::{Error, Result};
use nexus_providers::documents::{Consumption, DocumentLimits, Documents, WorkerLimits, WorkerParser};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::fixtures::{self, Fixture};

/// Number of mutants in an ordinary run. `make fuzz` raises it with the variable below.
const MUTANTS: u64 = 500;

/// Documented error codes of documents.
const DOCUMENTED: [&str; 8] = [
    codes::UNSUPPORTED,
    codes::EMPTY,
    codes::ENCRYPTED,
    codes::MALFORMED,
    codes::TOO_LARGE,
    codes::AMPLIFIES,
    codes::TIMEOUT,
    codes::CRASHED,
];

/// Maximum memory for reading a small document.
const MEMORY: u64 = 256 << 20;

/// Maximum steps of reading, for each byte and for a document of any size.
const STEPS: (u64, u64) = (2_000, 64 << 20);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Parser that yields the consumption of a document in place of its blocks.
#[derive(Debug)]
pub(crate) struct Metered(pub(crate) DocumentLimits);

/// Sink that counts blocks and hashes them.
struct Digest {
    text: u64,
    hash: u64,
}

impl BlockSink for Digest {
    fn block(&mut self, block: Block) -> Result<()> {
        self.text += block.text.len() as u64;
        for byte in format!("{:?}{:?}{}", block.kind, block.page, block.text).bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        Ok(())
    }
}

impl DocumentParser for Metered {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let mut digest = Digest { text: 0, hash: 0xCBF2_9CE4_8422_2325 };
        let (read, taken) =
            Documents::with_limits(self.0.clone()).parse_streaming(source, hints, &mut digest);
        let outcome = match read {
            Ok(report) => format!("{report:?}"),
            Err(error) => error.code().to_owned(),
        };
        let Consumption { steps, .. } = taken;
        let text = format!("{} {steps} {} {:x} {outcome}", memory(), digest.text, digest.hash);
        sink.block(Block { kind: BlockKind::Paragraph, text, page: None })?;
        Ok(ParseReport::default())
    }
}

/// Returns the peak memory of this process, where the system reports it.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kilo| kilo << 10)
}

/// Result of reading a mutant.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    steps: u64,
    text: u64,
    /// Everything that must be equal when the mutant is read again.
    same: String,
    code: Option<String>,
}

fn read(parser: &WorkerParser, (name, bytes): &Fixture) -> (Outcome, u64) {
    let hints = FileHints { name: (*name).into(), content_type: None };
    let mut blocks: Vec<Block> = Vec::new();
    if let Err(error) = parser.parse(&mut Cursor::new(bytes.clone()), &hints, &mut blocks) {
        let code = error.code().to_owned();
        return (Outcome { steps: 0, text: 0, same: code.clone(), code: Some(code) }, 0);
    }
    let said = blocks.remove(0).text;
    let (memory, same) = said.split_once(' ').unwrap();
    let mut parts = same.splitn(4, ' ');
    let mut part = || parts.next().unwrap();
    let (steps, text, _, outcome) = (part().parse().unwrap(), part().parse().unwrap(), part(), part());
    let code = outcome.starts_with("DOCUMENT_").then(|| outcome.to_owned());
    (Outcome { steps, text, same: same.to_owned(), code }, memory.parse().unwrap())
}

/// Pseudorandom numbers from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Structural tokens of the formats.
const TOKENS: &[&str] = &[
    "<",
    ">",
    "</",
    "<b>",
    "<table>",
    "<td colspan=999 rowspan=999>",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\n\n",
    "|",
    "> ",
    "- ",
    "#",
    "```",
    "&#x0;",
    "&amp;",
    "\0",
    "\u{FEFF}",
    "\r",
    "--y\n",
    "endobj",
    "stream",
    "<<",
    ">>",
    r#" w:val="99999""#,
    r"\par",
    r"\row",
    "<w:tbl>",
    "<w:tr><w:tc>",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let (at, length) = (random.below(bytes.len()), random.below(64));
        let end = (at + length).min(bytes.len());
        match random.below(8) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = !*byte),
            1 => bytes
                .iter_mut()
                .skip(at)
                .take(4)
                .for_each(|byte| *byte = u8::try_from(random.below(256)).unwrap()),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let to = random.below(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(to..to, copy);
            }
            5 => {
                let copy = bytes[at..end].repeat(1 + random.below(2_000));
                bytes.splice(at..at, copy);
            }
            6 => {
                let token = TOKENS[random.below(TOKENS.len())].repeat(1 + random.below(50));
                bytes.splice(at..at, token.into_bytes());
            }
            _ => enlarge_number(bytes, at, random),
        }
    }
}

/// Replaces the next number with a larger one.
fn enlarge_number(bytes: &mut Vec<u8>, from: usize, random: &mut Random) {
    let Some(start) = bytes.iter().skip(from).position(u8::is_ascii_digit).map(|found| from + found) else {
        return;
    };
    let end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let larger = ["0", "255", "256", "65536", "1048576", "2147483647", "4294967296", "99999999999999999999"];
    bytes.splice(start..end, larger[random.below(larger.len())].bytes());
}

/// Mutates one file of an archive and packs it again, so that the damage reaches the reader behind the archive.
fn mutate_part(bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let chosen = random.below(archive.len());
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).ok()?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        if index == chosen {
            mutate(&mut content, random);
        }
        packed.start_file(file.name().ok()?, SimpleFileOptions::default()).ok()?;
        packed.write_all(&content).ok()?;
    }
    Some(packed.finish().ok()?.into_inner())
}

fn mutant(fixtures: &[Fixture], seed: u64) -> Fixture {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        random.next();
    }
    let (name, bytes) = &fixtures[usize::try_from(seed).unwrap() % fixtures.len()];
    if bytes.starts_with(b"PK")
        && random.below(4) > 0
        && let Some(mutated) = mutate_part(bytes, &mut random)
    {
        return (name, mutated);
    }
    let mut bytes = bytes.clone();
    mutate(&mut bytes, &mut random);
    (name, bytes)
}

/// Returns names and contents of everything below a folder.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default()));
    files.collect()
}

/// Reads mutants twice, in two processes, and holds each to the limits of its size.
pub(crate) fn mutants_of_every_format_stay_within_their_budgets() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bystander.txt"), "not Nexus's").unwrap();
    let before = tree(folder.path());
    let limits = WorkerLimits { processes: 1, ..WorkerLimits::default() };
    let command = || super::command_of("metered-worker").variable("TMPDIR", folder.path());
    let parsers = [(); 2].map(|()| WorkerParser::new(command(), limits.clone()));
    let (fixtures, started) = (fixtures::all(), Instant::now());
    let seconds = number("NEXUS_FUZZ_SECONDS").map(Duration::from_secs);
    let slowest = number("NEXUS_FUZZ_SLOWEST_MS").map(Duration::from_millis);
    let mut faults = Vec::new();
    for seed in number("NEXUS_FUZZ_SEED").unwrap_or(0).. {
        let enough = seconds.map_or(seed >= MUTANTS, |seconds| started.elapsed() >= seconds);
        if enough {
            break;
        }
        let mutant = mutant(&fixtures, seed);
        let began = Instant::now();
        let (outcome, memory) = read(&parsers[0], &mutant);
        let took = began.elapsed();
        let fault = check(&mutant, &outcome, memory)
            .or_else(|| {
                (read(&parsers[1], &mutant).0.same != outcome.same).then(|| "is read in two ways".into())
            })
            .or_else(|| slowest.filter(|slowest| took > *slowest).map(|_| format!("takes {took:?}")));
        faults.extend(fault.map(|fault| format!("seed {seed} ({}): {fault}", mutant.0)));
    }
    drop(parsers);
    assert_eq!(tree(folder.path()), before, "files outside were touched, or temporary ones left behind");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn check((_, bytes): &Fixture, outcome: &Outcome, memory: u64) -> Option<String> {
    let limits = DocumentLimits::default();
    let size = bytes.len() as u64;
    let text = size.saturating_mul(limits.amplification).max(limits.amplification_from);
    let steps = size.saturating_mul(STEPS.0).max(STEPS.1);
    match outcome {
        Outcome { code: Some(code), .. } if !DOCUMENTED.contains(&code.as_str()) => {
            Some(format!("ends as {code}"))
        }
        Outcome { code: Some(code), .. } if code == codes::TIMEOUT => Some("takes too long".into()),
        outcome if outcome.text > text => Some(format!("{size} bytes become {} of text", outcome.text)),
        outcome if outcome.steps > steps => Some(format!("{size} bytes take {} steps", outcome.steps)),
        _ if memory > MEMORY => Some(format!("takes {memory} bytes of memory")),
        _ => None,
    }
}

/// Returns the text and the report of each fixture, as one process reads them.
fn reading(parser: &WorkerParser) -> Vec<String> {
    let read = |(name, bytes): Fixture| {
        let hints = FileHints { name: name.into(), content_type: None };
        let mut blocks: Vec<Block> = Vec::new();
        let report = parser.parse(&mut Cursor::new(bytes), &hints, &mut blocks);
        format!("{name} {:?} {blocks:?}", report.map_err(|error: Error| error.report()))
    };
    fixtures::all().into_iter().map(read).collect()
}

/// Maps whose order differs from process to process show here.
pub(crate) fn every_fixture_reads_the_same_in_eight_processes() {
    let limits = WorkerLimits { processes: 1, ..WorkerLimits::default() };
    let first = reading(&WorkerParser::new(super::command(), limits.clone()));
    assert!(first.iter().all(|read| read.contains("Ok(")), "each fixture can be read: {first:#?}");
    for _ in 1..8 {
        assert_eq!(reading(&WorkerParser::new(super::command(), limits.clone())), first);
    }
}
