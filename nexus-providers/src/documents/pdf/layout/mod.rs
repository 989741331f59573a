//! Page layout: positioned characters become text in reading order, by way of words, lines, columns, and paragraphs,
//! headings, list items and tables.
//!
//! Each step sorts or sweeps, so the time per page is proportional to n log n of its characters.

mod bidi;
mod blocks;
mod columns;
mod lines;
mod tables;
mod words;

use std::collections::BTreeMap;

use super::page::Glyph;

/// Part of a page in reading order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Heading with its level.
    Heading(u8, String),
    /// Running text.
    Paragraph(String),
    /// List item without its mark.
    Item(String),
    /// Table, row by row.
    Table(Vec<Vec<String>>),
}

/// Layout of a document's pages, which learns the size of its body text page by page.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Number of characters of each size, in halves of a point.
    sizes: BTreeMap<u32, u64>,
}

impl Layout {
    /// Returns the parts of a page in reading order.
    pub(super) fn page(&mut self, glyphs: &[Glyph]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let directions: Vec<_> = words::by_direction(glyphs).into_iter().map(lines::segments).collect();
        for segment in directions.iter().flatten() {
            *self.sizes.entry(halves(segment.size)).or_default() += segment.characters();
        }
        let body = self.body();
        for segments in directions {
            for region in columns::regions(segments) {
                blocks::pieces(&lines::rows(region), body, &mut pieces);
            }
        }
        pieces
    }

    /// Returns the size of most characters so far.
    fn body(&self) -> f64 {
        let most = self.sizes.iter().max_by_key(|(size, count)| (**count, std::cmp::Reverse(**size)));
        most.map_or(0.0, |(size, _)| f64::from(*size) / 2.0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is kept within the type first"
)]
fn halves(size: f64) -> u32 {
    (size * 2.0).round().clamp(0.0, 100_000.0) as u32
}
