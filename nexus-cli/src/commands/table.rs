//! Aligned columns for lists.

use nexus_core::escape::escape_line;

/// Rows under a header, aligned except in the last column.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(str::to_owned)] }
    }

    /// Adds a row. Line breaks and control characters in its cells are escaped, so that a row is one line.
    pub(super) fn row(&mut self, row: [String; N]) {
        self.rows.push(row.map(|cell| escape_line(&cell).into_owned()));
    }

    /// Returns the lines, without trailing blanks.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let widths: Vec<usize> = (0..N).map(|column| self.width(column)).collect();
        self.rows.iter().map(move |row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}
