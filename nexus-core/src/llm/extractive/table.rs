//! Cells of a row: the one that the question asks for, by the name of its column.

use super::question::{Question, Terms};
use crate::retrieve::analysis::words;

/// Cell that the question asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// No column is asked for: the whole row may answer.
    Row,
    /// Value of the column.
    Cell(String),
    /// The column has no value in this row.
    Blank,
}

/// Values that say that there is none.
const BLANKS: [&str; 12] = ["", "-", "–", "—", "n/a", "na", "none", "null", "tbd", "?", "unknown", "k.a."];

/// Returns the cell of `row` that the question asks for.
pub(super) fn target(question: &Question, header: &str, row: &str) -> Target {
    let separator = separator(header);
    let (names, cells) = (split(header, separator), split(row, separator));
    let columns = names.iter().zip(&cells).map(|(name, cell)| {
        let is_key = terms(question, cell) != 0;
        let mass = if is_key { 0.0 } else { question.mass(terms(question, name)) };
        (mass, cell)
    });
    let best = columns.filter(|(mass, _)| *mass > 0.0).max_by(|(one, _), (other, _)| one.total_cmp(other));
    match best {
        None => Target::Row,
        Some((_, cell)) if BLANKS.contains(&cell.to_lowercase().as_str()) => Target::Blank,
        Some((_, cell)) => Target::Cell(cell.clone()),
    }
}

fn terms(question: &Question, text: &str) -> Terms {
    let found = words(text, question.language).into_iter().filter_map(|token| question.term(&token.term));
    found.fold(0, |terms, (term, _)| terms | 1 << term)
}

fn separator(header: &str) -> char {
    if header.starts_with('|') {
        return '|';
    }
    let most = ['\t', ';', ','].into_iter().max_by_key(|separator| header.matches(*separator).count());
    most.unwrap_or(',')
}

/// Splits a row at `separator`; one within quotation marks is text.
fn split(row: &str, separator: char) -> Vec<String> {
    let row = if separator == '|' { row.trim().trim_start_matches('|').trim_end_matches('|') } else { row };
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for c in row.chars() {
        if c == '"' && separator != '|' {
            is_quoted = !is_quoted;
        } else if c == separator && !is_quoted {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}
