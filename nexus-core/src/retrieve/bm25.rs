//! BM25: the score of a passage for the words of a question.
//!
//! A store counts passages, terms and frequencies; the formula and its parameters are the same for every store, so that
//! equal passages have equal scores wherever they are stored.

/// Saturation of the term frequency: the greater, the more does a further occurrence add.
pub const K1: f64 = 1.2;

/// Weight of the length of a passage, from 0 (none) to 1.
pub const B: f64 = 0.75;

/// BM25 over a set of passages.
#[derive(Clone, Copy, Debug)]
pub struct Bm25 {
    passages: f64,
    average_length: f64,
}

impl Bm25 {
    /// Returns the scoring over `passages` that hold `terms` terms together.
    #[expect(clippy::cast_precision_loss, reason = "counts of passages and terms are far below 2^52")]
    pub fn new(passages: u64, terms: u64) -> Self {
        let passages = passages as f64;
        Self { passages, average_length: terms as f64 / passages }
    }

    /// Returns the score of a word of `weight` that `holding` passages of the set hold, for a passage of `length` terms
    /// in which it occurs `frequency` times. A passage's score is the sum over the words of the question.
    pub fn score(self, weight: f32, holding: u64, frequency: u32, length: u32) -> f64 {
        let frequency = f64::from(frequency);
        self.bound(weight, holding) * frequency / (frequency + self.norm(length))
    }

    /// Returns the greatest score of a word of `weight` that `holding` passages hold.
    pub fn bound(self, weight: f32, holding: u64) -> f64 {
        f64::from(weight) * self.inverse_frequency(holding) * (1.0 + K1)
    }

    /// Returns the least quotient of the scores of one passage under its `length` and under a `shorter` one.
    pub fn least_quotient(self, shorter: u32, length: u32) -> f64 {
        (1.0 + self.norm(shorter)) / (1.0 + self.norm(length))
    }

    fn norm(self, length: u32) -> f64 {
        K1 * (1.0 - B + B * f64::from(length) / self.average_length)
    }

    /// Returns the inverse document frequency of a word, which is positive for every word.
    #[expect(clippy::cast_precision_loss, reason = "counts of passages are far below 2^52")]
    pub fn inverse_frequency(self, holding: u64) -> f64 {
        let holding = holding as f64;
        (1.0 + (self.passages - holding + 0.5) / (holding + 0.5)).ln()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_score_is_that_of_the_formula() {
        // Two of ten passages hold the word, a passage of average length holds it once: ln(1 + 8.5 / 2.5).
        let score = Bm25::new(10, 50).score(1.0, 2, 1, 5);
        assert!((score - 4.4_f64.ln()).abs() < 1e-12, "{score}");
        // Twice the frequency: 2.2 * 2 / (2 + 1.2) of it.
        let twice = Bm25::new(10, 50).score(1.0, 2, 2, 5);
        assert!((twice / score - 1.375).abs() < 1e-12, "{twice}");
        // Twice the average length: 2.2 / (1 + 1.2 * 1.75).
        let long = Bm25::new(10, 50).score(1.0, 2, 1, 10);
        assert!((long / score - 2.2 / 3.1).abs() < 1e-12, "{long}");
    }

    proptest! {
        #[test]
        fn rarer_words_more_occurrences_and_shorter_passages_score_higher(
            passages in 2_u64..1_000_000, share in 0.0_f64..1.0, frequency in 1_u32..1_000, length in 1_u32..10_000,
            weight in 0.1_f32..10.0,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "a share of a small number")]
            let holding = 1 + ((passages - 2) as f64 * share) as u64;
            let bm25 = Bm25::new(passages, passages * 20);
            let score = bm25.score(weight, holding, frequency, length);
            prop_assert!(score > 0.0 && score.is_finite());
            prop_assert!(bm25.score(weight, holding + 1, frequency, length) < score);
            prop_assert!(bm25.score(weight, holding, frequency + 1, length) > score);
            prop_assert!(bm25.score(weight, holding, frequency, length + 1) < score);
            prop_assert!(bm25.score(weight * 2.0, holding, frequency, length) > score);
        }
    }
}
