//! A set of version ordinals, one bit each.

/// A set of numbers that lie close together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    /// The first number that the words stand for, a multiple of 64.
    base: i64,
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn contains(&self, number: i64) -> bool {
        let Some((word, bit)) = self.place(number) else { return false };
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn insert(&mut self, number: i64) {
        if self.words.is_empty() {
            self.base = number & !63;
        }
        if number < self.base {
            let missing = usize::try_from((self.base - (number & !63)) / 64).unwrap_or(0);
            self.words.splice(0..0, std::iter::repeat_n(0, missing));
            self.base = number & !63;
        }
        let Some((place, bit)) = self.place(number) else { return };
        if place >= self.words.len() {
            self.words.resize(place + 1, 0);
        }
        if let Some(word) = self.words.get_mut(place) {
            *word |= bit;
        }
    }

    pub(crate) fn remove(&mut self, number: i64) {
        let Some((place, bit)) = self.place(number) else { return };
        if let Some(word) = self.words.get_mut(place) {
            *word &= !bit;
        }
    }

    fn place(&self, number: i64) -> Option<(usize, u64)> {
        let offset = number.checked_sub(self.base).filter(|offset| *offset >= 0)?;
        Some((usize::try_from(offset / 64).ok()?, 1 << (offset % 64)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set(operations in proptest::collection::vec((any::<bool>(), 1_i64..700), 0..60)) {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for (insert, number) in operations {
                if insert { bits.insert(number); set.insert(number); } else { bits.remove(number); set.remove(&number); }
            }
            for number in -5..800 {
                prop_assert_eq!(bits.contains(number), set.contains(&number));
            }
        }
    }
}
