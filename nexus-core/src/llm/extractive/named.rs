//! Named things of a question: identifiers, numbers, dates, names and quoted phrases, and their search in a text.
//!
//! They are compared as they are written, beside the text analysis: `C++` is not `C`, and `CVE-2024-1234` is not
//! `CVE-2024-12345`.

use std::ops::Range;

use super::lexicon;
use crate::grounding::number_in_words as number;
use crate::language::Language;
use crate::retrieve::analysis::is_function_word;

/// Least length of a noun that a compound may hold, in characters.
const MIN_PART: usize = 5;

/// Thing that a question names and an answer must be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Code, version, path, address or quoted phrase, in lower case: it stands in a text as a whole.
    Exact(String),
    /// Number of one digit, or the word for it.
    Digit(String),
    /// Upper-case abbreviation: its letters or the words for them stand in a text.
    Acronym(String),
    /// Name: a capitalised word within the question, in lower case.
    Name(String),
    /// Noun of German that may be a name, in lower case; a compound may hold it.
    Noun(String),
}

/// Returns the named things of `question` other than quantities, with their byte ranges.
pub(super) fn named(question: &str, language: Option<Language>) -> Vec<(Named, Range<usize>)> {
    let mut found = Vec::new();
    let mut rest = 0;
    for (open, close) in [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')] {
        while let Some(range) = quoted(question, rest, open, close) {
            rest = range.end + close.len_utf8();
            let phrase = question.get(range.clone()).unwrap_or_default().to_lowercase();
            found.push((Named::Exact(phrase), range));
        }
        rest = 0;
    }
    let tokens = tokens(question);
    let words: Vec<&str> = tokens.iter().filter_map(|range| question.get(range.clone())).collect();
    let is_title = is_title(question, &tokens);
    let is_german = language == Some(Language::German);
    for (place, range) in tokens.iter().enumerate() {
        if found.iter().any(|(_, other)| other.start <= range.start && range.end <= other.end) {
            continue;
        }
        let token = question.get(range.clone()).unwrap_or_default();
        let next = words.get(place + 1).copied().unwrap_or_default();
        if token.len() == 1 && token.starts_with(|c: char| c.is_ascii_digit()) {
            found.push((Named::Digit(token.to_owned()), range.clone()));
        } else if is_identifier(token) {
            let exact = token.trim_end_matches("'s").trim_end_matches("’s").to_lowercase();
            found.push((Named::Exact(exact), range.clone()));
        } else if is_acronym(token) && !is_title {
            found.push((Named::Acronym(token.replace('.', "").to_lowercase()), range.clone()));
        } else if is_german {
            if is_german_name(&words, place) {
                found.push((Named::Noun(token.to_lowercase()), range.clone()));
            }
        } else if !is_title && is_name(token, place, next) {
            let name = token.trim_end_matches("'s").trim_end_matches("’s").trim_end_matches(['\'', '’']);
            for part in name.split('-') {
                found.push((Named::Name(part.to_lowercase()), range.clone()));
            }
        }
    }
    found
}

/// Returns whether `text` holds the thing; `words` are its words in lower case.
pub(super) fn holds(named: &Named, text: &str, words: &[String]) -> bool {
    match named {
        Named::Exact(exact) => holds_exact(text, exact),
        Named::Digit(digit) => {
            let value = digit.parse().ok();
            words.iter().any(|word| word == digit || (number(word).is_some() && number(word) == value))
        }
        Named::Acronym(letters) => {
            words.iter().any(|word| word == letters || word.strip_suffix('s') == Some(letters))
                || text.to_lowercase().replace('.', "").contains(letters.as_str())
                    && text.contains('.')
                    && holds_exact(&text.replace('.', ""), letters)
                || has_initials(words, letters)
        }
        Named::Name(name) => words.iter().any(|word| is_same_name(word, name)),
        Named::Noun(noun) => words.iter().any(|word| {
            is_same_name(word, noun)
                || (noun.chars().count() >= MIN_PART && (word.starts_with(noun) || word.ends_with(noun)))
        }),
    }
}

/// Returns whether `word` is the name, in the genitive or as an adjective of it: `paris`, `parisian`.
fn is_same_name(word: &str, name: &str) -> bool {
    word == name
        || (name.chars().count() >= 4
            && (word.strip_prefix(name).is_some_and(|end| end.chars().count() <= 3)
                || name
                    .strip_prefix(word)
                    .is_some_and(|end| matches!(end, "s" | "er" | "n" | "es") && word.chars().count() >= 4)))
}

fn quoted(text: &str, from: usize, open: char, close: char) -> Option<Range<usize>> {
    let start = from + text.get(from..)?.find(open)? + open.len_utf8();
    let length = text.get(start..)?.find(close)?;
    (length > 1).then_some(start..start + length)
}

/// Returns the ranges of the words between white space, without punctuation around them.
pub(super) fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    for raw in text.split_inclusive(char::is_whitespace) {
        let is_mark = |c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '?' | '!'
                        | ','
                        | ';'
                        | ':'
                        | '"'
                        | '('
                        | ')'
                        | '“'
                        | '”'
                        | '„'
                        | '«'
                        | '»'
                        | '¿'
                        | '¡'
                        | '？'
                        | '…'
                )
        };
        let head = raw.trim_start_matches(is_mark);
        let from = start + raw.len() - head.len();
        let body = head.trim_end_matches(|c: char| is_mark(c) || c == '.' || c == '\'');
        if !body.is_empty() {
            tokens.push(from..from + body.len());
        }
        start += raw.len();
    }
    tokens
}

