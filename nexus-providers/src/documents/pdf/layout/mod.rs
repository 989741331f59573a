//! Page layout: positioned characters become text in reading order, by way of words, lines, columns, and paragraphs,
//! headings, list items and tables.
//!
//! Each step sorts or sweeps, so the time per page is proportional to n log n of its characters.

mod bidi;
mod blocks;
mod columns;
mod hyphens;
mod lines;
mod margins;
mod overprint;
mod scripts;
mod spacing;
mod tables;
mod words;

use std::collections::BTreeMap;

use super::area::Area;
use super::glyph::Glyph;
use hyphens::Vocabulary;
use lines::Segment;
use margins::Margins;

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

/// Layout of a document's pages, which learns the size of its body text and its words page by page.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Number of characters of each size, in halves of a point.
    sizes: BTreeMap<u32, u64>,
    vocabulary: Vocabulary,
    margins: Margins,
}

impl Layout {
    /// Returns the parts of a page in reading order, from its visible area.
    pub(super) fn page(&mut self, glyphs: &[Glyph], area: Option<Area>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut directions = segments(glyphs);
        for segment in directions.iter().flatten() {
            *self.sizes.entry(halves(segment.size)).or_default() += segment.characters();
        }
        let body = self.body();
        self.margins.begin_page();
        // Most of the lines of a page have the first direction.
        let is_level = glyphs.iter().filter(|glyph| glyph.direction.0 > 0.99).count() * 2 > glyphs.len();
        if let (Some(area), Some(segments), true) = (area, directions.first_mut(), is_level) {
            self.margins.leave_out(segments, area, body);
        }
        for segments in &mut directions {
            scripts::write(segments, body);
            for segment in segments {
                self.vocabulary.learn(segment);
            }
        }
        for segments in directions {
            for region in columns::regions(segments) {
                blocks::pieces(&lines::rows(region), body, &self.vocabulary, &mut pieces);
            }
        }
        pieces
    }

    /// Completes a word that begins at the end of a page on that page.
    pub(super) fn join(&self, above: &mut [Piece], below: &mut Vec<Piece>) {
        let last = above.last_mut();
        if let (Some(Piece::Paragraph(above) | Piece::Item(above)), Some(Piece::Paragraph(text))) =
            (last, below.first_mut())
        {
            self.vocabulary.complete(above, text);
            if text.is_empty() {
                below.remove(0);
            }
        }
    }

    /// Returns the size of most characters so far.
    fn body(&self) -> f64 {
        let most = self.sizes.iter().max_by_key(|(size, count)| (**count, std::cmp::Reverse(**size)));
        most.map_or(0.0, |(size, _)| f64::from(*size) / 2.0)
    }
}

/// Returns the text of a few glyphs, line by line.
pub(super) fn plain(glyphs: &[Glyph]) -> String {
    let rows = segments(glyphs).into_iter().flat_map(|mut segments| {
        scripts::write(&mut segments, 0.0);
        lines::rows(segments)
    });
    rows.map(|row| blocks::tidy(&row.text)).collect::<Vec<_>>().join("\n")
}

/// Returns the segments of each direction of lines.
fn segments(glyphs: &[Glyph]) -> Vec<Vec<Segment>> {
    words::by_direction(&overprint::once(glyphs)).into_iter().map(lines::segments).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is kept within the type first"
)]
fn halves(size: f64) -> u32 {
    (size * 2.0).round().clamp(0.0, 100_000.0) as u32
}
