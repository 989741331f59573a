//! Parses every file under a folder and prints one line for each: `cargo run --example parse -- <folder> [--text <folder>]`.
//!
//! `.gz` files are not unpacked. With `--text`, the text of each document is written beside its relative path.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nexus_core::document::parser::{Block, DocumentParser, FileHints};
use nexus_providers::documents::Documents;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".into()));
    let texts =
        arguments.next().filter(|flag| flag == "--text").and_then(|_| arguments.next()).map(PathBuf::from);
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let parser = Documents::default();
    for path in files {
        let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned();
        let hints = FileHints { name: name.clone(), content_type: None };
        let (mut blocks, started) = (Vec::<Block>::new(), Instant::now());
        let result = parser.parse(&mut File::open(&path)?, &hints, &mut blocks);
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let characters: usize = blocks.iter().map(|block| block.text.chars().count()).sum();
        let (kind, outcome) = match &result {
            Ok(report) => (report.content_type.as_str(), format!("{:?} {:?}", report.title, report.warnings)),
            Err(error) => ("-", error.report()),
        };
        println!("{name}\t{kind}\t{}\t{characters}\t{milliseconds:.1}\t{outcome}", blocks.len());
        if let Some(texts) = &texts {
            write(&texts.join(format!("{name}.txt")), &blocks)?;
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
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
