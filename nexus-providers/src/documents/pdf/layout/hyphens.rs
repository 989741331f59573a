//! Hyphens at the ends of lines: those that cut a word are dropped, those that belong to it stay.
//!
//! The words of the document decide first, then a list of English words. Where neither knows, the hyphen cuts a word.

use std::collections::BTreeSet;

use super::lines::Segment;

/// English words, sorted, one on each line.
const ENGLISH: &str = include_str!("english/words.txt");

/// Maximum number of words of a document that are remembered.
const WORDS: usize = 100_000;

/// Words that stand before a hyphen as parts of a longer word, and such that stand behind it.
const PREFIXES: [&str; 24] = [
    "anti", "bio", "com", "con", "dis", "ex", "for", "geo", "in", "inter", "micro", "mini", "mis", "multi",
    "non", "over", "pre", "pro", "re", "sub", "super", "tele", "un", "under",
];
const SUFFIXES: [&str; 14] =
    ["able", "age", "ally", "ant", "ate", "hood", "ion", "ism", "less", "man", "men", "ness", "ship", "ward"];

/// Words that join two halves, as in `pre- and postwar`.
const JOINING: [&str; 10] = ["and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o"];

/// Words of a document so far.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: BTreeSet<String>,
}

impl Vocabulary {
    /// Remembers the words of a line, other than the first and the last, which may be cut.
    pub(super) fn learn(&mut self, segment: &Segment) {
        let text = segment.text();
        let mut words = text.split_whitespace().skip(1).peekable();
        while let Some(word) = words.next() {
            if words.peek().is_some() && self.words.len() < WORDS {
                let word = word.trim_matches(|c: char| !c.is_alphanumeric());
                if word.chars().count() > 1 && word.chars().all(|c| c.is_alphanumeric() || is_hyphen(c)) {
                    self.words.insert(word.to_lowercase());
                }
            }
        }
    }

    /// Appends a line to a text.
    pub(super) fn join(&self, text: &mut String, below: &str) {
        let head = text.strip_suffix(is_hyphen).map(str::len);
        if let Some(head) = head {
            let before = text.get(..head).unwrap_or_default();
            let soft = text.ends_with('\u{AD}');
            let cuts = before.ends_with(char::is_lowercase) && begins_with_half(below);
            if soft && begins_with_half(below) || cuts && !self.belongs(before, below) {
                text.truncate(head);
                text.push_str(below);
                return;
            }
            let joins = below.starts_with(|c: char| c.is_numeric() || c.is_uppercase())
                || word(below).chars().count() > 1 && begins_with_half(below) && is_mark(before);
            if cuts || before.ends_with(char::is_alphanumeric) && joins {
                text.push_str(below);
                return;
            }
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(below);
    }

    /// Moves the second half of a word that the end of a page cuts to the text above it.
    pub(super) fn complete(&self, above: &mut String, below: &mut String) {
        let head = above.strip_suffix(is_hyphen);
        if head.is_some_and(|head| head.ends_with(char::is_alphabetic)) && begins_with_half(below) {
            let rest = below.split_off(below.find(char::is_whitespace).unwrap_or(below.len()));
            self.join(above, below);
            rest.trim_start().clone_into(below);
        }
    }

    /// Returns whether the hyphen between two halves belongs to the word.
    fn belongs(&self, before: &str, below: &str) -> bool {
        let start = before.rfind(|c: char| !c.is_alphanumeric() && !is_hyphen(c));
        let start = start.map_or(0, |at| before.ceil_char_boundary(at + 1));
        let first = before.get(start..).unwrap_or_default().to_lowercase();
        let second = word(below).to_lowercase();
        if first.chars().count() == 1 {
            return true;
        }
        let continues = below.get(word(below).len()..).is_some_and(|rest| rest.starts_with(is_hyphen));
        if continues && self.knows(&first) && self.knows(&second) && !PREFIXES.contains(&first.as_str()) {
            return true;
        }
        let last = first.rsplit(is_hyphen).next().unwrap_or_default();
        if self.knows(&format!("{last}{second}")) {
            return false;
        }
        let is_part = first.contains(|c: char| is_hyphen(c) || c.is_numeric());
        if is_part || self.words.contains(&format!("{first}-{second}")) {
            return true;
        }
        let whole = |half: &str| half.len() > 1 && self.knows(half);
        whole(&first)
            && whole(&second)
            && !PREFIXES.contains(&first.as_str())
            && !SUFFIXES.contains(&second.as_str())
    }

    fn knows(&self, word: &str) -> bool {
        self.words.contains(word) || is_english(word)
    }
}

/// Returns whether a text ends with a letter, a number or an abbreviation that stands before a hyphen, as in `X-ray`.
fn is_mark(before: &str) -> bool {
    let start =
        before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| before.ceil_char_boundary(at + 1));
    let last = before.get(start..).unwrap_or_default();
    let plain = last.chars().all(|c| c.is_uppercase() || c.is_numeric());
    !last.is_empty() && (plain || last.ends_with(char::is_numeric))
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{AD}')
}

