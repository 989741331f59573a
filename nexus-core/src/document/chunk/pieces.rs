//! Taking a block apart that does not fit: into lines or sentences, and what is still too long into words.

use std::sync::Arc;

use text_splitter::{ChunkSizer, TextSplitter};

use super::{ChunkConfig, ChunkSize, TokenCounter};
use crate::document::BlockKind;
use crate::document::sentence::sentences;

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
    let mut whole_or_cut = |piece: &'a str| match measure.within(piece) {
        Some(size) => take(piece, size),
        None => cut(piece, measure, &mut take),
    };
    match kind {
        BlockKind::Table | BlockKind::Code => text.split_inclusive('\n').for_each(&mut whole_or_cut),
        BlockKind::Heading { .. } | BlockKind::Paragraph | BlockKind::ListItem => {
            sentences(text).filter_map(|span| text.get(span)).for_each(whole_or_cut);
        }
    }
}

/// Cuts what has no boundary left into parts small enough that several fill a chunk well.
fn cut<'a>(text: &'a str, measure: &Measure, take: &mut impl FnMut(&'a str, usize)) {
    let config =
        text_splitter::ChunkConfig::new((measure.limit / 8).max(1)).with_sizer(measure).with_trim(false);
    let splitter = TextSplitter::new(config);
    let mut rest = text;
    while !rest.is_empty() {
        let (window, after) = rest.split_at(rest.floor_char_boundary(WINDOW_BYTES));
        splitter.chunks(window).for_each(|part| take(part, measure.size(part)));
        rest = after;
    }
}

/// How much is cut at once, so that the cost stays linear in a text without any boundary.
const WINDOW_BYTES: usize = 16 * 1024;
