//! Table detection: lines whose segments stand below one another in columns.

use super::hyphens::Vocabulary;
use super::lines::{Row, Segment};

/// Table at the beginning of some lines: the number of lines, and the cells.
pub(super) struct Found {
    pub(super) rows: usize,
    pub(super) cells: Vec<Vec<String>>,
}

/// Maximum number of columns of a table.
const COLUMNS: usize = 64;

/// Returns the table that begins with the first of the lines, if there is one.
pub(super) fn at(rows: &[Row], words: &Vocabulary) -> Option<Found> {
    let first = rows.first()?;
    if first.segments.len() < 2 {
        return None;
    }
    let mut columns: Vec<(f64, f64)> = Vec::new();
    let mut taken = 0;
    let mut full = 0;
    let mut last: Option<&Row> = None;
    for row in rows {
        let near = last.is_none_or(|last| last.up - row.up < 3.5 * row.size.max(last.size));
        let several = row.segments.len() > 1;
        if !near || row.segments.len() > COLUMNS {
            break;
        }
        if several {
            let merged = merge(&columns, &row.segments);
            if !(2..=COLUMNS).contains(&merged.len()) || merged.len() < columns.len() {
                break;
            }
            columns = merged;
            full += 1;
        } else if !continues(row, &columns, last) {
            break;
        }
        taken += 1;
        last = Some(row);
    }
    // Trailing lines of one cell belong to the text below.
    while taken > 0 && rows.get(taken - 1).is_some_and(|row| row.segments.len() < 2) {
        taken -= 1;
    }
    let enough = full >= 3 || (full == 2 && columns.len() >= 3);
    (enough && taken > 0)
        .then(|| Found { rows: taken, cells: cells(rows.get(..taken).unwrap_or_default(), &columns, words) })
}

/// Returns whether a line of one segment continues a cell of the row above, other than the first.
fn continues(row: &Row, columns: &[(f64, f64)], last: Option<&Row>) -> bool {
    let Some(last) = last else { return false };
    let inside = |(left, right): &(f64, f64)| row.left < *right && row.right > *left;
    let mut over = columns.iter().enumerate().filter(|(_, column)| inside(column)).map(|(index, _)| index);
    let (first, second) = (over.next(), over.next());
    second.is_none() && first.is_some_and(|column| column > 0) && last.up - row.up < 1.6 * row.size
}

/// Merges the columns with those of one more row. Overlapping ones become one column.
fn merge(columns: &[(f64, f64)], segments: &[Segment]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = columns.to_vec();
    spans.extend(segments.iter().map(|segment| (segment.left, segment.right)));
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (left, right) in spans {
        match merged.last_mut() {
            Some(last) if left < last.1 => last.1 = last.1.max(right),
            _ => merged.push((left, right)),
        }
    }
    merged
}

fn cells(rows: &[Row], columns: &[(f64, f64)], words: &Vocabulary) -> Vec<Vec<String>> {
    let mut cells: Vec<Vec<String>> = Vec::new();
    for row in rows {
        let place = |segment: &Segment| {
            columns.iter().position(|(left, right)| segment.left < *right && segment.right > *left)
        };
        if row.segments.len() < 2
            && let (Some(last), Some(segment)) = (cells.last_mut(), row.segments.first())
            && let Some(cell) = place(segment).and_then(|column| last.get_mut(column))
        {
            words.join(cell, &segment.text());
            continue;
        }
        let mut line = vec![String::new(); columns.len()];
        for segment in &row.segments {
            if let Some(cell) = place(segment).and_then(|column| line.get_mut(column)) {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&segment.text());
            }
        }
        cells.push(line);
    }
    cells
}