/// Returns whether a line begins with the second half of a word, and not as `and` does after `pre-`.
fn begins_with_half(below: &str) -> bool {
    let word = word(below);
    let continues = below.get(word.len()..).is_some_and(|rest| rest.starts_with(is_hyphen));
    word.starts_with(char::is_lowercase) && (continues || !JOINING.contains(&word))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Returns whether a word is in the list of English words.
pub(super) fn is_english(word: &str) -> bool {
    let (mut low, mut high) = (0, ENGLISH.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = ENGLISH.get(..middle).and_then(|head| head.rfind('\n')).map_or(0, |line| line + 1);
        let line = ENGLISH.get(start..).and_then(|tail| tail.lines().next()).unwrap_or_default();
        match line.cmp(word) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(vocabulary: &Vocabulary, lines: &[&str], expected: &str) {
        let mut text = String::new();
        for line in lines {
            vocabulary.join(&mut text, line);
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn words_are_mended_and_hyphens_that_belong_stay() {
        let none = Vocabulary::default();
        check(&none, &["an effi-", "cient re-", "triever"], "an efficient retriever");
        check(
            &none,
            &["pre-", "and postwar, A-", "b, RV-", "2041 and end-"],
            "pre- and postwar, A- b, RV-2041 and end-",
        );
        check(&none, &["the price-", "determining regu-", "lation"], "the price-determining regulation");
        check(
            &none,
            &["a shut-", "off valve, a well-", "known state-of-the-", "art"],
            "a shut-off valve, a well-known state-of-the-art",
        );
        check(
            &none,
            &["under-", "standing re-", "configure trans-", "port"],
            "understanding reconfigure transport",
        );
        check(&none, &["a d-", "dimensional x-", "axis"], "a d-dimensional x-axis");
        check(
            &none,
            &[
                "an X-",
                "ray of the IPv4-",
                "address in a T-",
                "shirt, up-",
                "to-date e-",
                "mail, a 10-",
                "year DNA-",
                "based",
            ],
            "an X-ray of the IPv4-address in a T-shirt, up-to-date e-mail, a 10-year DNA-based",
        );
        check(&none, &["up-to-", "date and well-estab-", "lished"], "up-to-date and well-established");
        check(&none, &["die Kündi-", "gung und die E-", "Mail"], "die Kündigung und die E-Mail");
    }

    #[test]
    fn a_word_that_a_page_cuts_is_completed_above() {
        let none = Vocabulary::default();
        for (above, below, expected) in [
            ("the effi-", "cient way", ("the efficient", "way")),
            ("a well-", "known", ("a well-known", "")),
            ("pre-", "and postwar", ("pre-", "and postwar")),
            ("pages 3-", "4 of it", ("pages 3-", "4 of it")),
            ("The end.", "new", ("The end.", "new")),
        ] {
            let (mut above, mut below) = (above.to_owned(), below.to_owned());
            none.complete(&mut above, &mut below);
            assert_eq!((above.as_str(), below.as_str()), expected);
        }
    }

    #[test]
    fn the_words_of_the_document_decide_before_the_list() {
        let words = ["pricedetermining".to_owned(), "foobar-baz".to_owned()].into();
        let vocabulary = Vocabulary { words };
        check(&vocabulary, &["price-", "determining, foobar-", "baz"], "pricedetermining, foobar-baz");
    }

    #[test]
    fn the_list_of_words_is_searched_from_end_to_end() {
        assert!(ENGLISH.lines().is_sorted());
        assert!(ENGLISH.lines().step_by(997).all(is_english));
        assert!(
            ENGLISH.lines().next().is_some_and(is_english) && ENGLISH.lines().last().is_some_and(is_english)
        );
        assert!(!is_english("regu") && !is_english("") && !is_english("zzzz") && !is_english("äöü"));
    }
}
