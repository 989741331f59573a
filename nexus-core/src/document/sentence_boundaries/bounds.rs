//! Fast search for the sentence boundaries of Unicode ([UAX 29](https://www.unicode.org/reports/tr29/)).
//!
//! A boundary lies behind punctuation or the end of a line, and depends only on the stretch from the letter before to
//! the next letter. So only these short stretches go through the rules; the letters and spaces between them, nearly
//! all of a text, are skipped.

use std::iter;

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Returns the ends of the sentences of `text`, in order; the last is the end of `text`.
pub(super) fn bounds(text: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    let mut stretch: Option<(usize, unicode_segmentation::USentenceBoundIndices<'_>)> = None;
    iter::from_fn(move || {
        loop {
            if let Some((start, parts)) = &mut stretch
                && let Some((offset, _)) = parts.next()
            {
                return Some(*start + offset);
            }
            if at >= text.len() {
                stretch = None;
                let is_last = at == text.len() && !text.is_empty();
                at = usize::MAX;
                return is_last.then_some(text.len());
            }
            let (start, letter, end) = next_stretch(text, at);
            at = letter;
            let mut parts = text.get(start..end).unwrap_or_default().split_sentence_bound_indices();
            parts.next();
            stretch = Some((start, parts));
        }
    })
}

/// Finds the next stretch of `text` from `at` on that may contain boundaries, from the letter before punctuation to
/// the letter after it. Returns its start, the start of that last letter, and its end. Without such a letter it
/// extends to the end.
fn next_stretch(text: &str, at: usize) -> (usize, usize, usize) {
    let rest = text.get(at..).unwrap_or_default();
    let Some((before, after)) = rest.find(may_end).and_then(|candidate| rest.split_at_checked(candidate))
    else {
        return (text.len(), text.len(), text.len());
    };
    let mut letters = before.char_indices().rev().filter(|(_, c)| !extends(*c));
    let start = at + letters.next().map_or(0, |(place, _)| place);
    match after.char_indices().find(|(_, c)| c.is_alphabetic() && !extends(*c)) {
        Some((place, c)) => {
            let letter = at + before.len() + place;
            (start, letter, letter + c.len_utf8())
        }
        None => (start, text.len(), text.len()),
    }
}

/// Returns whether `c` belongs to the character before it (`Sentence_Break=Extend`). The halfwidth sound marks of
/// Japanese do, although they are letters.
fn extends(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

/// Returns whether a sentence may end behind `c`.
fn may_end(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, '.' | '!' | '?' | '\n' | '\r');
    }
    !c.is_alphanumeric() && !extends(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Slow reference implementation.
    fn reference(text: &str) -> Vec<usize> {
        text.split_sentence_bound_indices().map(|(start, part)| start + part.len()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_boundaries_are_those_of_unicode(
            text in "([a-cA-C1 .,!?:;\"')(\n\r\t-]|[éßабВ。！？…’”»\u{85}\u{2028}\u{300}\u{64B}語])\\PC?{0,40}|\\PC{0,40}|[aA1. \n\"!,é’。]{0,40}"
        ) {
            prop_assert_eq!(bounds(&text).collect::<Vec<_>>(), reference(&text));
        }
    }

    #[test]
    fn ordinary_texts_are_parted_alike() {
        for text in [
            "",
            "One. Two! \"Three?\" he said. U.S. law (see 4.2) applies…\n\nNext line\r\nwraps.",
            "一。二！three",
            "...",
            "a",
            ".\u{ff9e}Ὲ",
            "a.\u{ff9f} B",
        ] {
            assert_eq!(bounds(text).collect::<Vec<_>>(), reference(text), "{text:?}");
        }
    }
}
