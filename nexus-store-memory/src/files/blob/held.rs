//! Which bytes callers hold that no document rests on yet: counted, so that one caller's end is not another's.

use std::collections::HashMap;

use super::Key;

/// The bytes that are held.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Key, Holders>);

#[derive(Debug)]
struct Holders {
    count: usize,
    /// Whether no document may rest on the bytes when the last of them lets go.
    doubtful: bool,
}

impl Held {
    /// One more caller holds the bytes.
    pub(super) fn add(&mut self, key: Key) {
        let holders = self.0.entry(key).or_insert(Holders { count: 0, doubtful: true });
        holders.count = holders.count.saturating_add(1);
        holders.doubtful = true;
    }

    /// A caller lets go of the bytes. Says whether it was the last, and no document may rest on them.
    pub(super) fn release(&mut self, key: &Key) -> bool {
        let Some(holders) = self.0.get_mut(key) else { return false };
        holders.count = holders.count.saturating_sub(1);
        let (is_last, doubtful) = (holders.count == 0, holders.doubtful);
        if is_last {
            self.0.remove(key);
        }
        is_last && doubtful
    }

    /// Whether a caller holds the bytes; if so, they are looked at again when the last one lets go.
    pub(super) fn defers(&mut self, key: &Key) -> bool {
        self.0.get_mut(key).map(|holders| holders.doubtful = true).is_some()
    }

    /// A document rests on the bytes.
    pub(super) fn settle(&mut self, key: &Key) {
        if let Some(holders) = self.0.get_mut(key) {
            holders.doubtful = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        ("acme".to_owned(), "hash".to_owned())
    }

    #[test]
    fn the_last_of_two_callers_decides() {
        let mut held = Held::default();
        held.add(key());
        held.add(key());
        assert!(held.defers(&key()));
        assert!(!held.release(&key()));
        assert!(held.defers(&key()));
        assert!(held.release(&key()));
        assert!(!held.defers(&key()));
        assert!(!held.release(&key()));
    }

    #[test]
    fn bytes_on_which_a_document_rests_are_left_unless_it_goes_meanwhile() {
        let mut held = Held::default();
        held.add(key());
        held.settle(&key());
        assert!(!held.release(&key()));
        held.add(key());
        held.settle(&key());
        assert!(held.defers(&key()), "the document is deleted");
        assert!(held.release(&key()));
    }
}
