//! One spelling for what readers take to be one word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::MAX_TERM_BYTES;

/// Compatibility forms and case folded, invisible characters gone, length limited. Accents stay: stemmers need them.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return cut(word.to_ascii_lowercase());
    }
    let visible = |c: &char| !matches!(c, '\u{00AD}' | '\u{200C}' | '\u{200D}' | '\u{0640}');
    let mut folded = String::with_capacity(word.len());
    folded.extend(word.nfkc().filter(visible).flat_map(char::to_lowercase));
    cut(folded)
}

/// Takes the accents off Latin, Greek and Cyrillic letters and the vowel signs off Arabic and Hebrew ones, after
/// stemming. In other scripts marks are letters and stay.
pub(super) fn strip_accents(word: String) -> String {
    if word.is_ascii() {
        return word;
    }
    let strips = |c: char| {
        is_combining_mark(c)
            && matches!(u32::from(c), 0x0300..=0x036F | 0x0591..=0x05C7 | 0x0610..=0x061A | 0x064B..=0x0670)
    };
    word.nfd().filter(|&c| !strips(c)).map(base).nfc().collect()
}

/// Letters that carry their difference without a combining mark.
fn base(c: char) -> char {
    match c {
        'ø' => 'o',
        'đ' => 'd',
        'ł' => 'l',
        'ı' => 'i',
        'ς' => 'σ',
        other => other,
    }
}

fn cut(mut term: String) -> String {
    term.truncate(term.floor_char_boundary(MAX_TERM_BYTES));
    term
}
