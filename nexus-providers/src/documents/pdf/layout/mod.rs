//! From characters at their places to text in the order in which people read it: characters to words, words to lines,
//! lines to columns, and columns to paragraphs, headings, list items and tables.
//!
//! Each step sorts or sweeps, so that a page takes time in proportion to its characters (and their logarithm).

mod bidi;
mod blocks;
mod columns;
mod lines;
mod tables;
mod words;

use std::collections::BTreeMap;

use super::page::Glyph;

/// A part of a page in reading order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A heading with its level.
    Heading(u8, String),
    /// Running text.
    Paragraph(String),
    /// An item of a list, without its mark.
    Item(String),
    /// A table, row by row.
    Table(Vec<Vec<String>>),
}

/// Lays out the pages of a document, and learns the size of its text on the way.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// How many characters have which size, in halves of a point.
    sizes: BTreeMap<u32, u64>,
}

impl Layout {
    /// The parts of a page, in reading order.
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

    /// The size of most characters so far.
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
