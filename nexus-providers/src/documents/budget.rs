//! Budget of one document: a limit on its output relative to its size, and a count of the work that reading it takes.
//!
//! Work is counted and never timed, so an idle and a busy machine read the same bytes the same way.

use std::cell::Cell;

use nexus_core::Result;

use super::{DocumentLimits, error};

/// Charge for the structure of each block, in bytes. It bounds documents of many nearly empty blocks.
const BLOCK_OVERHEAD: u64 = 16;

/// Maximum length of a cell text that is repeated in every position of a merged or repeated cell, in bytes. A longer
/// text is written in the first position only.
pub(super) const REPEATED_CELL_BYTES: usize = 512;

/// Resource consumption of reading a document, counted rather than timed: equal for equal bytes on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Bytes of text, titles and warnings written.
    pub text_bytes: u64,
    /// Steps of work: bytes unpacked, elements and cells read, nodes visited.
    pub steps: u64,
}

/// Output budget and work counter of a document. Its readers, archives and attachments share one.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    written: Cell<u64>,
    copied: Cell<u64>,
    steps: Cell<u64>,
}

impl Budget {
    /// Creates the budget of a document whose file has `source` bytes.
    pub(super) fn new(limits: &DocumentLimits, source: u64) -> Self {
        Self {
            limit: allowance(limits, source),
            written: Cell::default(),
            copied: Cell::default(),
            steps: Cell::default(),
        }
    }

    /// Charges a block before it is written.
    pub(super) fn write(&self, text: usize) -> Result<()> {
        self.charge(&self.written, (text as u64).saturating_add(BLOCK_OVERHEAD))
    }

    /// Charges text that a reader is about to copy in memory, such as repeated cells and shared strings.
    pub(super) fn copy(&self, bytes: usize) -> Result<()> {
        self.charge(&self.copied, bytes as u64)
    }

    /// Checks that text may be copied, before the work of copying it piece by piece.
    pub(super) fn check_copy(&self, bytes: usize) -> Result<()> {
        let copied = self.copied.get().saturating_add(bytes as u64);
        if copied > self.limit { Err(error::amplifies(self.limit)) } else { Ok(()) }
    }

    /// Counts work. Readers do a bounded amount for each byte, which tests verify.
    pub(super) fn work(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_add(steps as u64));
    }

    pub(super) fn consumption(&self) -> Consumption {
        Consumption { text_bytes: self.written.get(), steps: self.steps.get() }
    }

    fn charge(&self, account: &Cell<u64>, bytes: u64) -> Result<()> {
        account.set(account.get().saturating_add(bytes));
        if account.get() > self.limit { Err(error::amplifies(self.limit)) } else { Ok(()) }
    }
}

/// Returns the maximum output of a file of `source` bytes, in bytes.
pub(super) fn allowance(limits: &DocumentLimits, source: u64) -> u64 {
    source.saturating_mul(limits.amplification).max(limits.amplification_from)
}

#[cfg(test)]
mod tests {
    use nexus_core::document::parser::codes;

    use super::*;

    #[test]
    fn a_document_may_yield_a_multiple_of_its_size_and_never_less_than_the_floor() {
        let limits =
            DocumentLimits { amplification: 10, amplification_from: 1_000, ..DocumentLimits::default() };
        assert_eq!((allowance(&limits, 5), allowance(&limits, 500)), (1_000, 5_000));
        let budget = Budget::new(&limits, 5);
        assert!(budget.write(900).is_ok());
        assert!(budget.copy(900).is_ok(), "copies are an account of their own");
        assert_eq!(budget.write(100).unwrap_err().code(), codes::AMPLIFIES);
    }
}
