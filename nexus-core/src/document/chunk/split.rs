//! Splitting of blocks that do not fit: into sentences, or the lines of tables and code. Parts that are still too
//! long are split into lines, then into clauses, and only then between words.

use std::sync::Arc;

use text_splitter::{ChunkSizer, TextSplitter};

use super::{ChunkConfig, ChunkSize, TokenCounter};
use crate::document::BlockKind;
use crate::document::sentence_boundaries::sentences;

/// Maximum bytes of a token: a text longer than its budget times this needs no counting.
const MAX_BYTES_PER_TOKEN: usize = 128;

/// Budget of a configuration, with the measure of its unit.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    pub(super) limit: usize,
    pub(super) overlap: usize,
    counter: Option<Arc<dyn TokenCounter>>,
}

impl Measure {
    pub(super) fn new(config: ChunkConfig, counter: &Arc<dyn TokenCounter>) -> Self {
        let limit = usize::try_from(config.size().limit()).unwrap_or(usize::MAX);
        let overlap = usize::try_from(config.overlap()).unwrap_or(usize::MAX);
        let counter = match config.size() {
            ChunkSize::Tokens(_) => Some(Arc::clone(counter)),
            ChunkSize::Chars(_) => None,
        };
        Self { limit, overlap, counter }
    }

    pub(super) fn size(&self, text: &str) -> usize {
        self.counter.as_ref().map_or_else(|| text.chars().count(), |counter| counter.count(text))
    }

    /// Returns whether a text of `tokens` tokens is too long. A limit in characters is kept by adding up sizes.
    pub(super) fn is_over(&self, tokens: usize) -> bool {
        self.counter.is_some() && tokens > self.limit
    }

    /// Returns the size of `text`, if it is within the limit.
    pub(super) fn within(&self, text: &str) -> Option<usize> {
        if text.len() > self.limit.saturating_mul(MAX_BYTES_PER_TOKEN) {
            return None;
        }
        Some(self.size(text)).filter(|size| *size <= self.limit)
    }
}

impl ChunkSizer for Measure {
    fn size(&self, text: &str) -> usize {
        Measure::size(self, text)
    }
}

/// Passes to `take` the smallest parts of `text` between which a chunk may end, with their sizes. They join to
/// `text`.
pub(super) fn each_piece<'a>(
    kind: BlockKind,
    text: &'a str,
    measure: &Measure,
    mut take: impl FnMut(&'a str, usize),
) {
    match kind {
        BlockKind::Table | BlockKind::Code => each_line(text, measure, &mut take),
        BlockKind::Heading { .. } | BlockKind::Paragraph | BlockKind::ListItem => {
            for sentence in sentences(text).filter_map(|span| text.get(span)) {
                match measure.within(sentence) {
                    Some(size) => take(sentence, size),
                    None => each_line(sentence, measure, &mut take),
                }
            }
        }
    }
}

fn each_line<'a>(text: &'a str, measure: &Measure, take: &mut impl FnMut(&'a str, usize)) {
    for line in text.split_inclusive('\n') {
        match measure.within(line) {
            Some(size) => take(line, size),
            None => each_clause(line, measure, take),
        }
    }
}

/// Splits at every stop before white space, for endless sentences such as text without capitals.
fn each_clause<'a>(text: &'a str, measure: &Measure, take: &mut impl FnMut(&'a str, usize)) {
    let mut follows_stop = false;
    let clauses = text.split_inclusive(|c: char| {
        let ends = follows_stop && c.is_whitespace();
        follows_stop = matches!(c, '.' | '!' | '?' | ';');
        ends
    });
    for clause in clauses {
        match measure.within(clause) {
            Some(size) => take(clause, size),
            None => cut(clause, measure, take),
        }
    }
}

/// Splits text without other boundaries between words, or within one, into parts small enough that several fill a
/// chunk well.
fn cut<'a>(text: &'a str, measure: &Measure, take: &mut impl FnMut(&'a str, usize)) {
    let config =
        text_splitter::ChunkConfig::new((measure.limit / 8).max(1)).with_sizer(measure).with_trim(false);
    let splitter = TextSplitter::new(config);
    let mut rest = text;
    while !rest.is_empty() {
        let (window, after) = rest.split_at(window(rest));
        splitter.chunks(window).for_each(|part| take(part, measure.size(part)));
        rest = after;
    }
}

/// Returns the number of bytes of `text` to split at once, so that the cost stays linear: some words, or as many
/// bytes of an endless one.
fn window(text: &str) -> usize {
    let most = text.floor_char_boundary(WINDOW_BYTES);
    let words = text.get(..most).filter(|_| most < text.len()).and_then(|window| window.rfind(' '));
    words.map_or(most, |space| space + 1)
}

const WINDOW_BYTES: usize = 1024;
