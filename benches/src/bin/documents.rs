//! Reads real documents as ingestion would, and scores the text: `documents DATA [RUN] [--against RUN]`.
//!
//! Formats are detected by content, in this process and on one core; a file that ends in `.gz` is unpacked before. A
//! refused file counts under its error code. PDF pages stand beside `pdftotext` in the same run, where that is
//! installed: it is started for each file, as a program that shells out to it would start it.
//!
//! Files with a reference are scored by the agreement of their words and of their headings, list items and rows of
//! tables: `expected/FILE.md` beside the folder of the file, and `ground-truth.json` for the articles in its folder.
//! The texts are written to the folder RUN; `--against` names the words that each text lost to that of an earlier run.

#![expect(clippy::print_stdout, reason = "printing its figures is what a benchmark is for")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use nexus_benches::metrics::mean;
use nexus_benches::references::{Agreement, Bag, Element, Reference, drawn, elements, text, words};
use nexus_benches::{Table, short};
use nexus_core::document::Block;
use nexus_core::document::parser::{DocumentParser as _, FileHints, Source};
use nexus_providers::documents::Documents;
use serde_json::Value;

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

/// Blocks of each file that could be read.
type Texts = BTreeMap<PathBuf, Vec<Block>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().context("usage: documents DATA [RUN] [--against RUN]")?);
    let (mut run, mut against) = (None, None);
    while let Some(argument) = arguments.next() {
        let folder = if argument == "--against" { &mut against } else { &mut run };
        *folder = Some(PathBuf::from(if argument == "--against" {
            arguments.next().context("`--against` needs the folder of a run")?
        } else {
            argument
        }));
    }
    let folder = if root.join("documents").is_dir() { root.join("documents") } else { root };
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut endings: BTreeMap<String, Read> = BTreeMap::new();
    let mut texts = Texts::new();
    for file in &files {
        let ending =
            file.extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase());
        if let Some(blocks) = read(file, endings.entry(ending).or_default())? {
            texts.insert(file.clone(), blocks);
        }
    }
    formats(&endings);
    pages(&files, &endings)?;
    scores(&files, &texts)?;
    let texts = texts.iter().map(|(file, blocks)| (file.strip_prefix(&folder).unwrap_or(file), text(blocks)));
    let texts: BTreeMap<&Path, String> = texts.collect();
    if let Some(run) = run {
        write(&run, &texts)?;
    }
    against.map_or(Ok(()), |earlier| lost(&earlier, &files, &folder, &texts))
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

