//! Contract of `DocumentParser`: one test for each of its lines, over the parser of files and that of plain text.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use nexus_core::Result;
use nexus_core::document::PlainText;
use nexus_core::document::parser::{Block, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes};
use nexus_providers::documents::Documents;

use super::build::{docx, paragraph, pdf};

/// Documented codes of documents at fault.
const CODES: [&str; 6] = [
    codes::UNSUPPORTED,
    codes::EMPTY,
    codes::ENCRYPTED,
    codes::MALFORMED,
    codes::TOO_LARGE,
    codes::AMPLIFIES,
];

fn parsers() -> [Box<dyn DocumentParser>; 2] {
    [Box::new(Documents::default()), Box::new(PlainText)]
}

/// Reads bytes as a file of this name. Returns the report, and the blocks that arrived in any case.
fn read(parser: &dyn DocumentParser, bytes: &[u8], name: &str) -> (Result<ParseReport>, Vec<Block>) {
    let mut blocks = Vec::new();
    let hints = FileHints { name: name.to_owned(), content_type: None };
    (parser.parse(&mut Cursor::new(bytes.to_vec()), &hints, &mut blocks), blocks)
}

fn texts(blocks: &[Block]) -> Vec<&str> {
    blocks.iter().map(|block| block.text.as_str()).collect()
}

#[test]
fn the_format_is_recognised_by_content() {
    for parser in parsers() {
        for name in ["a.txt", "a.pdf", "a.docx", "a.xlsx", "a.unknown", ""] {
            let (report, blocks) = read(parser.as_ref(), b"one\n\ntwo\n", name);
            assert_eq!(report.unwrap().content_type, "text/plain", "{name}");
            assert_eq!(texts(&blocks), ["one", "two"], "{name}");
        }
    }
    for name in ["a.txt", "a.docx", "a.html"] {
        let (report, _) = read(&Documents::default(), &pdf(&[&["Page"]]), name);
        assert_eq!(report.unwrap().content_type, "application/pdf", "{name}");
    }
}

#[test]
fn the_report_names_the_version_of_the_reader_of_its_media_type() {
    for parser in parsers() {
        for (name, content) in
            [("a.txt", "one"), ("a.md", "# one"), ("a.html", "<p>one</p>"), ("a.csv", "a,b\n1,2")]
        {
            let report = read(parser.as_ref(), content.as_bytes(), name).0.unwrap();
            assert_eq!(
                report.reader_version,
                parser.reader_version(&report.content_type),
                "{parser:?} {name}"
            );
        }
    }
    assert!(Documents::default().reader_version("text/html") > 0);
    assert_eq!(Documents::default().reader_version("application/x-unknown"), 0);
}

#[test]
fn blocks_arrive_in_reading_order_and_are_never_empty() {
    for parser in parsers() {
        let text = "\n\n \nfirst\n\n\t\n\nsecond\n\n\n\nthird\n\n";
        let (_, blocks) = read(parser.as_ref(), text.as_bytes(), "a.txt");
        assert_eq!(texts(&blocks), ["first", "second", "third"], "{parser:?}");
        assert!(blocks.iter().all(|block| block.page.is_none()));
    }
    let (_, blocks) = read(&Documents::default(), &pdf(&[&["first"], &[], &["third"]]), "a.pdf");
    let pages: Vec<_> = blocks.iter().map(|block| (block.page, block.text.as_str())).collect();
    assert_eq!(pages, [(Some(1), "first"), (Some(3), "third")]);
}

/// Source that records the longest piece that was read at once.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    longest: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(into)?;
        self.longest = self.longest.max(read);
        Ok(read)
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// Sink that records the longest block and the length of all.
#[derive(Default)]
struct Lengths {
    longest: usize,
    all: usize,
}

impl BlockSink for Lengths {
    fn block(&mut self, block: Block) -> Result<()> {
        self.longest = self.longest.max(block.text.len());
        self.all += block.text.len();
        Ok(())
    }
}

#[test]
fn texts_csv_and_jsonl_are_read_in_pieces() {
    const SIZE: usize = 2 << 20;
    const PIECE: usize = 256 << 10;
    for (name, line) in
        [("a.txt", "A line of text.\n\n"), ("a.csv", "one,two,three\n"), ("a.jsonl", "{\"text\": \"one\"}\n")]
    {
        for parser in parsers() {
            let bytes = Cursor::new(line.repeat(SIZE / line.len()).into_bytes());
            let (mut source, mut sink) = (Pieces { bytes, longest: 0 }, Lengths::default());
            let hints = FileHints { name: name.to_owned(), content_type: None };
            parser.parse(&mut source as &mut dyn Source, &hints, &mut sink).unwrap();
            assert!(sink.all > SIZE / 8, "{name}: {parser:?} read {} bytes", sink.all);
            assert!(source.longest <= PIECE && sink.longest <= PIECE, "{name}: {parser:?}");
        }
    }
}

#[test]
fn a_document_that_fails_emits_nothing() {
    let good = paragraph("", "text").repeat(100);
    let deep = docx(&format!("{good}{}", "<w:p>".repeat(100_000)));
    let mut before = Vec::new();
    let (failed, _) = Documents::default().parse_streaming(
        &mut Cursor::new(deep.clone()),
        &FileHints::default(),
        &mut before,
    );
    assert!(failed.is_err() && !before.is_empty(), "it does not fail in its midst");
    let (failed, blocks) = read(&Documents::default(), &deep, "a.docx");
    assert!(failed.is_err() && blocks.is_empty(), "{failed:?}");
    let broken = [b"fine\n\n".repeat(10_000).as_slice(), &[0xFF]].concat();
    let (failed, blocks) = read(&PlainText, &broken, "a.txt");
    assert!(failed.is_err() && blocks.is_empty(), "{failed:?}");
}

#[test]
fn hostile_input_ends_in_an_error_with_a_documented_code() {
    let garbage: Vec<u8> = (0..10_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let nested = "[".repeat(100_000);
    let code = |(read, _): (Result<ParseReport>, Vec<Block>)| read.err().map(|error| error.code());
    for parser in parsers() {
        for bytes in [b"".as_slice(), b" \n\t\r\n", &garbage] {
            let code = code(read(parser.as_ref(), bytes, "a.txt"));
            assert!(code.is_some_and(|code| CODES.contains(&code)), "{parser:?}: {bytes:.20?}");
        }
    }
    for (bytes, name) in
        [(nested.as_bytes(), "a.json"), (&docx("<w:p/>"), "a.docx"), (b"PK\x03\x04", "a.zip")]
    {
        let code = code(read(&Documents::default(), bytes, name));
        assert!(code.is_some_and(|code| CODES.contains(&code)), "{name}");
    }
}
