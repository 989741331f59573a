//! Sentences: the smallest quotable units of a text, each with its exact byte range.
//!
//! A sentence is a sentence of prose, a list item, a table row, a line of code, or a heading. Lines decide the kind;
//! within prose the sentence boundaries of [UAX 29](https://unicode.org/reports/tr29/#Sentence_Boundaries) decide the
//! end, corrected for line wraps, abbreviations and initials.

mod line;

use std::ops::Range;

use crate::document::sentence_boundaries as unicode;
use line::Line;

/// Kind of a quotable unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentenceKind {
    /// Sentence of running text.
    Prose,
    /// Heading: names the text below and states nothing.
    Heading,
    /// List item, or a line of the form `name: value`.
    Item,
    /// Table row.
    Row {
        /// Byte range of the header row, where the text shows one.
        header: Option<Range<usize>>,
    },
    /// Line of code or other preformatted text.
    Code,
}

/// Quotable unit of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Byte range in the text, without surrounding white space and list markers.
    pub range: Range<usize>,
    /// Kind of the unit.
    pub kind: SentenceKind,
}

impl Sentence {
    /// Returns the byte range of the header row, for a row below one.
    pub fn header(&self) -> Option<Range<usize>> {
        if let SentenceKind::Row { header } = &self.kind { header.clone() } else { None }
    }
}

/// Returns the sentences of `text`, in order. Their ranges do not overlap and are slices of `text`.
///
/// ```
/// use nexus_core::grounding::quotable_units::sentences;
///
/// let text = "Dr. Ada Byron signed it on 3.5 pages. It expires in 2027.";
/// let quotes: Vec<_> = sentences(text).into_iter().filter_map(|s| text.get(s.range)).collect();
/// assert_eq!(quotes, ["Dr. Ada Byron signed it on 3.5 pages.", "It expires in 2027."]);
/// ```
pub fn sentences(text: &str) -> Vec<Sentence> {
    let lines = line::lines(text);
    let mut found = Vec::with_capacity(text.len() / 80);
    let mut rest = lines.as_slice();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|line| line.belongs_with(first)).count().max(1);
        let (group, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let next = after.iter().find(|line| **line != Line::Blank);
        group_sentences(text, group, next, &mut found);
        rest = after;
    }
    found
}

/// Appends the sentences of lines that belong together; `next` is the first line after them that is not blank.
fn group_sentences(text: &str, group: &[Line], next: Option<&Line>, found: &mut Vec<Sentence>) {
    let stands_alone = found.is_empty() && next.is_none();
    let are_pairs = || group.iter().all(|line| line.is_pair(text)) && (group.len() > 1 || stands_alone);
    match group.first() {
        Some(Line::Row(_)) => rows(text, group, found),
        Some(Line::Code(_)) => each(group, &SentenceKind::Code, found),
        Some(Line::Heading(_)) => each(group, &SentenceKind::Heading, found),
        Some(_) if is_title(text, group, next, found) => each(group, &SentenceKind::Heading, found),
        Some(Line::Text(_)) if are_pairs() => each(group, &SentenceKind::Item, found),
        Some(Line::Text(_)) => prose(text, joined(group), &SentenceKind::Prose, found),
        Some(Line::Item(_) | Line::Numbered(_)) => prose(text, joined(group), &SentenceKind::Item, found),
        Some(Line::Rule | Line::Blank) | None => {}
    }
}

/// Returns whether a line without a heading mark is a title: short, open-ended, followed by text, and no list step.
fn is_title(text: &str, group: &[Line], next: Option<&Line>, found: &[Sentence]) -> bool {
    let after_item = found.last().is_some_and(|sentence| sentence.kind == SentenceKind::Item);
    let may_be = match group {
        [Line::Text(_)] => next.is_some() || !found.is_empty(),
        [Line::Numbered(_)] => {
            !after_item && matches!(next, Some(Line::Text(_) | Line::Row(_) | Line::Item(_)))
        }
        _ => false,
    };
    may_be && group.iter().filter_map(Line::range).all(|range| line::is_title(text, &range))
}

/// Appends the sentences of the bytes `block`, without the white space around them.
fn prose(text: &str, block: Range<usize>, kind: &SentenceKind, found: &mut Vec<Sentence>) {
    let words = text.get(block.clone()).unwrap_or_default();
    for span in unicode::sentences(words) {
        let raw = words.get(span.clone()).unwrap_or_default();
        let start = block.start + span.start + (raw.len() - raw.trim_start().len());
        let range = start..start + raw.trim().len();
        if !range.is_empty() {
            found.push(Sentence { range, kind: kind.clone() });
        }
    }
}

fn each(group: &[Line], kind: &SentenceKind, found: &mut Vec<Sentence>) {
    let sentences = group.iter().filter_map(Line::range);
    found.extend(sentences.map(|range| Sentence { range, kind: kind.clone() }));
}

/// Returns the range from the first byte of the first line to the last of the last.
fn joined(group: &[Line]) -> Range<usize> {
    let mut ranges = group.iter().filter_map(Line::range);
    let first = ranges.next().unwrap_or_default();
    let end = ranges.next_back().map_or(first.end, |last| last.end);
    first.start..end
}

/// Appends a table's rows: the row above the rule `|---|---|` names the columns and states nothing itself.
fn rows(text: &str, group: &[Line], found: &mut Vec<Sentence>) {
    let header = match group {
        [Line::Row(first), Line::Rule, ..] => Some(first.clone()),
        [Line::Row(first), Line::Row(_), ..] if line::names_columns(text, first) => Some(first.clone()),
        _ => None,
    };
    let body = group.iter().filter_map(Line::range).filter(|range| Some(range) != header.as_ref());
    found.extend(body.map(|range| Sentence { range, kind: SentenceKind::Row { header: header.clone() } }));
}

#[cfg(test)]
mod tests;
