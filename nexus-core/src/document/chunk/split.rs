//! Taking a block apart that does not fit: into sentences, or the lines of tables and code. What is still too long
//! goes into lines, then into clauses, and only then is cut between words.

use std::sync::Arc;

use text_splitter::{ChunkSizer, TextSplitter};

use super::{ChunkConfig, ChunkSize, TokenCounter};
use crate::document::BlockKind;
use crate::document::sentence_boundaries::sentences;

/// No token is longer than this many bytes, so a text that is longer than its budget times this needs no counting.
const MAX_BYTES_PER_TOKEN: usize = 128;

/// The unit of a configuration.
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

    /// Whether a text of so many tokens is too long. A limit in characters is kept by adding up.
    pub(super) fn is_over(&self, tokens: usize) -> bool {
        self.counter.is_some() && tokens > self.limit
    }

    /// The size of `text`, if it is within the limit.
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

/// The finest parts of `text` that a chunk boundary may fall between, with their sizes. They join to `text`.
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

/// Parts at every stop before white space: what an endless sentence has left, as in text without capitals.
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

/// Cuts what has no boundary left between words, or within one, into parts small enough that several fill a chunk well.
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

/// How much of `text` is cut at once, so that the cost stays linear: some words, or as many bytes of an endless one.
fn window(text: &str) -> usize {
    let most = text.floor_char_boundary(WINDOW_BYTES);
    let words = text.get(..most).filter(|_| most < text.len()).and_then(|window| window.rfind(' '));
    words.map_or(most, |space| space + 1)
}

const WINDOW_BYTES: usize = 1024;
