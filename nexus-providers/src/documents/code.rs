//! Source code: one block per top-level item, as blank lines and indentation show it.

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};

use super::block_writer::Output;
use super::lines::{Lines, detect};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let limit = out.limits.block_bytes;
    let mut lines = Lines::new(source, charset, limit)?;
    let (mut item, mut blank) = (String::new(), false);
    while let Some(line) = lines.next()? {
        let top_level = line.text.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '}' | ')' | ']'));
        if blank && top_level || item.len() + line.text.len() > limit {
            out.push(BlockKind::Code, &item)?;
            item.clear();
        }
        blank = line.text.trim().is_empty();
        item.push_str(&line.text);
        if line.complete {
            item.push('\n');
        }
    }
    out.push(BlockKind::Code, &item)
}
