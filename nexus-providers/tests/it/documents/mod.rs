//! Document parser on files built by the tests.

mod amplification;
mod archives;
mod build;
mod contract;
mod encodings;
mod hostile;
mod inventory;
mod linear;
mod mail;
mod markup;
mod meaning;
mod office;
mod pages;
mod pdf;
mod sheets;
mod tables;
mod texts;
mod truncation;
mod unseen;

use std::io::Cursor;

use nexus_core::Error;
use nexus_core::document::parser::{Block, BlockKind, DocumentParser, FileHints, ParseReport};
use nexus_providers::documents::{DocumentLimits, Documents};

/// Parses within limits. Returns the blocks in short form.
fn parse_within(
    limits: DocumentLimits,
    bytes: &[u8],
    name: &str,
) -> Result<(Vec<String>, ParseReport), Error> {
    let mut blocks = Vec::new();
    let hints = FileHints { name: name.into(), content_type: None };
    let report =
        Documents::with_limits(limits).parse(&mut Cursor::new(bytes.to_vec()), &hints, &mut blocks)?;
    blocks.iter().for_each(keeps_the_rules);
    Ok((blocks.iter().map(short).collect(), report))
}

fn parse(bytes: &[u8], name: &str) -> Result<(Vec<String>, ParseReport), Error> {
    parse_within(DocumentLimits::default(), bytes, name)
}

/// Asserts the invariants of every block, regardless of its format.
fn keeps_the_rules(block: &Block) {
    assert!(!block.text.trim().is_empty(), "a block is never blank");
    assert!(!block.text.contains(['\r', '\0']), "line ends are `\\n`, and U+0000 is replaced: {block:?}");
}

/// Formats a block: `h1 Title`, `p text`, `li item`, `table …`, `code …`, with `@page` where there is one.
fn short(block: &Block) -> String {
    let kind = match block.kind {
        BlockKind::Heading { level } => format!("h{level}"),
        BlockKind::Paragraph => "p".into(),
        BlockKind::ListItem => "li".into(),
        BlockKind::Table => "table".into(),
        BlockKind::Code => "code".into(),
    };
    let page = block.page.map(|page| format!("@{page}")).unwrap_or_default();
    format!("{kind}{page} {}", block.text)
}

/// Asserts that the file holds exactly these blocks.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, name: &str, expected: &[&str]) -> ParseReport {
    let (blocks, report) = parse(bytes.as_ref(), name).unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!(blocks, expected);
    report
}

/// Asserts that the file fails with this code.
#[track_caller]
fn check_fault(bytes: impl AsRef<[u8]>, name: &str, code: &str) {
    check_fault_within(DocumentLimits::default(), bytes, name, code);
}

#[track_caller]
fn check_fault_within(limits: DocumentLimits, bytes: impl AsRef<[u8]>, name: &str, code: &str) {
    match parse_within(limits, bytes.as_ref(), name) {
        Ok((blocks, _)) => panic!("expected {code}, found {} blocks: {:.200?}", blocks.len(), blocks),
        Err(error) => assert_eq!(error.code(), code, "{}", error.report()),
    }
}
