//! First reading of a sheet: its merged cells, hidden columns and first column, and the parts that it names. Merged cells
//! stand behind the cells in the file.

use nexus_core::Result;

use super::super::super::inline::Margin;
use super::super::super::sheet::{Layout, Range};
use super::super::super::xml::{Handler, Tag};
use super::super::alternatives::Alternatives;

/// Overview of a sheet.
#[derive(Default)]
pub(super) struct Overview {
    merges: Vec<Range>,
    hidden: Vec<(u32, u32)>,
    first_column: Option<u32>,
    /// Column of the open cell.
    column: u32,
    root: Option<bool>,
    /// Id of the relationship to the drawing.
    pub(super) drawing: Option<String>,
    /// Headers and footers with their codes.
    pub(super) headers: Vec<(Margin, String)>,
    in_header: bool,
    /// Embedded objects.
    pub(super) objects: u32,
    /// Form controls.
    pub(super) controls: u32,
    alternatives: Alternatives,
    skipped: usize,
}

impl Overview {
    pub(super) fn layout(&mut self) -> Layout {
        let hidden = std::mem::take(&mut self.hidden);
        Layout::new(self.first_column.unwrap_or(0), std::mem::take(&mut self.merges), hidden)
    }

    /// Returns whether the part is a sheet of cells or of a chart.
    pub(super) fn is_sheet(&self) -> bool {
        self.root == Some(true)
    }

    fn cell(&mut self, tag: &Tag<'_>) {
        let place = tag.attribute("r").and_then(|place| position(&place));
        self.column = place.map_or(self.column.wrapping_add(1), |(_, column)| column);
    }

    fn hide(&mut self, tag: &Tag<'_>) {
        let number = |name: &str| tag.attribute(name).and_then(|value| value.parse::<u32>().ok());
        if is_hidden(tag, "width")
            && let (Some(first), Some(last)) = (number("min"), number("max"))
        {
            self.hidden.push((first.saturating_sub(1), last.saturating_sub(1)));
        }
    }
}

/// Returns whether a row or column is hidden, or has no size.
pub(super) fn is_hidden(tag: &Tag<'_>, size: &str) -> bool {
    let hidden = matches!(tag.attribute("hidden").as_deref(), Some("1" | "true"));
    hidden || tag.attribute(size).and_then(|size| size.parse::<f64>().ok()).is_some_and(|size| size <= 0.0)
}

/// Parses a place such as `B7` to row and column, counted from 0.
pub(super) fn position(place: &str) -> Option<(u32, u32)> {
    let place = place.replace('$', "");
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = place.split_at_checked(letters)?;
    let column = letters.bytes().try_fold(0_u32, |column, letter| {
        column.checked_mul(26)?.checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    Some((digits.parse::<u32>().ok()?.checked_sub(1)?, column?.checked_sub(1)?))
}

fn range(reference: &str) -> Option<Range> {
    let (first, last) = reference.split_once(':').unwrap_or((reference, reference));
    let ((top, left), (bottom, right)) = (position(first)?, position(last)?);
    Some(Range { top, left, bottom, right })
}

impl Handler for Overview {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || self.alternatives.open(tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        let name = tag.name();
        self.root.get_or_insert(matches!(name, "worksheet" | "chartsheet"));
        match name {
            // The first cell of a row without a place is in the first column.
            "row" => self.column = u32::MAX,
            "c" => self.cell(tag),
            "v" | "is" | "f" => {
                self.first_column =
                    Some(self.first_column.map_or(self.column, |first| first.min(self.column)));
            }
            "col" => self.hide(tag),
            "mergeCell" => self.merges.extend(tag.attribute("ref").as_deref().and_then(range)),
            "drawing" => self.drawing = tag.attribute("id"),
            "oddHeader" | "firstHeader" | "evenHeader" => {
                self.headers.push((Margin::Header, String::new()));
                self.in_header = true;
            }
            "oddFooter" | "firstFooter" | "evenFooter" => {
                self.headers.push((Margin::Footer, String::new()));
                self.in_header = true;
            }
            "oleObject" => self.objects = self.objects.saturating_add(1),
            "control" => self.controls = self.controls.saturating_add(1),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.alternatives.close(name);
        }
        self.in_header = false;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.in_header
            && let Some((_, codes)) = self.headers.last_mut()
        {
            codes.push_str(text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn places_are_rows_and_columns() {
        assert_eq!(position("A1"), Some((0, 0)));
        assert_eq!(position("$AB$12"), Some((11, 27)));
        assert_eq!(position("XFD1048576"), Some((1_048_575, 16_383)));
        for wrong in ["", "A", "7", "A0", "ZZZZZZZZ1", "A99999999999"] {
            assert_eq!(position(wrong), None);
        }
    }
}
