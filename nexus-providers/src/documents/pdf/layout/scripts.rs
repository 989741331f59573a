//! Raised and lowered text: exponents and indices keep their meaning, and marks of footnotes stay apart from numbers.

use std::collections::BTreeSet;

use super::super::super::inline::{Level, marked, note_mark};
use super::hyphens;
use super::lines::Segment;
use super::words::{Shift, Word};

/// Marks of trade and of ordinal numbers, which are raised for their looks only.
const PLAIN: [&str; 13] = ["tm", "sm", "mc", "st", "nd", "rd", "th", "er", "re", "ère", "ème", "e", "de"];

/// Units and functions that are raised to a power.
const POWERS: [&str; 20] = [
    "mm", "cm", "dm", "km", "ft", "in", "yd", "mi", "inch", "sec", "min", "sin", "cos", "tan", "log", "ln",
    "exp", "nm", "µm", "hz",
];

/// Writes the raised and lowered words of a page, so that they cannot be taken for text on the line.
pub(super) fn write(segments: &mut [Segment], body: f64) {
    let notes: BTreeSet<String> = segments.iter().filter_map(|segment| note(segment, body)).collect();
    for segment in segments {
        let words = std::mem::take(&mut segment.words);
        segment.words = line(words, &notes);
    }
}

/// Returns the mark of the footnote that a line begins.
fn note(segment: &Segment, body: f64) -> Option<String> {
    let [first, second, ..] = segment.words.as_slice() else { return None };
    let apart = first.blank_right || second.blank_left || second.left - first.right > 0.1 * second.size;
    let raised = first.shift == Shift::Raised && (apart || second.text.chars().count() > 2);
    let small = segment.size < 0.93 * body && apart && segment.words.len() > 2;
    let mark = first.text.trim_matches(['(', ')', '[', ']', '.']);
    ((raised || small) && is_mark(mark)).then(|| mark.to_owned())
}

/// Returns whether a text is a mark of footnotes: a number of up to two digits, or a letter.
fn is_mark(text: &str) -> bool {
    let digits = text.chars().all(|c| c.is_ascii_digit()) && (1..=2).contains(&text.len());
    digits || text.len() == 1 && text.chars().all(|c| c.is_ascii_lowercase())
}

fn line(words: Vec<Word>, notes: &BTreeSet<String>) -> Vec<Word> {
    let mut written: Vec<Word> = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(mut word) = words.next() {
        if word.shift == Shift::Level {
            written.push(word);
            continue;
        }
        while let Some(next) = words.next_if(|next| next.shift == word.shift && !next.is_apart(&word)) {
            word.append(&next);
        }
        let base = written.last().filter(|base| !word.is_apart(base) || word.is_close(base));
        word.text = match base {
            Some(base) => shifted(&word, base, notes),
            None => leading(&word, words.peek()),
        };
        written.push(word);
    }
    written
}

/// Returns a raised text before the text that it belongs to: the mark of a footnote, or the number of an isotope.
fn leading(word: &Word, next: Option<&Word>) -> String {
    let isotope = next.is_some_and(|next| !next.is_apart(word) && is_element(&next.text, &word.text));
    match word.shift {
        Shift::Raised if isotope => marked(&word.text, Level::Super),
        Shift::Raised if is_mark(&word.text) => note_mark(&word.text),
        Shift::Raised | Shift::Lowered | Shift::Level => word.text.clone(),
    }
}

/// Returns whether a text may be the symbol of a chemical element after this number, rather than a word.
fn is_element(text: &str, number: &str) -> bool {
    let is_word = text == "A" || hyphens::is_english(&text.to_lowercase());
    number.chars().all(|c| c.is_ascii_digit())
        && text.chars().count() <= 2
        && text.starts_with(char::is_uppercase)
        && (number.len() > 2 || !is_word)
}

/// Returns a raised or lowered text behind the text that it belongs to.
fn shifted(word: &Word, base: &Word, notes: &BTreeSet<String>) -> String {
    let text = word.text.as_str();
    if !text.chars().any(char::is_alphanumeric) || text.chars().count() > 12 {
        return text.to_owned();
    }
    if word.shift == Shift::Lowered {
        return marked(text, Level::Sub);
    }
    let lower = text.to_lowercase();
    let ordinal = base.text.ends_with(|c: char| c.is_ascii_digit()) && lower.chars().count() > 1;
    let trade = base.text.ends_with(char::is_alphabetic) && matches!(lower.as_str(), "tm" | "sm" | "mc");
    if (ordinal || trade) && PLAIN.contains(&lower.as_str()) {
        return text.to_owned();
    }
    if is_reference(text, &base.text, notes) { note_mark(text) } else { marked(text, Level::Super) }
}

/// Returns whether a raised text refers to a footnote rather than being an exponent.
fn is_reference(text: &str, base: &str, notes: &BTreeSet<String>) -> bool {
    let mut marks = text.split([',', ' ', '-', '–']).filter(|mark| !mark.is_empty());
    let Some(first) = marks.next().filter(|mark| is_mark(mark)).filter(|_| marks.all(is_mark)) else {
        return false;
    };
    let word: String = base.chars().rev().take_while(|c| c.is_alphabetic()).collect();
    let letters = word.chars().count();
    let ends_a_number = base.ends_with(|c: char| c.is_ascii_digit());
    let is_letter = first.starts_with(|c: char| c.is_alphabetic());
    let unit: String = word.chars().rev().collect::<String>().to_lowercase();
    if letters == 1 && !is_letter || POWERS.contains(&unit.as_str()) {
        return false;
    }
    if ends_a_number {
        let grouped = base.contains([',', '.', '$', '€', '£']);
        let year = base.len() == 4 && (base.starts_with("19") || base.starts_with("20"));
        return notes.contains(first) || grouped || year || is_letter;
    }
    notes.contains(first)
        || letters >= 3
        || letters == 0 && base.ends_with(['.', ',', ';', ':', '%', '"', '”', '’', '?', '!'])
}
