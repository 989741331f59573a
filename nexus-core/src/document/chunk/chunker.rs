//! Chunker: packs blocks into chunks.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::buffer::{Unit, Window};
use super::heading_path::Outline;
use super::split::{Measure, each_piece};
use super::{BLOCK_SEPARATOR, Chunk, ChunkConfig, TokenCounter};
use crate::document::{Block, BlockKind};

/// Minimum fill of a chunk as a fraction of the budget: a chunk at least this full may end before a new section, or
/// before a block that does not fit. A smaller one is filled up instead.
const MIN_FILL: usize = 4;

/// Chunker of one document. The same blocks always give the same chunks.
///
/// ```
/// use std::sync::Arc;
/// use nexus_core::document::chunk::{ChunkConfig, Chunker, EstimatedTokens};
/// use nexus_core::document::{Block, BlockKind};
///
/// let mut chunker = Chunker::new(ChunkConfig::default(), Arc::new(EstimatedTokens));
/// let block = Block { kind: BlockKind::Paragraph, text: "Keep invoices for ten years.".into(), page: Some(3) };
/// let mut chunks = chunker.push(block);
/// chunks.extend(chunker.finish());
/// assert_eq!((chunks[0].text.as_str(), chunks[0].page), ("Keep invoices for ten years.", Some(3)));
/// ```
#[derive(Debug)]
pub struct Chunker {
    counter: Arc<dyn TokenCounter>,
    measure: Arc<Measure>,
    /// Size of the blank line between two blocks.
    separator: usize,
    outline: Outline,
    window: Window,
    /// Number of units of the window that repeat the previous chunk.
    carried: usize,
    /// Number of bytes of the document seen so far.
    seen: u64,
    index: u32,
    done: Vec<Chunk>,
}

impl Chunker {
    /// Creates a chunker for one document. `counter` counts the tokens of each chunk, and measures the budget if that
    /// is in tokens.
    pub fn new(config: ChunkConfig, counter: Arc<dyn TokenCounter>) -> Self {
        let measure = Arc::new(Measure::new(config, &counter));
        Self {
            counter,
            separator: measure.size(BLOCK_SEPARATOR).max(1),
            measure,
            outline: Outline::default(),
            window: Window::default(),
            carried: 0,
            seen: 0,
            index: 0,
            done: Vec::new(),
        }
    }

    /// Adds the next block and returns the chunks that it completes. A block without text is skipped.
    pub fn push(&mut self, block: Block) -> Vec<Chunk> {
        let Block { kind, text, page } = block;
        if self.turns_to(page) {
            self.end_page();
        }
        if let BlockKind::Heading { level } = kind
            && !text.is_empty()
        {
            self.outline.enter(level, &text);
            if self.may_end_here() {
                self.close(0);
            }
        }
        let mut gap = if self.seen > 0 { self.separator } else { 0 };
        let size = self.measure.within(&text);
        if let Some(size) = size.filter(|size| self.takes_whole(kind, *size, gap)) {
            self.add(kind, page, gap, &text, size);
        } else {
            let kind = if size.is_none() { as_text(kind) } else { kind };
            each_piece(kind, &text, &Arc::clone(&self.measure), |piece, size| {
                self.add(kind, page, gap, piece, size);
                gap = 0;
            });
        }
        std::mem::take(&mut self.done)
    }

    /// Returns the last chunks.
    pub fn finish(mut self) -> Vec<Chunk> {
        while self.has_new() {
            self.close(0);
        }
        self.done
    }

    /// Returns whether to keep a block whole, in this chunk or the next, rather than split it to fill this one.
    fn takes_whole(&self, kind: BlockKind, size: usize, gap: usize) -> bool {
        let keeps = || kind == BlockKind::Table && self.fits_next(size, gap);
        !self.has_new() || self.may_end_here() || self.fits(size, gap) || keeps()
    }

    /// Returns whether a table fits the next chunk, below the headings that would move there with it. The rows of a
    /// table that is split would be apart from their header.
    fn fits_next(&self, size: usize, gap: usize) -> bool {
        let fresh = self.window.units().iter().skip(self.carried);
        let headings = fresh.rev().take_while(|unit| unit.is_heading()).map(|unit| unit.gap + unit.size);
        headings.sum::<usize>() + gap + size <= self.measure.limit
    }

    fn add(&mut self, kind: BlockKind, page: Option<u32>, gap: usize, text: &str, size: usize) {
        while !self.fits(size, gap) {
            if self.has_new() {
                let room = self.measure.limit.saturating_sub(gap + size);
                self.close(room.min(self.measure.overlap));
            } else {
                self.window.forget(1);
                self.carried -= 1;
            }
        }
        let start = self.seen + if gap > 0 { length(BLOCK_SEPARATOR) } else { 0 };
        self.seen = start + length(text);
        let path = self.outline.path();
        self.window.push(Unit { kind, span: start..self.seen, size, gap, page, path }, text);
    }

    /// Returns whether a unit fits the window. An empty window accepts any unit.
    fn fits(&self, size: usize, gap: usize) -> bool {
        self.window.units().is_empty() || self.window.size() + gap + size <= self.measure.limit
    }

