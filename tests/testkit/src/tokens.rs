//! Conformance suite of token counters: one scenario for each line of the `# Contract` of [`TokenCounter`].

use std::sync::Arc;

use libtest_mimic::Trial;
use nexus_core::document::chunk::TokenCounter;

use crate::suite::{Scenario, scenarios, trials};

const SCENARIOS: &[Scenario<dyn TokenCounter>] = scenarios!(
    the_same_text_always_has_the_same_count,
    the_empty_text_has_no_tokens,
    a_text_has_at_most_one_token_for_each_cut_more_than_its_parts_together,
);

/// Texts of several scripts, with digits, punctuation and white space.
const TEXTS: [&str; 6] = [
    "Invoices are kept for ten years after the end of the financial year (see section 4.2).",
    "fn count(&self, text: &str) -> usize {\n    self.inner.lock().map_or(0, |inner| inner.count(text))\n}\n",
    "| Department | 2023 | 2024 |\n|------------|-----:|-----:|\n| Finance    | 1200 | 1350 |\n",
    "Die Aufbewahrungsfrist für Rechnungen beträgt zehn Jahre.",
    "Счета хранятся в течение десяти лет. 发票自财政年度结束之日起保存十年。",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \u{1F600}\u{1F600} \r\n\t  ------------",
];

/// Returns the suite against one counter.
pub fn suite(name: &str, counter: Arc<dyn TokenCounter>) -> Vec<Trial> {
    trials(name, "token_counter", counter, SCENARIOS)
}

fn the_same_text_always_has_the_same_count(counter: &dyn TokenCounter) {
    let counts = || TEXTS.map(|text| counter.count(text));
    let first = counts();
    assert!(first.iter().all(|count| *count > 0), "{first:?}");
    assert_eq!(counts(), first);
}

fn the_empty_text_has_no_tokens(counter: &dyn TokenCounter) {
    assert_eq!(counter.count(""), 0);
}

fn a_text_has_at_most_one_token_for_each_cut_more_than_its_parts_together(counter: &dyn TokenCounter) {
    for text in TEXTS {
        let whole = counter.count(text);
        for (cut, _) in text.char_indices() {
            let (first, second) = text.split_at(cut);
            let parts = counter.count(first) + counter.count(second);
            assert!(whole <= parts + 1, "{whole} in {text:?}, but {parts} around byte {cut}");
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let parts: usize = letters.iter().map(|letter| counter.count(letter)).sum();
        assert!(whole < parts + letters.len(), "{whole} in {text:?}, but {parts} in its characters");
    }
}
