//! Set of version ordinals, one bit each.
//!
//! Ordinals count across the whole store, so those of one corpus may lie far apart: the gaps take no memory.

/// Number of ordinals in a chunk.
const CHUNK: i64 = 4096;
/// Number of words in a chunk.
const WORDS: usize = 64;

/// Bits of one chunk.
type Chunk = Box<[u64; WORDS]>;

/// Set of numbers, most of which lie close together.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitSet {
    /// Number of the first chunk.
    base: i64,
    chunks: Vec<Option<Chunk>>,
}

impl BitSet {
    pub(crate) fn contains(&self, number: i64) -> bool {
        let chunk = self.place(number).and_then(|place| self.chunks.get(place)?.as_ref());
        let (word, bit) = within(number);
        chunk.and_then(|chunk| chunk.get(word)).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn insert(&mut self, number: i64) {
        let chunk = number.div_euclid(CHUNK);
        if self.chunks.is_empty() {
            self.base = chunk;
        }
        if chunk < self.base {
            let missing = usize::try_from(self.base - chunk).unwrap_or(0);
            self.chunks.splice(0..0, std::iter::repeat_n(None, missing));
            self.base = chunk;
        }
        let Some(place) = self.place(number) else { return };
        if place >= self.chunks.len() {
            self.chunks.resize(place + 1, None);
        }
        let (word, bit) = within(number);
        if let Some(chunk) = self.chunks.get_mut(place) {
            let words = chunk.get_or_insert_with(|| Box::new([0; WORDS]));
            if let Some(word) = words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(crate) fn remove(&mut self, number: i64) {
        let Some(place) = self.place(number) else { return };
        let (word, bit) = within(number);
        let Some(chunk) = self.chunks.get_mut(place) else { return };
        let Some(words) = chunk else { return };
        if let Some(word) = words.get_mut(word) {
            *word &= !bit;
        }
        if words.iter().all(|word| *word == 0) {
            *chunk = None;
        }
    }

    /// Returns the size of the set in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let chunks = self.chunks.iter().flatten().count();
        size_of::<Self>() + self.chunks.len() * size_of::<Option<Chunk>>() + chunks * WORDS * 8
    }

    fn place(&self, number: i64) -> Option<usize> {
        usize::try_from(number.div_euclid(CHUNK).checked_sub(self.base)?).ok()
    }
}

/// Returns the word of a number within its chunk, and the bit within the word.
fn within(number: i64) -> (usize, u64) {
    let offset = number.rem_euclid(CHUNK);
    (usize::try_from(offset / 64).unwrap_or(0), 1 << (offset % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set(operations in proptest::collection::vec((any::<bool>(), 1_i64..20_000), 0..60)) {
            let (mut bits, mut set) = (BitSet::default(), BTreeSet::new());
            for (insert, number) in operations {
                if insert { bits.insert(number); set.insert(number); } else { bits.remove(number); set.remove(&number); }
            }
            for number in -5..21_000 {
                prop_assert_eq!(bits.contains(number), set.contains(&number));
            }
        }
    }

    #[test]
    fn numbers_far_apart_take_little_memory() {
        let mut bits = BitSet::default();
        for number in [900_000_000, 1, 500_000_000] {
            bits.insert(number);
        }
        // Eight bytes for each gap of 4096 numbers, where a bit for each number would take 112 MB.
        assert!(bits.bytes() < 2_000_000, "{}", bits.bytes());
        for number in [900_000_000, 1, 500_000_000] {
            bits.remove(number);
            assert!(!bits.contains(number));
        }
    }
}
