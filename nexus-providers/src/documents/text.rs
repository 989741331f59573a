//! Plain text: paragraphs between blank lines, read in memory independent of the size of the source.

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::{Output, cut};
use super::lines::{Lines, detect};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let limit = out.limits.block_bytes;
    let mut lines = Lines::new(source, charset, limit)?;
    let mut paragraph = String::new();
    while let Some(line) = lines.next()? {
        let text = line.text.trim_start_matches('\u{C}');
        if text.len() < line.text.len() || text.trim().is_empty() {
            out.paragraph(&paragraph)?;
            paragraph.clear();
        }
        paragraph.push_str(text.trim_end_matches('\r'));
        if line.complete {
            paragraph.push('\n');
        }
        while paragraph.len() > limit {
            let rest = paragraph.split_off(cut(&paragraph, limit, false));
            out.paragraph(&paragraph)?;
            paragraph = rest;
        }
    }
    out.paragraph(&paragraph)
}
