//! Counts of the callers that hold bytes which no document references yet, so that one release does not affect
//! another.

use std::collections::HashMap;

use super::Key;

/// Held bytes with their holders.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Key, Holders>);

#[derive(Debug)]
struct Holders {
    count: usize,
    /// Whether the bytes may be unreferenced when the last holder releases them.
    maybe_unreferenced: bool,
}

impl Held {
    /// Adds a holder of the bytes.
    pub(super) fn add(&mut self, key: Key) {
        let holders = self.0.entry(key).or_insert(Holders { count: 0, maybe_unreferenced: true });
        holders.count = holders.count.saturating_add(1);
        holders.maybe_unreferenced = true;
    }

    /// Removes a holder of the bytes. Returns whether it was the last and the bytes may be unreferenced.
    pub(super) fn release(&mut self, key: &Key) -> bool {
        let Some(holders) = self.0.get_mut(key) else { return false };
        holders.count = holders.count.saturating_sub(1);
        let (is_last, maybe_unreferenced) = (holders.count == 0, holders.maybe_unreferenced);
        if is_last {
            self.0.remove(key);
        }
        is_last && maybe_unreferenced
    }

    /// Returns whether a caller holds the bytes; if so, the last release checks them again.
    pub(super) fn defers(&mut self, key: &Key) -> bool {
        self.0.get_mut(key).map(|holders| holders.maybe_unreferenced = true).is_some()
    }

    /// Marks the bytes as referenced by a document.
    pub(super) fn settle(&mut self, key: &Key) {
        if let Some(holders) = self.0.get_mut(key) {
            holders.maybe_unreferenced = false;
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
