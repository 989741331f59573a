//! The parser that needs no format: UTF-8 text, a block a paragraph.

use std::io::{BufRead, BufReader};

use super::parser::{Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source, codes};
use crate::error::{Error, ErrorKind, Result};

/// The longest paragraph that is kept whole, in bytes.
const MAX_PARAGRAPH: usize = 64 * 1024;

/// Reads UTF-8 text, paragraphs parted by blank lines. For programs that embed Nexus and bring text only; the
/// parsers of files are in `nexus-providers`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl DocumentParser for PlainText {
    fn parse(
        &self,
        source: &mut dyn Source,
        _hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let mut reader = BufReader::new(source);
        let mut paragraph = String::new();
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
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
            line.clear();
        }
        hand_over(&mut paragraph, sink)?;
        Ok(ParseReport { content_type: "text/plain".to_owned(), ..ParseReport::default() })
    }
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
    Error::invalid("the document is not UTF-8 text").code(codes::UNSUPPORTED).because(error)
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
    fn bytes_that_are_no_text_are_refused() {
        let mut blocks: Vec<Block> = Vec::new();
        let error =
            PlainText.parse(&mut std::io::Cursor::new([0xff, 0xfe]), &FileHints::default(), &mut blocks);
        assert_eq!(error.unwrap_err().stable_code(), codes::UNSUPPORTED);
    }
}
