//! Document parsers: text, Markdown, HTML, PDF, Office formats, mail, JSON, tables and source code.
//!
//! [`Documents`] reads in the calling process; [`WorkerParser`] reads in worker processes, so that a file that
//! crashes, hangs or exhausts memory costs only itself. The content of a file determines its format.

mod archive;
mod biff;
mod block_writer;
mod budget;
mod charset;
mod code;
mod csv;
mod epub;
mod error;
mod feed;
mod format;
mod front_matter;
mod html;
mod ink;
mod inline;
mod json;
mod limits;
mod lines;
mod mail;
mod markdown;
mod merged_cells;
mod notebook;
mod number_format;
mod ods;
mod ole;
mod ooxml;
mod opendocument;
mod pdf;
mod rtf;
mod scratch;
mod sheet;
mod sniff;
mod spool;
mod table;
mod text;
mod title;
mod worker;
mod xls;
mod xml;

use std::io::SeekFrom;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::parser::{BlockSink, DocumentParser, FileHints, ParseReport, Source};

use block_writer::Output;
use budget::Budget;
use format::Format;
use spool::Spool;

pub use budget::Consumption;
pub use limits::DocumentLimits;
pub use worker::{Confinement, Enforcement, WorkerCommand, WorkerLimits, WorkerParser, serve, serve_with};

/// Document parser for every supported format, in the calling process and on the calling thread.
///
/// A panic of a format's reader fails only its document. [`DocumentLimits`] bounds loops and memory as far as they
/// can be measured in the process; for untrusted files prefer [`WorkerParser`].
///
/// ```
/// use nexus_core::document::parser::{DocumentParser, FileHints};
/// use nexus_providers::documents::Documents;
///
/// let mut blocks = Vec::new();
/// let mut file = std::io::Cursor::new("# Leave\n\nThirty days a year.");
/// let hints = FileHints { name: "handbook.md".into(), content_type: None };
/// let report = Documents::default().parse(&mut file, &hints, &mut blocks)?;
/// assert_eq!(report.title.as_deref(), Some("Leave"));
/// assert_eq!(blocks[1].text, "Thirty days a year.");
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Documents {
    limits: DocumentLimits,
}

impl Documents {
    /// Creates a parser with custom limits.
    pub fn with_limits(limits: DocumentLimits) -> Self {
        Self { limits }
    }

    /// Returns the media types that reports name, one for each format with a reader.
    pub fn media_types() -> impl Iterator<Item = &'static str> {
        Format::ALL.into_iter().map(Format::media_type)
    }

    /// Parses a document like [`parse`](DocumentParser::parse), but passes blocks on while reading, also those of a
    /// document that fails later. Returns the resource consumption as well.
    ///
    /// # Errors
    /// As [`parse`](DocumentParser::parse).
    pub fn parse_streaming(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> (Result<ParseReport>, Consumption) {
        let size = match source.seek(SeekFrom::End(0)) {
            Ok(size) => size,
            Err(error) => return (Err(error::unreadable(error)), Consumption::default()),
        };
        let budget = Rc::new(Budget::new(&self.limits, size));
        let mut out = Output::new(sink, &self.limits, Rc::clone(&budget));
        let read = catch_unwind(AssertUnwindSafe(|| document(source, hints, &mut out)))
            .unwrap_or_else(|_| Err(error::crashed()))
            .and_then(|()| out.check_decoded());
        (read.map(|()| out.report), budget.consumption())
    }
}

impl DocumentParser for Documents {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let mut spool = Spool::new(&self.limits);
        let report = self.parse_streaming(source, hints, &mut spool).0?;
        spool.replay(sink)?;
        Ok(report)
    }

    fn reader_version(&self, content_type: &str) -> u32 {
        reader_version(content_type)
    }
}

/// Returns the version of the reader of a media type; 0 for one that no reader reports.
fn reader_version(content_type: &str) -> u32 {
    Format::of_report(content_type).map_or(0, Format::reader_version)
}

/// Parser of a worker process. The parent holds the blocks back until the document is complete.
#[derive(Debug)]
struct Streaming(Documents);

impl DocumentParser for Streaming {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        self.0.parse_streaming(source, hints, sink).0
    }
}

/// Reads one document or attachment to its end.
fn document(source: &mut dyn Source, hints: &FileHints, out: &mut Output<'_>) -> Result<()> {
    let size = source.seek(SeekFrom::End(0)).map_err(error::unreadable)?;
    out.limits.check_source(size)?;
    let format = sniff::format(source, hints)?;
    format.media_type().clone_into(&mut out.report.content_type);
    out.report.reader_version = format.reader_version();
    let before = out.bytes();
    read(format, source, out)?;
    if out.bytes() == before { Err(out.nothing_read()) } else { Ok(()) }
}

fn read(format: Format, source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    match format {
        Format::Text => text::read(source, out),
        Format::Markdown => markdown::read(source, out),
        Format::Code => code::read(source, out),
        Format::Html => html::read(source, out),
        Format::Json => json::read(source, out),
        Format::JsonLines => json::read_lines(source, out),
        Format::Csv => csv::read(source, out),
        Format::Pdf => pdf::read(source, out),
        Format::Docx => ooxml::docx::read(source, out),
        Format::Pptx => ooxml::pptx::read(source, out),
        Format::Xlsx => ooxml::xlsx::read(source, out),
        Format::Xls => xls::read(source, out),
        Format::OpenDocument => opendocument::read(source, out),
        Format::Epub => epub::read(source, out),
        Format::Mail => mail::read(source, out),
        Format::Rtf => rtf::read(source, out),
        Format::Notebook => notebook::read(source, out),
        Format::Feed => feed::read(source, out),
        Format::Xml => feed::read_xml(source, out),
    }
}
