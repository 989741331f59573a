//! Delimited tables: comma, semicolon, tab or pipe, detected from the first lines. Read row by row in bounded memory.

use std::io::BufRead;

use csv::{ReaderBuilder, StringRecord};
use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::charset::Utf8Reader;
use super::error;
use super::lines::detect;
use super::table::Table;

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let mut reader = Utf8Reader::new(source, charset)?;
    let head = String::from_utf8_lossy(reader.fill_buf().map_err(error::from_io)?);
    let delimiter = delimiter(&head);
    let mut rows =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(reader);
    let (mut record, mut table) = (StringRecord::new(), Table::default());
    while rows.read_record(&mut record).map_err(|e| error::malformed("a row is malformed").because(e))? {
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.row(&cells, out)?;
        }
    }
    table.end(out)
}

/// Returns the delimiter that occurs in most of the first lines, and most often in those.
fn delimiter(head: &str) -> u8 {
    let count = |delimiter: u8| {
        let per_line = head.lines().take(20).map(|line| unquoted(line, delimiter));
        let (lines, total) =
            per_line.fold((0, 0), |(lines, total), count| (lines + usize::from(count > 0), total + count));
        (lines, total)
    };
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn unquoted(line: &str, delimiter: u8) -> usize {
    let mut quoted = false;
    let outside = |byte: &u8| {
        quoted ^= *byte == b'"';
        !quoted && *byte == delimiter
    };
    line.as_bytes().iter().copied().filter(outside).count()
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
}
