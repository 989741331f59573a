//! Normalisation: one spelling for all forms that readers take for the same word.

use unicode_normalization::UnicodeNormalization;

use super::MAX_TERM_BYTES;

/// Folds case and compatibility forms, drops invisible characters, cuts the length. Accents stay: stemmers need them.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return cut(word.to_ascii_lowercase());
    }
    let lower = |c: char| c.to_lowercase();
    if word.chars().all(is_plain) {
        return cut(word.chars().flat_map(lower).collect());
    }
    cut(word.nfkc().filter(|&c| !is_invisible(c)).flat_map(lower).collect())
}

/// Strips accents off Latin and Greek letters, the dots off `ё` and the vowel signs off Arabic and Hebrew words. In
/// other scripts marks are letters and stay.
pub(super) fn strip_accents(word: String) -> String {
    if word.is_ascii() || !word.chars().any(|c| is_accented(c) || is_mark(c)) {
        return word;
    }
    let mut stripped = String::with_capacity(word.len());
    for c in word.chars() {
        if is_accented(c) {
            stripped.extend(std::iter::once(c).nfd().filter(|&c| !is_mark(c)).map(base));
        } else if !is_mark(c) {
            stripped.push(c);
        }
    }
    stripped
}

/// Returns whether `c` has one form only, apart from case.
fn is_plain(c: char) -> bool {
    matches!(c,
        '\0'..='\u{7F}' | 'À'..='ÿ' | 'Α'..='ώ' | 'Ѐ'..='ҁ' | 'ء'..='غ' | 'ف'..='ي'
        | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='\u{9FFF}' | '가'..='힣')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}' | 'ـ')
}

fn is_accented(c: char) -> bool {
    matches!(c, 'À'..='ɏ' | 'й' | 'Ͱ'..='Ͽ' | 'ё' | 'آ'..='ئ' | 'Ḁ'..='\u{1FFF}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{670}')
}

/// Returns the base letter of letters that do not decompose into one and a mark.
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
