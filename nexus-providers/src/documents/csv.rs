//! Delimited tables: comma, semicolon, tab or pipe, as a `sep=` line declares or the first records show. Lines above the
//! header are a paragraph. Read row by row in bounded memory.

use std::io::{self, BufRead, Read};

use csv::{Reader, ReaderBuilder, StringRecord};
use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::charset::Utf8Reader;
use super::error;
use super::lines::detect;
use super::table::{self, Table};

/// Number of records that determine the delimiter and the beginning of the table.
const FIRST_RECORDS: usize = 40;

/// Delimiters, the more common ones last.
const DELIMITERS: [u8; 4] = [b'|', b'\t', b';', b','];

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let mut reader = Utf8Reader::new(source, charset)?;
    let head = String::from_utf8_lossy(reader.fill_buf().map_err(error::from_io)?).into_owned();
    out.budget.work(head.len());
    let (delimiter, declaration) = declared(&head).unwrap_or_else(|| (delimiter(&head), 0));
    reader.consume(declaration);
    let mut rows = Rows::new(Quotes { reader, odd: false }, delimiter);
    let mut first = Vec::new();
    while first.len() < FIRST_RECORDS
        && let Some(row) = rows.next()?
    {
        first.push(row);
    }
    let above = preamble(&first);
    let rest = first.split_off(above);
    out.paragraph(&lines(&first))?;
    let mut tables = Tables::default();
    rest.iter().enumerate().try_for_each(|(index, row)| tables.row(row, index > 0, out))?;
    while let Some(row) = rows.next()? {
        tables.row(&row, true, out)?;
    }
    if let Some(line) = rows.open_quote() {
        out.warn(format!("a quotation mark in line {line} is never closed; the lines after it are one cell"));
    }
    tables.table.end(out)
}

/// Record, and whether a blank line stands before it.
#[derive(Debug)]
struct Row {
    cells: Vec<String>,
    apart: bool,
}

impl Row {
    fn filled(&self) -> usize {
        filled(&self.cells).count()
    }
}

/// Tables one below the other. A blank line and a row of names begin the next one.
#[derive(Default)]
struct Tables {
    table: Table,
    /// Number of cells of the last row, and whether one of them was a number.
    last: (usize, bool),
    /// Whether rows of one cell are lines above a table.
    in_caption: bool,
}

impl Tables {
    fn row(&mut self, row: &Row, may_split: bool, out: &mut Output<'_>) -> Result<()> {
        let (width, values) = self.last;
        let names = row.filled() > 0 && !filled(&row.cells).any(table::is_number);
        if may_split && row.apart && names && (values || row.filled() != width) {
            self.table.end(out)?;
            self.in_caption = true;
        }
        self.in_caption &= row.filled() == 1;
        if self.in_caption {
            return out.paragraph(&lines(std::slice::from_ref(row)));
        }
        self.last = (row.filled(), filled(&row.cells).any(table::is_number));
        self.table.row(&row.cells, out)
    }
}

/// Records that are not blank.
struct Rows<R> {
    reader: Reader<Quotes<R>>,
    record: StringRecord,
    /// First line of the last record, if its last cell has a line break.
    broken: Option<u64>,
    /// Whether a record was read, and whether a blank one was the last.
    begun: bool,
    blank: bool,
}

impl<R: Read> Rows<R> {
    fn new(source: Quotes<R>, delimiter: u8) -> Self {
        Self {
            reader: configured(delimiter).from_reader(source),
            record: StringRecord::new(),
            broken: None,
            begun: false,
            blank: false,
        }
    }

    fn next(&mut self) -> Result<Option<Row>> {
        let damaged = |e| error::malformed("a row is malformed").because(e);
        loop {
            let before = self.reader.position().line();
            if !self.reader.read_record(&mut self.record).map_err(damaged)? {
                return Ok(None);
            }
            let breaks: usize = self.record.iter().map(|cell| cell.matches('\n').count()).sum();
            let lines = self.reader.position().line().saturating_sub(before).saturating_sub(breaks as u64);
            // Line breaks before a record belong to blank lines.
            self.blank |= std::mem::replace(&mut self.begun, true) && lines > 1;
            if self.record.iter().any(|cell| !cell.trim().is_empty()) {
                let breaks =
                    self.record.iter().next_back().is_some_and(|cell| cell.trim_end().contains('\n'));
                self.broken = self.record.position().map(csv::Position::line).filter(|_| breaks);
                let cells = self.record.iter().map(|cell| cell.trim().to_owned()).collect();
                return Ok(Some(Row { cells, apart: std::mem::take(&mut self.blank) }));
            }
            self.blank = true;
        }
    }

    /// Returns the first line of the last record, if a quotation mark in it is still open and hides a line break.
    fn open_quote(&self) -> Option<u64> {
        self.broken.filter(|_| self.reader.get_ref().odd)
    }
}

