//! Choice between the plain body of a mail and its body in HTML.

use std::collections::BTreeSet;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{Message, MessagePart, PartType};

use super::super::html::Tag;

/// Number of a hundred words that are most of them.
const MOST: usize = 50;

/// Number of words that a body has at most if it only stands in for another one.
const LONGEST_STUB: usize = 40;

/// Returns the bodies to read. The words decide, not the lengths:
///
/// - The plain body is read if it says most of what the HTML says.
/// - The HTML is read if the plain body only stands in for it (`Your client does not support HTML`), and if only the
///   HTML says which of the same words are struck out or hidden.
/// - Both are read if a long plain body and the HTML say different things.
pub(super) fn bodies<'m, 'x>(message: &'m Message<'x>) -> Vec<&'m MessagePart<'x>> {
    let parts = |ids: &[u32]| -> Vec<&'m MessagePart<'x>> {
        ids.iter().filter_map(|id| message.parts.get(usize::try_from(*id).ok()?)).collect()
    };
    let (plain, rich) = (parts(&message.text_body), parts(&message.html_body));
    if message.text_body == message.html_body || rich.is_empty() {
        return plain;
    }
    let (plain_text, rich_text) = (text(&plain), text(&rich));
    let (plain_words, rich_words) = (words(&plain_text), words(&rich_text));
    let says_as_much = share(&rich_words, &plain_words) >= MOST;
    let is_said = share(&plain_words, &rich_words) >= MOST;
    if says_as_much {
        return if is_said && rich.iter().any(|part| marks_text(part)) { rich } else { plain };
    }
    let is_long = plain_words.len() > rich_words.len().saturating_mul(2).max(LONGEST_STUB);
    if is_said || !is_long { rich } else { [plain, rich].concat() }
}

/// Returns the text of the bodies.
fn text(bodies: &[&MessagePart<'_>]) -> String {
    let mut text = String::new();
    for part in bodies {
        match &part.body {
            PartType::Text(plain) => text.push_str(plain),
            PartType::Html(html) => text.push_str(&html_to_text(html)),
            PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_)
            | PartType::Multipart(_) => {}
        }
        text.push('\n');
    }
    text.to_lowercase()
}

/// Returns the words of a text. In scripts without blanks each character is a word.
fn words(text: &str) -> Vec<&str> {
    let is_wide = |c: char| u32::from(c) >= 0x2E80;
    text.split(|c: char| !c.is_alphanumeric())
        .flat_map(|run| run.split_inclusive(is_wide))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Returns how many of a hundred words are among the others.
fn share(words: &[&str], others: &[&str]) -> usize {
    let others: BTreeSet<&&str> = others.iter().collect();
    let known = words.iter().filter(|word| others.contains(word)).count();
    (known * 100).checked_div(words.len()).unwrap_or(100)
}

/// Returns whether a body in HTML holds text that is struck out or hidden.
fn marks_text(part: &MessagePart<'_>) -> bool {
    let PartType::Html(html) = &part.body else { return false };
    let tags = std::iter::successors(Tag::first(html), |(_, rest)| Tag::first(rest));
    html.contains("line-through") || tags.into_iter().any(|(tag, _)| !tag.closes && tag.part().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_and_wide_characters_one_by_one() {
        assert_eq!(words("the fee: 45,5 — 年会費"), ["the", "fee", "45", "5", "年", "会", "費"]);
        assert_eq!(share(&["a", "b", "a"], &["a"]), 66);
        assert_eq!(share(&[], &["a"]), 100);
    }
}
