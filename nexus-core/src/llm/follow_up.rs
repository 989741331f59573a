//! Follow-up questions: [`with_reference`] adds what a question of a conversation refers to.

use crate::language::Language;
use crate::retrieve::analysis::{analyse, is_function_word, language_of_question};

/// Least number of content words of a question that stands alone.
const SELF_CONTAINED_WORDS: usize = 3;
/// Least number of content words of a question that stands alone although it holds a pronoun.
const SELF_CONTAINED_WITH_PRONOUN: usize = 6;
/// Upper bound on the earlier questions that are added.
const MAX_EARLIER: usize = 3;

/// Returns `question`, and below it the earlier questions of the conversation that it refers to, the latest first.
///
/// A question refers to the one before it when it begins with a word such as "and", holds a pronoun, or is too short to
/// stand alone. `earlier` are the questions before it, oldest first.
///
/// ```
/// use nexus_core::llm::with_reference;
///
/// let earlier = ["What is the hotel limit in London?"];
/// assert_eq!(with_reference("And in Zurich?", &earlier), "And in Zurich?\nWhat is the hotel limit in London?");
/// assert_eq!(with_reference("Who approves flights to London?", &earlier), "Who approves flights to London?");
/// ```
pub fn with_reference(question: &str, earlier: &[impl AsRef<str>]) -> String {
    let mut whole = question.to_owned();
    let mut last = question;
    for before in earlier.iter().rev().take(MAX_EARLIER) {
        if !refers_back(last) {
            break;
        }
        last = before.as_ref();
        whole.push('\n');
        whole.push_str(last);
    }
    whole
}

fn refers_back(question: &str) -> bool {
    let language = language_of_question(question).unwrap_or(Language::English);
    let mut spans: Vec<_> = analyse(question, language)
        .into_iter()
        .filter(|token| {
            question.get(token.span.clone()).is_some_and(|word| !is_function_word(word, language))
        })
        .map(|token| token.span)
        .collect();
    spans.dedup();
    let lower = question.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let begins = words.first().is_some_and(|first| JOINTS.contains(first))
        || matches!(words.as_slice(), ["what" | "how", "about", ..]);
    let has_pronoun = words.iter().any(|word| PRONOUNS.contains(word));
    begins || spans.len() < SELF_CONTAINED_WORDS || (has_pronoun && spans.len() < SELF_CONTAINED_WITH_PRONOUN)
}

const JOINTS: [&str; 9] = ["and", "or", "und", "et", "y", "e", "en", "oder", "ou"];
const PRONOUNS: [&str; 32] = [
    "it", "its", "they", "them", "their", "he", "him", "his", "she", "her", "this", "these", "those", "er",
    "ihn", "ihm", "dieser", "diese", "dieses", "deren", "dessen", "elle", "ils", "elles", "celui", "ella",
    "ellos", "esto", "esso", "essa", "ele", "deze",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(question: &str, earlier: &[&str], expected: &[&str]) {
        let expected: Vec<&str> = std::iter::once(question).chain(expected.iter().copied()).collect();
        assert_eq!(with_reference(question, earlier), expected.join("\n"));
    }

    #[test]
    fn a_question_that_stands_alone_stays_as_it_is() {
        check("How long must general ledgers be retained?", &["What is the hotel limit?"], &[]);
        check("And in Zurich?", &[], &[]);
    }

    #[test]
    fn a_pronoun_refers_to_the_question_before() {
        let contract = "Who signed the contract with Acme?";
        check("When does it end?", &[contract], &[contract]);
        check("Until when must their annual report be retained?", &[contract], &[contract]);
    }

    #[test]
    fn a_chain_of_follow_ups_leads_back_to_the_question_that_stands_alone() {
        let (first, second) = ("What is the hotel limit in London?", "And in Zurich?");
        check("And for meals?", &["Who leads the office in Bergen?", first, second], &[second, first]);
    }
}