/// Returns whether a word is a code rather than a word of a language.
pub(super) fn is_identifier(token: &str) -> bool {
    let chars: Vec<char> = token.chars().collect();
    let has_letter = chars.iter().any(|c| c.is_alphabetic());
    let has_digit = chars.iter().any(char::is_ascii_digit);
    let inner =
        |sign: char| chars.iter().enumerate().any(|(at, c)| *c == sign && at > 0 && at + 1 < chars.len());
    let digits_first = chars.first().is_some_and(char::is_ascii_digit);
    let ordinal_or_unit = digits_first && !inner('-') && !inner('/') && !inner('.') && {
        let letters: String = chars.iter().filter(|c| c.is_alphabetic()).collect();
        letters.chars().count() <= 3 || lexicon::is_unit(&letters)
    };
    let camel = chars.windows(2).any(|pair| matches!(pair, [a, b] if a.is_lowercase() && b.is_uppercase()));
    (has_letter && has_digit && !ordinal_or_unit)
        || (has_letter && chars.iter().any(|c| matches!(c, '_' | '@' | '#' | '+' | '\\')))
        || (has_letter && token.starts_with('.'))
        || (has_letter && inner('.') && !is_abbreviation(token))
        || (has_letter && inner('/') && token.contains(|c: char| c.is_uppercase() || c.is_ascii_digit())
            || token.starts_with('/') && has_letter)
        || (camel && chars.len() > 3)
        || (has_digit && chars.iter().filter(|c| matches!(c, '.')).count() > 1)
        || (has_digit && !has_letter && inner('-') && chars.iter().filter(|c| **c == '-').count() != 2)
}

fn is_abbreviation(token: &str) -> bool {
    token.split('.').all(|part| part.chars().count() <= 1)
}

fn is_acronym(token: &str) -> bool {
    let letters = token.replace('.', "");
    let letters = letters.trim_end_matches("'s");
    (2..=6).contains(&letters.chars().count()) && letters.chars().all(char::is_uppercase)
}

fn is_name(token: &str, place: usize, next: &str) -> bool {
    let starts_upper = token.starts_with(char::is_uppercase) && token.chars().nth(1).is_some();
    let lower = token.to_lowercase();
    let is_word =
        is_function_word(&lower, Language::English) || lexicon::is_calendar(&lower) || lexicon::asks(&lower);
    if !starts_upper || is_word {
        return false;
    }
    place > 0 || (next.starts_with(char::is_uppercase) && !is_acronym(next))
}

/// Returns whether the word of a German text at `place` is a name. Every noun has a capital, so a name is told by what
/// stands before it: a preposition without an article, or another noun.
pub(super) fn is_german_name(words: &[&str], place: usize) -> bool {
    let is_noun = |word: &str| {
        let lower = word.to_lowercase();
        word.starts_with(char::is_uppercase)
            && word.chars().count() > 1
            && word.chars().all(char::is_alphabetic)
            && !is_function_word(&lower, Language::German)
            && !lexicon::is_calendar(&lower)
            && !lexicon::is_unit(&lower)
    };
    let (Some(word), Some(before)) = (words.get(place), place.checked_sub(1).and_then(|at| words.get(at)))
    else {
        return false;
    };
    is_noun(word) && (is_noun(before) || lexicon::is_german_preposition(&before.to_lowercase()))
}

/// Returns whether most words are capitalised, so that capitals tell nothing.
fn is_title(question: &str, tokens: &[Range<usize>]) -> bool {
    let upper = tokens
        .iter()
        .filter(|range| {
            question.get(range.start..range.end).is_some_and(|t| t.starts_with(char::is_uppercase))
        })
        .count();
    tokens.len() > 3 && upper * 4 > tokens.len() * 3
}

/// Returns whether `text` holds `exact`, in any case, and not within a longer code.
fn holds_exact(text: &str, exact: &str) -> bool {
    let lower = text.to_lowercase();
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '+' | '#' | '@' | '\\');
    lower.match_indices(exact).any(|(at, _)| {
        let (before, after) =
            (lower.get(..at).unwrap_or_default(), lower.get(at + exact.len()..).unwrap_or_default());
        let mut next = after.chars();
        let (first, second) = (next.next(), next.next());
        let goes_on = first.is_some_and(joins)
            || (first.is_some_and(|c| matches!(c, '-' | '.' | '/' | ':'))
                && second.is_some_and(char::is_alphanumeric)
                && exact.contains(|c: char| c.is_ascii_digit()));
        let mut last = before.chars().rev();
        let (first, second) = (last.next(), last.next());
        let continues = first.is_some_and(joins)
            || (first.is_some_and(|c| matches!(c, '-' | '.'))
                && second.is_some_and(char::is_alphanumeric)
                && exact.contains(|c: char| c.is_ascii_digit()));
        !goes_on && !continues
    })
}

fn has_initials(words: &[String], letters: &str) -> bool {
    let initials: String = words.iter().filter_map(|word| word.chars().next()).collect();
    let without_small: String =
        words.iter().filter(|word| word.chars().count() > 3).filter_map(|word| word.chars().next()).collect();
    letters.chars().count() > 1
        && (initials.contains(letters) || (letters.chars().count() > 2 && without_small.contains(letters)))
}
