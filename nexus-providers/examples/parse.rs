//! Parses every file under a folder, prints one line for each, and what it all took.
//!
//! ```text
//! cargo run --release --example parse -- <folder> [--workers] [--text <folder>]
//! ```
//!
//! With `--workers`, worker processes parse, as many at once as there are processors. With `--text`, the blocks of each document are
//! written under that folder.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use nexus_core::document::parser::{Block, DocumentParser, FileHints};
use nexus_providers::documents::{Documents, WorkerCommand, WorkerLimits, WorkerParser, serve};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "parse-worker") {
        return Ok(serve()?);
    }
    let folder = PathBuf::from(arguments.first().map_or(".", String::as_str));
    let text = arguments.iter().skip_while(|argument| *argument != "--text").nth(1).map(PathBuf::from);
    let limits = WorkerLimits::default();
    let (parser, threads): (Box<dyn DocumentParser>, _) =
        if arguments.iter().any(|argument| argument == "--workers") {
            let threads = limits.processes;
            let command = WorkerCommand::new(std::env::current_exe()?).argument("parse-worker");
            (Box::new(WorkerParser::new(command, limits)), threads)
        } else {
            (Box::new(Documents::default()), 1)
        };
    let mut files = VecDeque::new();
    collect(&folder, &mut files)?;
    files.make_contiguous().sort();
    let (files, started, totals) = (Mutex::new(files), Instant::now(), Mutex::new(Totals::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = locked(&files).pop_front() {
                    if let Err(error) = one(parser.as_ref(), &folder, &path, text.as_deref(), &totals) {
                        println!("{}\t{error}", path.display());
                    }
                }
            });
        }
    });
    let (seconds, totals) = (started.elapsed().as_secs_f64(), locked(&totals));
    println!("{totals:?} in {seconds:.2} s");
    Ok(())
}

#[derive(Debug, Default)]
struct Totals {
    documents: u64,
    failed: u64,
    pages: u64,
    characters: usize,
}

fn one(
    parser: &dyn DocumentParser,
    folder: &Path,
    path: &Path,
    text: Option<&Path>,
    totals: &Mutex<Totals>,
) -> anyhow::Result<()> {
    let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let hints = FileHints { name: name.clone(), content_type: None };
    let (mut blocks, started) = (Vec::<Block>::new(), Instant::now());
    let result = parser.parse(&mut File::open(path)?, &hints, &mut blocks);
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let characters: usize = blocks.iter().map(|block| block.text.chars().count()).sum();
    let (kind, outcome) = match &result {
        Ok(report) => (report.content_type.as_str(), format!("{:?} {:?}", report.title, report.warnings)),
        Err(error) => ("-", error.report()),
    };
    println!("{name}\t{kind}\t{}\t{characters}\t{milliseconds:.1}\t{outcome}", blocks.len());
    if let Some(text) = text {
        write(&text.join(format!("{name}.txt")), &blocks)?;
    }
    let mut totals = locked(totals);
    totals.documents += 1;
    totals.failed += u64::from(result.is_err());
    totals.pages += u64::from(result.ok().and_then(|report| report.pages).unwrap_or_default());
    totals.characters += characters;
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn collect(folder: &Path, files: &mut VecDeque<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push_back(path);
        }
    }
    Ok(())
}

fn write(path: &Path, blocks: &[Block]) -> anyhow::Result<()> {
    let mut text = String::new();
    for block in blocks {
        write!(text, "[{:?} {:?}]\n{}\n\n", block.kind, block.page, block.text)?;
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    Ok(fs::write(path, text)?)
}
