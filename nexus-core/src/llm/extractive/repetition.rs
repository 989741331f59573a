//! Repetition: sentences that repeat another one, or print the question.

use std::collections::HashSet;

use crate::grounding::quotable_units::SentenceKind;

/// Share of common words from which one of two sentences repeats the other.
const REPEATS: f32 = 0.8;

const QUESTION_MARKS: [char; 3] = ['?', '？', '؟'];

/// Words of a text, in lower case.
pub(super) type Words = HashSet<String>;

/// Returns the words of `text`.
pub(super) fn words_of(text: &str) -> Words {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Returns whether one of two sentences with these words repeats the other.
pub(super) fn repeats(words: &Words, other: &Words) -> bool {
    share_in_common(words, other, words.len().max(other.len()))
}

/// Returns whether `sentence` asks rather than states: it ends with a question mark.
pub(super) fn asks(sentence: &str) -> bool {
    sentence.rsplit_once(QUESTION_MARKS).is_some_and(|(_, after)| !after.contains(char::is_alphanumeric))
}

/// Returns whether `sentence` is the `question` and nothing else.
pub(super) fn is_question(sentence: &str, question: &Words) -> bool {
    asks(sentence) && repeats(&words_of(sentence), question)
}

/// Returns whether `sentence` prints the `question`, as the example of a command does. A row may hold a question in
/// one cell and its answer in the next.
pub(super) fn prints(sentence: &str, kind: &SentenceKind, question: &Words) -> bool {
    let is_row = matches!(kind, SentenceKind::Row { .. });
    let printed = sentence.rsplit_once(QUESTION_MARKS).filter(|_| !is_row);
    printed.is_some_and(|(before, _)| share_in_common(&words_of(before), question, question.len()))
}

#[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
fn share_in_common(words: &Words, other: &Words, of: usize) -> bool {
    of > 0 && words.intersection(other).count() as f32 >= REPEATS * of as f32
}
