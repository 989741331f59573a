//! Sentences: where one ends and the next begins.
//!
//! The boundaries are those of Unicode ([UAX 29](https://www.unicode.org/reports/tr29/)), less those that ordinary
//! documents put inside a sentence: a line that merely wraps, and the full stop of an abbreviation.

use std::iter;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Words whose full stop does not end a sentence, in lower case.
const ABBREVIATIONS: [&str; 40] = [
    "al", "approx", "art", "bzw", "ca", "cf", "co", "corp", "dept", "dr", "ed", "eds", "eq", "etc", "fig",
    "figs", "gen", "gov", "inc", "jr", "ltd", "m", "mr", "mrs", "ms", "mt", "no", "nos", "nr", "p", "pp",
    "prof", "ref", "sec", "sen", "sr", "st", "vgl", "vol", "vs",
];

/// The sentences of `text` as byte ranges that join to the whole of it; each keeps the white space after it.
///
/// ```
/// use nexus_core::document::sentence::sentences;
///
/// let text = "Dr. Ito keeps\nthe records. Ask her!";
/// let found: Vec<_> = sentences(text).map(|span| &text[span]).collect();
/// assert_eq!(found, ["Dr. Ito keeps\nthe records. ", "Ask her!"]);
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut bounds = text.split_sentence_bound_indices().map(|(start, part)| start + part.len());
    let mut start = 0;
    iter::from_fn(move || {
        loop {
            let end = bounds.next()?;
            let (Some(sentence), Some(rest)) = (text.get(start..end), text.get(end..)) else { return None };
            if rest.is_empty() || ends(sentence, rest) {
                let span = start..end;
                start = end;
                return Some(span);
            }
        }
    })
}

/// Whether a sentence ends between `sentence` and `rest`.
fn ends(sentence: &str, rest: &str) -> bool {
    let body = sentence.trim_end();
    if body.is_empty() {
        return false;
    }
    let stop = body.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
    if let Some(before) = stop.strip_suffix('.') {
        return !is_abbreviation(before);
    }
    let wraps = sentence.ends_with('\n') && !starts_item(rest);
    !wraps
        || stop.ends_with(|c: char| {
            !c.is_alphanumeric() && !matches!(c, ',' | ';' | '-' | '–' | '—' | '(' | '/' | '&')
        })
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '.').next().unwrap_or_default();
    let mut chars = word.chars();
    let is_initial = chars.next().is_some_and(char::is_uppercase) && chars.next().is_none();
    let has_inner_stop = word.contains('.') && word.chars().all(|c| c.is_alphabetic() || c == '.');
    is_initial || has_inner_stop || ABBREVIATIONS.binary_search(&word.to_lowercase().as_str()).is_ok()
}

/// Whether `rest` begins something of its own: an empty line, a bullet or a number.
fn starts_item(rest: &str) -> bool {
    let line = rest.trim_start_matches([' ', '\t']);
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = after_digits.len() < line.len() && after_digits.starts_with(['.', ')']);
    is_numbered || line.starts_with(['\n', '-', '*', '•', '–', '—', '#', '|', '>'])
}