    fn has_new(&self) -> bool {
        self.window.units().len() > self.carried
    }

    /// Returns whether `page` differs from the previous one. A chunk keeps to one page, so that its citation names
    /// the right one.
    fn turns_to(&self, page: Option<u32>) -> bool {
        self.window.units().back().is_some_and(|last| last.page != page)
    }

    /// Ends the open chunk. A heading at the foot of the page moves to the text that follows it.
    fn end_page(&mut self) {
        if self.has_new() {
            self.close(0);
        } else {
            self.window.forget(self.carried);
            self.carried = 0;
        }
    }

    /// Returns whether the new part of the window can be a chunk: long enough, and not ending with a heading.
    fn may_end_here(&self) -> bool {
        let fresh = || self.window.units().iter().skip(self.carried);
        fresh().next_back().is_some_and(|last| !last.is_heading())
            && fresh().map(|unit| unit.size).sum::<usize>() >= self.measure.limit / MIN_FILL
    }

    /// Ends a chunk. Headings at its end move to the next chunk; up to `overlap` of the text before them is repeated
    /// there.
    fn close(&mut self, overlap: usize) {
        let (count, tokens) = self.settle();
        let units = self.window.units();
        let Some((first, last)) = units.front().zip(units.get(count - 1)) else { return };
        let text = self.window.text_to(count - 1).to_owned();
        self.done.push(Chunk {
            index: self.index,
            span: first.span.start..last.span.end,
            page: units.iter().take(count).find(|unit| !unit.is_heading()).unwrap_or(first).page,
            heading_path: first.path.to_vec(),
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            hash: crate::hex::encode(&Sha256::digest(&text)),
            text,
        });
        self.index += 1;
        let goes_on = units.get(count).is_none_or(|next| !next.is_heading());
        let tail =
            if goes_on && overlap > 0 { self.tail(count, overlap) } else { Tail { from: count, cut: None } };
        self.window.forget(tail.from);
        if let Some((start, size)) = tail.cut {
            self.window.shorten_first(start, size);
        }
        self.carried = count - tail.from;
    }

    /// Returns the number of units in the current chunk, and its tokens. The sizes of units may add up to less than
    /// the size of the whole when a vocabulary counts across their borders; then the chunk drops its repeated units,
    /// then its end.
    fn settle(&mut self) -> (usize, usize) {
        let mut count = self.before_headings(self.window.units().len());
        loop {
            let tokens = self.counter.count(self.window.text_to(count - 1));
            if !self.measure.is_over(tokens) || count == 1 {
                return (count, tokens);
            }
            if self.carried > 0 {
                self.window.forget(1);
                self.carried -= 1;
                count -= 1;
            } else {
                count = self.before_headings(count - 1);
            }
        }
    }

    /// Returns `count` without the headings at the end, unless nothing else is new.
    fn before_headings(&self, count: usize) -> usize {
        let headings =
            self.window.units().range(self.carried..count).rev().take_while(|unit| unit.is_heading()).count();
        if self.carried + headings < count { count - headings } else { count }
    }

    /// Returns the part of the first `count` units that the next chunk repeats: whole units from the end, and the end
    /// of the one before them, as far as they fit `overlap`. Never a heading, never repeated text, and never rows of a
    /// table, which would stand without their header.
    fn tail(&self, count: usize, overlap: usize) -> Tail {
        let mut room = overlap;
        for (place, unit) in self.window.units().iter().enumerate().take(count).skip(self.carried).rev() {
            if unit.is_heading() || unit.kind == BlockKind::Table {
                return Tail { from: place + 1, cut: None };
            }
            if unit.size + unit.gap > room || place == 0 {
                return self.cut_tail(place, unit, room);
            }
            room -= unit.size + unit.gap;
        }
        Tail { from: self.carried, cut: None }
    }

    /// Returns the last pieces of `unit` that fit `room`.
    fn cut_tail(&self, place: usize, unit: &Unit, room: usize) -> Tail {
        let mut pieces = Vec::new();
        each_piece(unit.kind, self.window.text_of(unit), &self.measure, |piece, size| {
            pieces.push((piece.len(), size));
        });
        let (mut start, mut taken) = (unit.span.end, 0);
        for (bytes, size) in pieces.into_iter().skip(1).rev() {
            if taken + size > room {
                break;
            }
            taken += size;
            start -= bytes as u64;
        }
        if taken == 0 {
            Tail { from: place + 1, cut: None }
        } else {
            Tail { from: place, cut: Some((start, taken)) }
        }
    }
}

/// Overlap with the next chunk: the units from place `from` on, the first of them from `cut` on with its new size.
struct Tail {
    from: usize,
    cut: Option<(u64, usize)>,
}

/// Returns the kind of a block that is too long: a heading becomes a paragraph.
fn as_text(kind: BlockKind) -> BlockKind {
    if matches!(kind, BlockKind::Heading { .. }) { BlockKind::Paragraph } else { kind }
}

fn length(text: &str) -> u64 {
    text.len() as u64
}
