//! Buffer of the chunker: the units of the current chunk and their text, and no other part of the document.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::BLOCK_SEPARATOR;
use crate::document::BlockKind;

/// Block, or piece of one.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) kind: BlockKind,
    /// Byte range in the document's text.
    pub(super) span: Range<u64>,
    pub(super) size: usize,
    /// Size of the blank line before it; 0 within a block.
    pub(super) gap: usize,
    pub(super) page: Option<u32>,
    pub(super) path: Arc<[String]>,
}

impl Unit {
    pub(super) fn is_heading(&self) -> bool {
        matches!(self.kind, BlockKind::Heading { .. })
    }
}

/// Consecutive units with their text.
#[derive(Debug, Default)]
pub(super) struct Window {
    units: VecDeque<Unit>,
    /// Sum of the sizes of the units and the gaps before them.
    sum: usize,
    /// Document's text from the first unit to the last.
    text: String,
}

impl Window {
    pub(super) fn units(&self) -> &VecDeque<Unit> {
        &self.units
    }

    /// Returns the size of the text.
    pub(super) fn size(&self) -> usize {
        self.sum - self.units.front().map_or(0, |first| first.gap)
    }

    /// Adds a unit whose text is `text`.
    pub(super) fn push(&mut self, unit: Unit, text: &str) {
        if unit.gap > 0 && !self.units.is_empty() {
            self.text.push_str(BLOCK_SEPARATOR);
        }
        self.text.push_str(text);
        self.sum += unit.gap + unit.size;
        self.units.push_back(unit);
    }

    /// Removes the first `count` units and their text.
    pub(super) fn forget(&mut self, count: usize) {
        let before = self.start();
        self.sum -= self.units.drain(..count).map(|unit| unit.gap + unit.size).sum::<usize>();
        match self.units.front() {
            Some(first) => self.text.drain(..bytes(before, first.span.start)),
            None => self.text.drain(..),
        };
    }

    /// Removes the beginning of the first unit, so that it starts at `start` and has `size`.
    pub(super) fn shorten_first(&mut self, start: u64, size: usize) {
        let before = self.start();
        if let Some(first) = self.units.front_mut() {
            self.sum = self.sum - first.gap - first.size + size;
            first.span.start = start;
            (first.size, first.gap) = (size, 0);
            self.text.drain(..bytes(before, start));
        }
    }

    /// Returns the text from the first unit to the end of the unit at place `last`.
    pub(super) fn text_to(&self, last: usize) -> &str {
        let end = self.units.get(last).map_or(0, |unit| bytes(self.start(), unit.span.end));
        self.text.get(..end).unwrap_or_default()
    }

    /// Returns the text of one unit.
    pub(super) fn text_of(&self, unit: &Unit) -> &str {
        let (start, end) = (bytes(self.start(), unit.span.start), bytes(self.start(), unit.span.end));
        self.text.get(start..end).unwrap_or_default()
    }

    fn start(&self) -> u64 {
        self.units.front().map_or(0, |first| first.span.start)
    }
}

/// Returns the distance of `to` from `from`. INVARIANT: both lie within the window, which is in memory.
fn bytes(from: u64, to: u64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)
}
