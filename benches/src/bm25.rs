//! Reference BM25, slow and obvious: judges the analysis by itself and checks an index.
//!
//! Lucene's form, k1 = 1.2, b = 0.75, exact lengths, terms weighted by their frequency in the question.

use std::collections::HashMap;

use nexus_core::language::Language;
use nexus_core::retrieve::analysis::{analyse, terms_for_query};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Index in memory.
#[derive(Debug, Default)]
pub struct Bm25 {
    postings: HashMap<String, Vec<(usize, f64)>>,
    lengths: Vec<f64>,
    languages: Vec<Language>,
}

impl Bm25 {
    /// Indexes `texts`, each in its language.
    pub fn new<'a>(texts: impl IntoIterator<Item = (&'a str, Language)>) -> Self {
        let mut index = Self::default();
        for (text, language) in texts {
            index.add(text, language);
        }
        index
    }

    fn add(&mut self, text: &str, language: Language) {
        let mut counts: HashMap<String, f64> = HashMap::new();
        for token in analyse(text, language) {
            *counts.entry(token.term).or_default() += 1.0;
        }
        let place = self.lengths.len();
        self.lengths.push(counts.values().sum());
        for (term, count) in counts {
            self.postings.entry(term).or_default().push((place, count));
        }
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    /// Returns the best `k` texts for `question`: their indexes and scores, best first, ties by index.
    pub fn search(&self, question: &str, k: usize) -> Vec<(usize, f32)> {
        let average = crate::metrics::mean(&self.lengths);
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for (term, weight) in terms_for_query(question, &self.languages) {
            let Some(postings) = self.postings.get(&term) else { continue };
            let idf = idf(self.lengths.len(), postings.len());
            for (place, count) in postings {
                let length = self.lengths.get(*place).copied().unwrap_or(average);
                let norm = K1 * (1.0 - B + B * length / average);
                *scores.entry(*place).or_default() += f64::from(weight) * idf * count / (count + norm);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
        let mut ranking: Vec<(usize, f32)> =
            scores.into_iter().map(|(place, score)| (place, score as f32)).collect();
        ranking.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranking.truncate(k);
        ranking
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of documents are far below 2^52")]
fn idf(documents: usize, holding: usize) -> f64 {
    (1.0 + (documents as f64 - holding as f64 + 0.5) / (holding as f64 + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarer_word_and_the_shorter_text_win() {
        let texts = ["apples and pears", "apples and apples and many other fruits", "pears", "plums"];
        let index = Bm25::new(texts.map(|text| (text, Language::English)));
        let places =
            |question| index.search(question, 10).into_iter().map(|(place, _)| place).collect::<Vec<_>>();
        assert_eq!(places("pears"), [2, 0]);
        assert_eq!(places("plums or apples"), [3, 0, 1]);
        assert!(places("cherries").is_empty());
    }
}
