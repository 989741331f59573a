//! Parses every file of a folder, as an ingestion would: `documents DATA`.
//!
//! Formats are detected by content, in this process and on one core. A refused file counts under its error code. PDF
//! pages stand beside `pdftotext` in the same run, where that is installed: it is started for each file, as a program
//! that shells out to it would start it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nexus_benches::{Table, short};
use nexus_core::document::Block;
use nexus_core::document::parser::{DocumentParser as _, FileHints};
use nexus_providers::documents::Documents;

/// Folders with the expected output of a parser, not with its input.
const EXPECTED: [&str; 2] = ["expected", "expected_outputs"];

/// Results of the files with one ending.
#[derive(Default)]
struct Read {
    files: u32,
    refused: BTreeMap<String, u32>,
    pages: u32,
    words: usize,
    bytes: u64,
    took: Duration,
}

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::args().nth(1).context("usage: documents DATA")?);
    let folder = if root.join("documents").is_dir() { root.join("documents") } else { root };
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut endings: BTreeMap<String, Read> = BTreeMap::new();
    for file in &files {
        let ending =
            file.extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase());
        read(file, endings.entry(ending).or_default())?;
    }
    formats(&endings);
    pages(&files, &endings)
}

/// Collects the files below `folder`, without the expected outputs.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if !EXPECTED.iter().any(|expected| path.ends_with(expected)) {
            collect(&path, files)?;
        }
    }
    Ok(())
}

fn read(path: &Path, to: &mut Read) -> Result<()> {
    let mut file = File::open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let hints = FileHints { name, content_type: None };
    let mut blocks: Vec<Block> = Vec::new();
    to.files += 1;
    to.bytes += file.metadata()?.len();
    let began = Instant::now();
    let parsed = Documents::default().parse(&mut file, &hints, &mut blocks);
    to.took += began.elapsed();
    match parsed {
        Ok(report) => {
            to.pages += report.pages.unwrap_or_default();
            to.words += blocks.iter().map(|block| block.text.split_whitespace().count()).sum::<usize>();
        }
        Err(error) => *to.refused.entry(error.code().to_owned()).or_default() += 1,
    }
    Ok(())
}

fn formats(endings: &BTreeMap<String, Read>) {
    let columns = ["ending", "files", "refused", "pages", "words", "MB", "time"];
    let mut table = Table::new("Documents read, on one core", columns);
    for (ending, read) in endings {
        let refused: Vec<_> = read.refused.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let kilobytes = u32::try_from(read.bytes / 1_000).unwrap_or(u32::MAX);
        table = table.row([
            ending.clone(),
            read.files.to_string(),
            refused.join(", "),
            read.pages.to_string(),
            read.words.to_string(),
            format!("{:.1}", f64::from(kilobytes) / 1e3),
            short(read.took),
        ]);
    }
    table.print();
}

/// Measures pages a second, of the PDF files that Nexus parses.
fn pages(files: &[PathBuf], endings: &BTreeMap<String, Read>) -> Result<()> {
    let Some(pdf) = endings.get("pdf").filter(|pdf| pdf.pages > 0) else { return Ok(()) };
    let rate = |took: Duration| format!("{:.0}", f64::from(pdf.pages) / took.as_secs_f64());
    let table = Table::new("Pages of PDF", ["reader", "pages", "time", "pages/s"]);
    let mut table = table.row(["Nexus", &pdf.pages.to_string(), &short(pdf.took), &rate(pdf.took)]);
    if Command::new("pdftotext").arg("-v").stderr(Stdio::null()).status().is_ok() {
        let began = Instant::now();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "pdf")) {
            // Files that Nexus refuses are included: they cost milliseconds in either reader.
            Command::new("pdftotext")
                .arg(file)
                .arg("-")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
        }
        let took = began.elapsed();
        table = table.row(["pdftotext", &pdf.pages.to_string(), &short(took), &rate(took)]);
    }
    table.print();
    Ok(())
}
