//! What a store keeps beside its rows for searches: derived from them, and made anew when it is lost.

use crate::permitted::Memory;
use crate::text::{Place, TextIndexes};
use crate::vector::Vectors;

/// Catalogues and permitted sets, text indexes, and vectors.
#[derive(Debug)]
pub(crate) struct Indexes {
    pub(crate) memory: Memory,
    pub(crate) texts: TextIndexes,
    pub(crate) vectors: Vectors,
}

impl Indexes {
    /// Indexes with their texts in `place`.
    pub(crate) fn new(place: Place) -> Self {
        Self { memory: Memory::default(), texts: TextIndexes::new(place), vectors: Vectors::default() }
    }

    /// Lets go of a corpus that is gone.
    pub(crate) fn forget(&self, corpus: i64) {
        self.memory.forget(corpus);
        self.texts.forget(corpus);
        self.vectors.forget(corpus);
    }
}
