//! Normalisation: one spelling for all forms that readers take for the same word.

use unicode_normalization::UnicodeNormalization;

use super::MAX_TERM_BYTES;

/// Folds case, compatibility forms and ligatures, drops invisible characters, cuts the length. Accents stay: stemmers
/// need them.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return cut(word.to_ascii_lowercase());
    }
    let mut folded = String::with_capacity(word.len());
    let mut lower = |c: char| {
        for c in c.to_lowercase() {
            match c {
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                _ => folded.push(c),
            }
        }
    };
    if word.chars().all(is_plain) {
        word.chars().for_each(&mut lower);
    } else {
        word.nfkc().filter(|&c| !is_invisible(c)).for_each(&mut lower);
    }
    cut(folded)
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

/// Returns a German word without umlauts, however they are spelled: `Müller`, `Mueller` and `Muller` are one word, and so
/// are `Größe` and `Groesse`. An `ue` after a vowel or `q` is none, as in `neue` and `Quelle`.
pub(super) fn without_umlauts(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut before = ' ';
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            'ä' => plain.push('a'),
            'ö' => plain.push('o'),
            'ü' => plain.push('u'),
            _ => plain.push(c),
        }
        let is_spelled_out = matches!(c, 'a' | 'o') || (c == 'u' && !"aeiouyq".contains(before));
        if is_spelled_out && chars.peek() == Some(&'e') {
            chars.next();
        }
        before = c;
    }
    plain
}

/// Returns `word` with its umlauts spelled out, `mueller` for `müller`; none when it has none.
pub(super) fn spelled_out(word: &str) -> Option<String> {
    let umlaut = |c| {
        Some(match c {
            'ä' => "ae",
            'ö' | 'ø' => "oe",
            'ü' => "ue",
            'å' => "aa",
            _ => return None,
        })
    };
    if word.is_ascii() || !word.chars().any(|c| umlaut(c).is_some()) {
        return None;
    }
    let mut spelled = String::with_capacity(word.len() + 2);
    for c in word.chars() {
        match umlaut(c) {
            Some(pair) => spelled.push_str(pair),
            None => spelled.push(c),
        }
    }
    Some(spelled)
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
