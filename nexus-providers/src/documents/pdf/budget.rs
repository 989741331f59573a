//! Work budgets of a page and of a document, counted in steps and never in seconds, so that every machine reads the
//! same bytes the same way.

use std::fmt;

/// Kind of work that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Operators of content streams: drawing, text, state.
    Operators,
    /// Characters shown by text operators.
    Glyphs,
    /// Decoded bytes of streams, and bytes of dictionaries.
    Bytes,
    /// Look-ups of objects: fonts, forms, resources, parts of the content.
    Lookups,
}

const KINDS: usize = 4;

/// Work limits of a page. A chart of 50,000 shapes has 100,000 operators and a map of a town a few million; the
/// densest print has 50,000 characters; content and fonts of a page rarely decode to more than 10 MiB.
const PAGE: [u64; KINDS] = [5_000_000, 500_000, 128 << 20, 100_000];

/// Work limits of a document, regardless of its size: 5,000 pages of 4,000 characters have 20 million of them, and
/// may share one content stream.
const DOCUMENT: [u64; KINDS] = [100_000_000, 50_000_000, 1 << 30, 5_000_000];

/// Additional work allowed for each byte of the file: more than content that is stored once can need.
const EACH_BYTE: [u64; KINDS] = [8, 4, 16, 1];

/// Exceeded work limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// Kind of the work.
    pub(super) work: Work,
    /// Whether the limit is that of the document rather than of a page.
    pub(super) document: bool,
    limit: u64,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.work {
            Work::Operators => write!(f, "more than {limit} drawing operators"),
            Work::Glyphs => write!(f, "more than {limit} characters"),
            Work::Bytes => write!(f, "more than {limit} bytes of decoded content"),
            Work::Lookups => write!(f, "more than {limit} look-ups of objects"),
        }
    }
}

/// Work of the current page and of the document so far, with the limits of both.
#[derive(Debug)]
pub(super) struct WorkBudget {
    page: [u64; KINDS],
    document: [u64; KINDS],
    limits: [u64; KINDS],
}

impl WorkBudget {
    /// Creates the budget of a document whose file has this many bytes.
    pub(super) fn new(source: usize) -> Self {
        let source = u64::try_from(source).unwrap_or(u64::MAX);
        let mut limits = DOCUMENT;
        for (limit, each) in limits.iter_mut().zip(EACH_BYTE) {
            *limit = limit.saturating_add(source.saturating_mul(each));
        }
        Self { page: [0; KINDS], document: [0; KINDS], limits }
    }

    /// Begins a page. Its work counts from zero.
    pub(super) fn begin_page(&mut self) {
        self.page = [0; KINDS];
    }

    /// Counts work before it is done.
    pub(super) fn spend(&mut self, work: Work, amount: u64) -> Result<(), Exhausted> {
        let exhausted = |document, limit| Err(Exhausted { work, document, limit });
        let kind = work as usize;
        if let Some(((spent, of_document), limit)) =
            self.page.get_mut(kind).zip(self.document.get_mut(kind)).zip(self.limits.get(kind))
        {
            *spent = spent.saturating_add(amount);
            *of_document = of_document.saturating_add(amount);
            if *of_document > *limit {
                return exhausted(true, *limit);
            }
            let page = PAGE.get(kind).copied().unwrap_or_default();
            if *spent > page {
                return exhausted(false, page);
            }
        }
        Ok(())
    }

    /// Counts bytes that are read.
    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.spend(Work::Bytes, u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Returns how many more bytes the page may decode.
    pub(super) fn bytes_left(&self) -> usize {
        let kind = Work::Bytes as usize;
        let left = |spent: &[u64; KINDS], limits: &[u64; KINDS]| {
            let (spent, limit) = (spent.get(kind).copied(), limits.get(kind).copied());
            limit.unwrap_or_default().saturating_sub(spent.unwrap_or_default())
        };
        let left = left(&self.page, &PAGE).min(left(&self.document, &self.limits));
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Returns the work of the document so far: operators, glyphs, bytes, look-ups.
    pub(super) fn spent(&self) -> [u64; KINDS] {
        self.document
    }
}