fn configured(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

/// Reader that knows whether the number of quotation marks so far is odd.
struct Quotes<R> {
    reader: R,
    odd: bool,
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        let marks = into.iter().take(read).filter(|byte| **byte == b'"').count();
        self.odd ^= marks % 2 == 1;
        Ok(read)
    }
}

/// Returns the delimiter that a first line such as `sep=;` declares, and the length of that line.
fn declared(head: &str) -> Option<(u8, usize)> {
    let line = head.split_inclusive('\n').next()?;
    let text = line.trim_end_matches(['\r', '\n']).trim_matches('"');
    let value = text.get(..4).filter(|name| name.eq_ignore_ascii_case("sep=")).and_then(|_| text.get(4..))?;
    let [delimiter] = value.as_bytes() else { return None };
    Some((*delimiter, line.len()))
}

/// Returns the delimiter that parts most of the first records into the same number of cells.
fn delimiter(head: &str) -> u8 {
    let agreement = |delimiter: &u8| {
        let width = |record: StringRecord| record.len();
        let reader = configured(*delimiter).from_reader(head.as_bytes());
        let widths: Vec<usize> = reader.into_records().take(FIRST_RECORDS).flatten().map(width).collect();
        usual(widths.into_iter().filter(|width| *width > 1)).map(|(width, records)| (records, width))
    };
    let found = DELIMITERS.into_iter().filter(|delimiter| head.contains(char::from(*delimiter)));
    found.max_by_key(agreement).unwrap_or(b',')
}

/// Returns the most frequent number, the largest one of several, and how often it occurs.
fn usual(numbers: impl Iterator<Item = usize>) -> Option<(usize, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_insert(0) += 1);
    counts.into_iter().max_by_key(|(number, count)| (*count, *number))
}

/// Returns the number of records above the header: records with far fewer cells than most have, or names with values
/// before a blank line and wider rows.
fn preamble(rows: &[Row]) -> usize {
    let Some((width, _)) = usual(rows.iter().map(|row| row.cells.len()).filter(|width| *width > 1)) else {
        return 0;
    };
    if let Some(apart) = rows.iter().skip(1).position(|row| row.apart).map(|at| at + 1) {
        let (above, below) = rows.split_at(apart);
        let next = below.first().map_or(0, Row::filled);
        if next > 2 && above.len() <= below.len() && above.iter().all(|row| row.filled() <= 2) {
            return apart;
        }
    }
    let few = |row: &Row| match row.filled() {
        0 | 1 => true,
        2 => width >= 4,
        _ => false,
    };
    let above = rows.iter().take_while(|row| few(row)).count();
    let starts_below = |at: &usize| {
        let rows = rows.get(*at..).unwrap_or_default().iter().take(3);
        table::begins_with_header(&rows.map(|row| row.cells.clone()).collect::<Vec<_>>())
    };
    let mut above = (0..above).find(starts_below).unwrap_or(above);
    // Names directly above values are a header, even where the rows below have more cells.
    let has_value = |row: Option<&Row>| row.is_some_and(|row| filled(&row.cells).any(table::is_number));
    if has_value(rows.get(above))
        && let Some(last) = above.checked_sub(1)
        && rows.get(last).is_some_and(|row| row.filled() > 1)
        && !has_value(rows.get(last))
    {
        above = last;
    }
    if above < rows.len() { above } else { 0 }
}

fn filled(row: &[String]) -> impl Iterator<Item = &str> {
    row.iter().map(String::as_str).filter(|cell| !cell.is_empty())
}

fn lines(rows: &[Row]) -> String {
    rows.iter().map(|row| filled(&row.cells).collect::<Vec<_>>().join(", ")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_most_lines_share() {
        assert_eq!(delimiter("a;b\n1,5;2\n"), b';');
        assert_eq!(delimiter("a\tb, c\n1\t2\n"), b'\t');
        assert_eq!(delimiter("a|b\n1|2\n"), b'|');
        assert_eq!(delimiter("\"a;b;c\",d\n1,2\n"), b',');
        assert_eq!(delimiter("word\n"), b',');
    }

    #[test]
    fn prose_above_a_table_and_line_breaks_in_cells_do_not_hide_the_delimiter() {
        assert_eq!(delimiter("Made by us, for you, today\na;b\n1;2\n3;4\n"), b';');
        assert_eq!(delimiter("a;b\n\"one, two,\nthree, four,\nfive, six\";2\n\"x, y\";4\n"), b';');
    }

    #[test]
    fn a_first_line_may_declare_the_delimiter() {
        assert_eq!(declared("sep=;\r\na;b"), Some((b';', 7)));
        assert_eq!(declared("\"SEP=|\"\na|b"), Some((b'|', 8)));
        assert_eq!(declared("sep=tab\n"), None);
        assert_eq!(declared("separator;x\n"), None);
    }
}
