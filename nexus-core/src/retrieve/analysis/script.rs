//! Word segmentation: runs of one kind of script.

use std::iter;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// Stretch of text that is split into terms in one way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Word of a script that separates words.
    Word(Range<usize>),
    /// Characters of a script that does not.
    Unspaced(Range<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Unspaced,
    Other,
}

/// Returns the runs of `text`, in order.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Run> {
    let mut chars = text.char_indices().peekable();
    iter::from_fn(move || {
        loop {
            let (start, first) = chars.next()?;
            let class = classify(first);
            if class == Class::Other || is_combining_mark(first) {
                continue;
            }
            let continues = |c: char| classify(c) == class || is_joiner(c);
            let mut end = start + first.len_utf8();
            while let Some((at, c)) = chars.next_if(|&(_, c)| continues(c)) {
                end = at + c.len_utf8();
            }
            if class == Class::Unspaced {
                return Some(Run::Unspaced(start..end));
            }
            if let Some(letters) = abbreviation(text, start..end) {
                while chars.next_if(|&(at, _)| at < letters).is_some() {}
                end = letters;
            }
            return Some(Run::Word(start..end));
        }
    })
}

/// Returns the end of an abbreviation of single letters with dots between, such as `U.S.` and `e.g.`, which begins with
/// the word `first`; its last dot is not part of it.
fn abbreviation(text: &str, first: Range<usize>) -> Option<usize> {
    let is_part = |c: char| classify(c) == Class::Word || is_joiner(c);
    let (mut end, mut letters) = (first.end, 1);
    if !is_letter(text.get(first)?) {
        return None;
    }
    while let Some(next) = text.get(end..).and_then(|rest| rest.strip_prefix('.')) {
        let word = next.split(|c| !is_part(c)).next().unwrap_or_default();
        if !is_letter(word) {
            break;
        }
        (end, letters) = (end + 1 + word.len(), letters + 1);
    }
    // A word after the last dot belongs to no abbreviation: `a.b.name` is three words.
    let goes_on =
        text.get(end..).and_then(|rest| rest.strip_prefix('.')).is_some_and(|rest| rest.starts_with(is_part));
    (letters > 1 && !goes_on).then_some(end)
}

fn is_letter(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

fn classify(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Word } else { Class::Other };
    }
    if is_unspaced(c) {
        Class::Unspaced
    } else if c.is_alphanumeric() || is_combining_mark(c) {
        Class::Word
    } else {
        Class::Other
    }
}

/// Returns whether `c` is a mark or joiner that belongs to the letter before it, whatever its script.
fn is_joiner(c: char) -> bool {
    !c.is_ascii() && (matches!(c, '\u{00AD}' | '\u{200C}' | '\u{200D}') || is_combining_mark(c))
}

/// Returns whether `c` is a Han character, which may be a word by itself.
pub(super) fn is_han(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Returns whether `c` is a letter of a script without spaces, or Hangul, whose particles cling to the word.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F // Myanmar
        | 0x1100..=0x11FF // Hangul jamo
        | 0x1780..=0x17FF // Khmer
        | 0x3005..=0x3007 // ideographic iteration marks and zero
        | 0x3040..=0x30FF // Hiragana, Katakana
        | 0x3130..=0x318F // Hangul compatibility jamo
        | 0x31F0..=0x31FF // Katakana extensions
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF // Han
        | 0xAC00..=0xD7FF // Hangul
        | 0xF900..=0xFAFF // Han compatibility
        | 0xFF66..=0xFFDC // halfwidth Katakana and Hangul
        | 0x20000..=0x3FFFF // Han extensions
    ) && (c.is_alphanumeric() || is_combining_mark(c))
}
