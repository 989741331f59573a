//! Plain text parser: UTF-8 text, one block for each paragraph.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

use super::parser::{Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes};
use crate::error::{Error, ErrorKind, Result};

/// Maximum length of an undivided paragraph, in bytes.
const MAX_PARAGRAPH: usize = 64 * 1024;

/// Number of bytes that show the format.
const HEAD: u64 = 16 * 1024;

/// Maximum length of a line, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Parser of UTF-8 text with paragraphs separated by blank lines. For programs that embed Nexus and ingest text only;
/// the parsers of files are in `nexus-providers`, and `Builder::parser` takes them. Files of other formats are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl DocumentParser for PlainText {
    fn parse(
        &self,
        source: &mut dyn Source,
        _hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        // All of the source is checked before any block is emitted.
        check(source)?;
        source.rewind().map_err(unreadable)?;
        let mut reader = BufReader::new(source);
        let mut paragraph = String::new();
        let mut line = Vec::new();
        while next_line(&mut reader, &mut line)? {
            let text = std::str::from_utf8(&line).map_err(not_text)?.trim_end_matches(['\r', '\n']);
            if text.trim().is_empty() || paragraph.len() > MAX_PARAGRAPH {
                hand_over(&mut paragraph, sink)?;
            }
            if !text.trim().is_empty() {
                if !paragraph.is_empty() {
                    paragraph.push('\n');
                }
                paragraph.push_str(&text.replace('\0', "\u{FFFD}"));
            }
        }
        hand_over(&mut paragraph, sink)?;
        Ok(ParseReport { content_type: "text/plain".to_owned(), ..ParseReport::default() })
    }
}

/// Rejects a source that is a file of another format, is not UTF-8, has an overlong line or holds no text.
fn check(source: &mut dyn Source) -> Result<()> {
    source.rewind().map_err(unreadable)?;
    let mut head = Vec::new();
    Read::take(&mut *source, HEAD).read_to_end(&mut head).map_err(unreadable)?;
    if let Some(format) = other_format(&head) {
        return Err(unsupported(format!("the document is {format}, not plain text")));
    }
    source.rewind().map_err(unreadable)?;
    let (mut reader, mut line, mut has_text) = (BufReader::new(source), Vec::new(), false);
    while next_line(&mut reader, &mut line)? {
        has_text |= !std::str::from_utf8(&line).map_err(not_text)?.trim().is_empty();
    }
    if has_text { Ok(()) } else { Err(Error::invalid("the document holds no text").with_code(codes::EMPTY)) }
}

/// Returns the name of the format that the first bytes show, if it is not text.
fn other_format(head: &[u8]) -> Option<&'static str> {
    let begins = |signature: &[u8]| head.starts_with(signature);
    match () {
        () if head.windows(5).take(1024).any(|bytes| bytes == b"%PDF-") => Some("a PDF file"),
        () if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Some("a ZIP archive or an Office file"),
        () if begins(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") => Some("an Office file from before 2007"),
        () if begins(b"{\\rtf") => Some("an RTF file"),
        () if is_binary(head) => Some("a binary file"),
        () => None,
    }
}

/// Returns whether the bytes hold more control characters than text does.
fn is_binary(head: &[u8]) -> bool {
    let control = |byte: &&u8| matches!(byte, 0..=8 | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F);
    let controls = head.iter().filter(control).count();
    controls > 3 && controls * 30 > head.len()
}

/// Reads the next line into `line`, and returns whether there was one.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = reader.take(MAX_LINE + 1).read_until(b'\n', line).map_err(unreadable)? as u64;
    if read > MAX_LINE {
        return Err(
            Error::invalid("the document is too large: a line of it is too long").with_code(codes::TOO_LARGE)
        );
    }
    Ok(read > 0)
}

fn hand_over(paragraph: &mut String, sink: &mut dyn BlockSink) -> Result<()> {
    if paragraph.is_empty() {
        return Ok(());
    }
    sink.block(Block { kind: BlockKind::Paragraph, text: std::mem::take(paragraph), page: None })
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the document's bytes could not be read").because(error)
}

fn not_text(error: std::str::Utf8Error) -> Error {
    unsupported("the document is not UTF-8 text").because(error)
}

fn unsupported(message: impl Into<Cow<'static, str>>) -> Error {
    Error::invalid(message)
        .with_code(codes::UNSUPPORTED)
        .with_hint("give `Builder::parser` the `documents::Documents` or the `documents::WorkerParser` of nexus-providers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_parted_by_blank_lines() {
        let mut blocks: Vec<Block> = Vec::new();
        let text = "one\r\nline\r\n\r\n\n  \ntwo\0";
        PlainText.parse(&mut std::io::Cursor::new(text), &FileHints::default(), &mut blocks).unwrap();
        let texts: Vec<&str> = blocks.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(texts, ["one\nline", "two\u{FFFD}"]);
    }

    #[test]
    fn nothing_is_handed_on_of_a_text_that_breaks_off() {
        let mut blocks: Vec<Block> = Vec::new();
        let bytes = [b"fine\n\n".repeat(10_000).as_slice(), &[0xff]].concat();
        let parsed = PlainText.parse(&mut std::io::Cursor::new(bytes), &FileHints::default(), &mut blocks);
        assert_eq!(parsed.unwrap_err().code(), codes::UNSUPPORTED);
        assert!(blocks.is_empty());
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], why: &str) {
        let mut blocks: Vec<Block> = Vec::new();
        let mut source = std::io::Cursor::new(bytes.to_vec());
        let error = PlainText.parse(&mut source, &FileHints::default(), &mut blocks).unwrap_err();
        assert_eq!((error.code(), blocks.len()), (codes::UNSUPPORTED, 0));
        assert!(error.message().contains(why), "{}", error.message());
        let hint = error.hint().unwrap();
        assert!(hint.contains("nexus-providers") && hint.contains("Builder::parser"), "{hint}");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        check_refused(&[0xff, 0xfe], "not UTF-8");
    }

    #[test]
    fn files_of_other_formats_are_refused_by_name() {
        check_refused(b"%PDF-1.4\n1 0 obj", "a PDF file");
        check_refused(b"\n\n%PDF-1.4\n1 0 obj", "a PDF file");
        check_refused(b"PK\x03\x04 and more", "a ZIP archive");
        check_refused(b"{\\rtf1 text}", "an RTF file");
        check_refused(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "before 2007");
        check_refused(b"text\0\0\0\x01\x02 more", "a binary file");
    }
}