/// Returns the blocks of a file; `None` if it is refused.
fn read(path: &Path, to: &mut Read) -> Result<Option<Vec<Block>>> {
    let mut file = File::open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut hints = FileHints { name, content_type: None };
    to.files += 1;
    to.bytes += file.metadata()?.len();
    let mut unpacked = Cursor::new(Vec::new());
    let source: &mut dyn Source = if let Some(name) = hints.name.strip_suffix(".gz") {
        hints.name = name.to_owned();
        GzDecoder::new(file).read_to_end(unpacked.get_mut())?;
        &mut unpacked
    } else {
        &mut file
    };
    let mut blocks: Vec<Block> = Vec::new();
    let began = Instant::now();
    let parsed = Documents::default().parse(source, &hints, &mut blocks);
    to.took += began.elapsed();
    match parsed {
        Ok(report) => {
            to.pages += report.pages.unwrap_or_default();
            to.words += blocks.iter().map(|block| block.text.split_whitespace().count()).sum::<usize>();
            Ok(Some(blocks))
        }
        Err(error) => {
            *to.refused.entry(error.code().to_owned()).or_default() += 1;
            Ok(None)
        }
    }
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

/// Scores the files that have a reference. One that is refused has nothing of it.
fn scores(files: &[PathBuf], texts: &Texts) -> Result<()> {
    let columns =
        ["file", "drawn", "precision", "recall", "word F1", "headings", "list items", "rows", "structure"];
    let mut table = Table::new("Agreement with references", columns);
    let mut means: BTreeMap<String, Vec<[Option<f64>; 4]>> = BTreeMap::new();
    for file in files {
        let Some(reference) = reference(file)? else { continue };
        let blocks = texts.get(file).map_or(&[][..], Vec::as_slice);
        let read = words(&text(blocks));
        // Words of images and charts beyond the reference count in a column of their own.
        let drawn = drawn(blocks).common(&read.without(&reference.words));
        let agreement = Agreement::of(&read.without(&drawn), &reference.words);
        let found = elements(blocks);
        let of = |element| {
            let expected = reference.elements.filter(|(kind, _)| *kind == element);
            format!("{}/{}", expected.common(&found).len(), expected.len())
        };
        let has_elements = !reference.elements.is_empty();
        let structure = has_elements.then(|| Agreement::of(&found, &reference.elements).recall);
        let figures = [Some(agreement.precision), Some(agreement.recall), Some(agreement.f1()), structure];
        let [precision, recall, f1, structure] = figures.map(shown);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let [headings, items, rows] = [Element::Heading, Element::ListItem, Element::TableRow].map(of);
        table = table.row([
            name,
            drawn.len().to_string(),
            precision,
            recall,
            f1,
            headings,
            items,
            rows,
            structure,
        ]);
        let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
        means.entry(folder.to_string_lossy().into_owned()).or_default().push(figures);
    }
    for (folder, figures) in &means {
        let mean = |at: usize| {
            let figures: Vec<f64> = figures.iter().filter_map(|figures| *figures.get(at)?).collect();
            shown((!figures.is_empty()).then(|| mean(&figures)))
        };
        let name = format!("mean of {} in {folder}", figures.len());
        let none = String::new;
        table = table.row([name, none(), mean(0), mean(1), mean(2), none(), none(), none(), mean(3)]);
    }
    if !means.is_empty() {
        table.print();
    }
    Ok(())
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or_else(String::new, |figure| format!("{figure:.3}"))
}

/// Returns the reference of a file, if it has one.
fn reference(file: &Path) -> Result<Option<Reference>> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(None) };
    let name = name.to_string_lossy();
    let markdown = folder.with_file_name("expected").join(format!("{name}.md"));
    if markdown.is_file() {
        return Ok(Some(Reference::markdown(&fs::read_to_string(markdown)?)));
    }
    let articles = folder.join("ground-truth.json");
    let Some(id) = name.strip_suffix(".html.gz").filter(|_| articles.is_file()) else { return Ok(None) };
    let articles: Value = serde_json::from_slice(&fs::read(articles)?)?;
    let article = articles.get(id).and_then(|article| article.get("articleBody")?.as_str());
    Ok(article.map(|text| Reference { words: words(text), elements: Bag::from_iter([]) }))
}

/// Writes each text to the folder of the run.
fn write(run: &Path, texts: &BTreeMap<&Path, String>) -> Result<()> {
    for (file, text) in texts {
        let path = run.join(format!("{}.txt", file.display()));
        fs::create_dir_all(path.parent().unwrap_or(run))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Names the words of each file that the earlier run has more often.
fn lost(earlier: &Path, files: &[PathBuf], folder: &Path, texts: &BTreeMap<&Path, String>) -> Result<()> {
    println!("\n## Words lost to {}\n", earlier.display());
    for file in files.iter().map(|file| file.strip_prefix(folder).unwrap_or(file)) {
        let path = earlier.join(format!("{}.txt", file.display()));
        if !path.is_file() {
            continue;
        }
        let before = words(&fs::read_to_string(path)?);
        let after = words(texts.get(file).map_or("", String::as_str));
        let (lost, gained) = (before.without(&after), after.without(&before));
        let list = |bag: &Bag<String>| {
            bag.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
        };
        if !lost.is_empty() {
            println!(
                "{}: {} of {} words lost, {} gained",
                file.display(),
                lost.len(),
                before.len(),
                gained.len()
            );
            println!("  lost: {}", list(&lost));
            println!("  gained: {}", list(&gained));
        }
    }
    Ok(())
}
