//! Words within a word of code: `getUserById` is also get, user, by and id.

use std::ops::Range;

/// Returns the byte ranges of the words that make up `word`, each of them capitalised but the first; none when it is one
/// word. `mRNA`, `HbA1c`, `McDonald` and `iPhone` are one word.
pub(super) fn parts(word: &str) -> Vec<Range<usize>> {
    if word.is_ascii() && !has_hump(word.as_bytes()) {
        return Vec::new();
    }
    // An `s` after capitals is their plural.
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    let is_upper = |at: usize| chars.get(at).is_some_and(|(_, c)| c.is_uppercase());
    let is_lower = |at: usize| {
        chars.get(at).is_some_and(|(_, c)| c.is_lowercase() && (at + 1 < chars.len() || *c != 's'))
    };
    let begins = |at: &usize| is_upper(*at) && (!is_upper(*at - 1) || is_lower(*at + 1));
    let byte = |at: usize| chars.get(at).map_or(word.len(), |(byte, _)| *byte);
    let starts: Vec<usize> = [0].into_iter().chain((1..chars.len()).filter(begins).map(byte)).collect();
    let ends = starts.iter().copied().skip(1).chain([word.len()]);
    let parts: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
    let texts = || parts.iter().map(|part| word.get(part.clone()).unwrap_or_default());
    let (words, long) =
        (texts().filter(|part| is_word(part)).count(), texts().any(|part| part.len() > 3 && is_word(part)));
    let is_code = texts().all(|part| part.len() > 1) && (words > 2 || (words > 0 && long));
    if parts.len() > 1 && is_code && texts().next().is_none_or(|first| first != "Mc") {
        parts
    } else {
        Vec::new()
    }
}

/// Returns whether `word` is a name of code: words without initials.
pub(super) fn is_name(word: &str) -> bool {
    let parts = parts(word);
    !parts.is_empty()
        && (parts.len() > 2 || parts.into_iter().all(|part| word.get(part).is_some_and(is_word)))
}

/// Returns whether a part is a word, and no initials.
fn is_word(part: &str) -> bool {
    part.chars().skip(1).all(char::is_lowercase)
        && part.chars().any(|c| !c.is_ascii() || "aeiouyAEIOUY".contains(c))
}

fn has_hump(word: &[u8]) -> bool {
    word.windows(2).any(|pair| matches!(pair, [a, b] if !a.is_ascii_uppercase() && b.is_ascii_uppercase()))
        || word.windows(3).any(|three| matches!(three, [a, b, c] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: &[&str]) {
        let found: Vec<_> = parts(word).into_iter().map(|part| word.get(part).unwrap()).collect();
        assert_eq!(found, expected, "{word}");
    }

    #[test]
    fn words_of_code_come_apart_at_their_capitals() {
        check("getUserById", &["get", "User", "By", "Id"]);
        check("HTMLParser", &["HTML", "Parser"]);
        check("parseHTML5Document", &["parse", "HTML5", "Document"]);
        check("isValid", &["is", "Valid"]);
        check("parseURL", &["parse", "URL"]);
        check("HTTPServer", &["HTTP", "Server"]);
        check("XMLHttpRequest", &["XML", "Http", "Request"]);
        check("größeÄndern", &["größe", "Ändern"]);
    }

    #[test]
    fn other_words_are_one() {
        let names = [
            "mRNA", "siRNA", "miRNAs", "lncRNA", "HbA1c", "CaMKII", "NaCl", "RhoA", "McDonald", "iPhone",
            "PhD", "DNAs",
        ];
        for word in names.into_iter().chain(["", "word", "Word", "WORD", "x1Y"]) {
            check(word, &[]);
        }
    }
}
