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
    if let Some(found) = under_groups(rows, words) {
        return Some(found);
    }
    let (taken, columns) = grid(rows)?;
    Some(Found { rows: taken, cells: cells(rows.get(..taken).unwrap_or_default(), &columns, words) })
}

/// Returns a table whose first line names groups of columns, each centred above the names of its columns. The names
/// of the groups are put before those of the columns.
fn under_groups(rows: &[Row], words: &Vocabulary) -> Option<Found> {
    let (groups, rest) = rows.split_first()?;
    let first = rest.first().filter(|first| groups.up - first.up < 3.5 * first.size.max(groups.size))?;
    if groups.segments.len() < 2 || first.segments.len() < 2 {
        return None;
    }
    let (taken, columns) = grid(rest)?;
    let places = placed(&groups.segments, &columns)?;
    let mut cells = cells(rest.get(..taken).unwrap_or_default(), &columns, words);
    if groups.is_bold() && !first.is_bold() {
        // The line below names no columns: the groups are titles, each above its first column.
        let title = |(column, place): (usize, &usize)| {
            let begins = places.iter().position(|other| other == place) == Some(column);
            groups.segments.get(*place).filter(|_| begins).map(Segment::text).unwrap_or_default()
        };
        cells.insert(0, places.iter().enumerate().map(title).collect());
        return Some(Found { rows: taken + 1, cells });
    }
    for (cell, place) in cells.first_mut()?.iter_mut().zip(&places) {
        let shared = places.iter().filter(|other| *other == place).count() > 1;
        if shared && cell.is_empty() {
            return None;
        }
        let name = groups.segments.get(*place)?.text();
        format!("{name} {cell}").trim_end().clone_into(cell);
    }
    Some(Found { rows: taken + 1, cells })
}

/// Returns the group of each column, if each group has a column, one has several, and all are centred.
fn placed(groups: &[Segment], columns: &[(f64, f64)]) -> Option<Vec<usize>> {
    let middle = |(left, right): (f64, f64)| f64::midpoint(left, right);
    let of = |group: &Segment| middle((group.left, group.right));
    let nearest = |column: &(f64, f64)| {
        let distance = |group: &Segment| (of(group) - middle(*column)).abs();
        let nearest = groups.iter().enumerate().min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        nearest.map(|(place, _)| place)
    };
    let places: Vec<usize> = columns.iter().filter_map(nearest).collect();
    let centred = |(place, group): (usize, &Segment)| {
        let below = || columns.iter().zip(&places).filter(|(_, of)| **of == place).map(|(column, _)| column);
        let (first, last) = (below().next()?, below().next_back()?);
        let off = (of(group) - middle((first.0, last.1))).abs();
        let several = first.0 < last.0;
        (!several || off < 0.15 * (last.1 - first.0)).then_some(several)
    };
    let several = groups.iter().enumerate().map(centred).collect::<Option<Vec<bool>>>()?;
    several.contains(&true).then_some(places)
}

/// Returns the number of lines of a table and the places of its columns.
fn grid(rows: &[Row]) -> Option<(usize, Vec<(f64, f64)>)> {
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
    (enough && taken > 0).then_some((taken, columns))
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
