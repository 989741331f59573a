//! Best scores seen so far, and with them the score that the next one must exceed.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Greatest `most` of the scores seen.
#[derive(Debug)]
pub(crate) struct TopK {
    most: usize,
    scores: BinaryHeap<Reverse<Score>>,
}

impl TopK {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, scores: BinaryHeap::with_capacity(most.saturating_add(1)) }
    }

    pub(crate) fn note(&mut self, score: f32) {
        if self.least().is_some_and(|least| score <= least) {
            return;
        }
        self.scores.push(Reverse(Score(score)));
        if self.scores.len() > self.most {
            self.scores.pop();
        }
    }

    /// Returns the least of them, once there are `most`.
    pub(crate) fn least(&self) -> Option<f32> {
        let full = self.scores.len() >= self.most;
        self.scores.peek().filter(|_| full).map(|Reverse(Score(least))| *least)
    }
}

/// Score with a total order.
#[derive(Debug, PartialEq)]
struct Score(f32);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_the_best_is_known_once_there_are_enough() {
        let mut best = TopK::new(2);
        let mut seen = Vec::new();
        for score in [1.0, 3.0, 2.0, 0.5, 9.0] {
            best.note(score);
            seen.push(best.least());
        }
        assert_eq!(seen, [None, Some(1.0), Some(2.0), Some(2.0), Some(3.0)]);
    }
}
