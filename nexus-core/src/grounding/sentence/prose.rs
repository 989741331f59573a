//! Where a sentence of prose ends.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::line::is_end_mark;
use super::{Sentence, SentenceKind};

/// Abbreviations that are followed by the rest of their sentence, without their last dot, in lower case.
const ABBREVIATIONS: &[&str] = &[
    "al", "abb", "abs", "approx", "apr", "art", "aug", "bzw", "ca", "cap", "capt", "cf", "ch", "col", "d.h",
    "dec", "dr", "dra", "e.g", "ed", "eds", "eq", "etc", "evtl", "feb", "fig", "figs", "fr", "gen", "ggf",
    "gov", "hon", "i.e", "inkl", "jan", "jul", "jun", "kap", "lt", "m", "mar", "max", "messrs", "min",
    "mlle", "mme", "mr", "mrs", "ms", "mt", "no", "nos", "nov", "nr", "oct", "op", "p", "pp", "prof", "ref",
    "refs", "rep", "rev", "sec", "sen", "sep", "sept", "sgt", "sog", "sr", "sra", "st", "str", "tab", "u.a",
    "usw", "v", "vgl", "viz", "vol", "vols", "vs", "z.b", "zzgl", "г", "гг", "др", "им", "рис", "руб", "см",
    "стр", "тыс", "т.е",
];

/// Abbreviations that may well end a sentence.
const CLOSING: &[&str] = &["a.m", "co", "corp", "etc", "inc", "jr", "ltd", "no", "p.m", "sr", "usw", "гг"];

/// Words that begin a sentence rather than go on with one.
const OPENERS: &[&str] = &[
    "A", "After", "All", "An", "As", "At", "Both", "But", "By", "Das", "Der", "Die", "During", "Each", "El",
    "Er", "Es", "For", "From", "He", "Her", "His", "However", "I", "If", "Il", "In", "It", "Its", "La", "Le",
    "Les", "Los", "Many", "Most", "On", "Our", "She", "Sie", "Since", "Some", "That", "The", "Their",
    "There", "These", "They", "This", "Those", "To", "Unlike", "Under", "We", "When", "While", "With", "You",
];

/// German ordinals before these are dates.
const MONTHS: &[&str] = &[
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// Appends the sentences of the bytes `range` of `text`.
pub(super) fn split(text: &str, range: &Range<usize>, kind: &SentenceKind, found: &mut Vec<Sentence>) {
    let block = text.get(range.clone()).unwrap_or_default();
    let mut start = 0;
    let mut pieces = block.split_sentence_bound_indices().peekable();
    while let Some((at, piece)) = pieces.next() {
        let end = at + piece.len();
        let next = pieces.peek().map(|(_, next)| *next);
        let goes_on = next.is_some_and(|next| goes_on(block.get(start..end).unwrap_or_default(), next));
        if !goes_on {
            push(text, range.start + start..range.start + end, kind, found);
            start = end;
        }
    }
}

fn push(text: &str, range: Range<usize>, kind: &SentenceKind, found: &mut Vec<Sentence>) {
    let raw = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (raw.len() - raw.trim_start().len());
    let end = start + raw.trim().len();
    if start < end {
        found.push(Sentence { range: start..end, kind: kind.clone() });
    }
}

/// Whether the sentence `so_far` goes on in `next`, although Unicode's rules end it there.
fn goes_on(so_far: &str, next: &str) -> bool {
    let said = so_far.trim_end();
    let closers = |c: char| {
        matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』' | '）' | '*' | '_' | '`')
    };
    let core = said.trim_end_matches(closers);
    if !core.ends_with(is_end_mark) {
        return true;
    }
    let next_word =
        next.trim_start_matches(|c: char| !c.is_alphanumeric()).split_whitespace().next().unwrap_or_default();
    if next_word.is_empty() || next.trim_start().starts_with(char::is_lowercase) {
        return true;
    }
    core.len() == said.len() && core.strip_suffix('.').is_some_and(|core| is_abbreviated(core, next_word))
}

/// Whether the dot after `core` belongs to its last word.
fn is_abbreviated(core: &str, next_word: &str) -> bool {
    let word = core.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let opens = OPENERS.binary_search(&next_word.trim_end_matches([',', '\''])).is_ok();
    let lower = word.to_lowercase();
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    if is_number {
        return word.len() <= 2
            && MONTHS.contains(&next_word.trim_end_matches(|c: char| !c.is_alphanumeric()));
    }
    let is_initials = is_initials(word);
    if CLOSING.contains(&lower.as_str()) || is_initials {
        let numbered = matches!(lower.as_str(), "no") && next_word.starts_with(|c: char| c.is_ascii_digit());
        return numbered || (lower != "no" && !opens);
    }
    ABBREVIATIONS.contains(&lower.as_str())
}

/// Whether `word` is a capital letter, or letters with dots between them, such as `J` or `U.S`.
fn is_initials(word: &str) -> bool {
    !word.is_empty()
        && word.split('.').all(|part| {
            let mut letters = part.chars();
            letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
        })
}
