//! Second reading of a sheet: its cells, as the sheet shows them.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::super::block_writer::Output;
use super::super::super::ink::Inks;
use super::super::super::inline::marked;
use super::super::super::number_format::general;
use super::super::super::sheet::Sheet;
use super::super::super::xml::{Handler, Tag};
use super::Book;
use super::layout::{is_hidden, position};
use super::rich_text::RichText;
use super::styles::Style;

/// Reader of the cells of a sheet.
pub(super) struct Cells<'a, 'o> {
    sheet: Sheet,
    book: &'a Book,
    out: &'a mut Output<'o>,
    /// Place of the next cell.
    row: u32,
    column: u32,
    row_is_hidden: bool,
    hidden: BTreeSet<u32>,
    cell: Option<Cell>,
    text: Target,
    /// Formulas that several cells share, with the place of the first.
    shared: BTreeMap<u32, (String, (u32, u32))>,
    formulas: u32,
}

/// Cell while its elements arrive.
#[derive(Default)]
struct Cell {
    kind: String,
    style: usize,
    value: String,
    has_value: bool,
    formula: Option<String>,
    shared: Option<u32>,
    inline: RichText,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Target {
    #[default]
    Nothing,
    Value,
    Formula,
    Inline,
}

impl<'a, 'o> Cells<'a, 'o> {
    pub(super) fn new(sheet: Sheet, book: &'a Book, out: &'a mut Output<'o>) -> Self {
        Self {
            sheet,
            book,
            out,
            row: 0,
            column: 0,
            row_is_hidden: false,
            hidden: BTreeSet::new(),
            cell: None,
            text: Target::Nothing,
            shared: BTreeMap::new(),
            formulas: 0,
        }
    }

    /// Returns the sheet, its hidden rows and the number of formulas without a value.
    pub(super) fn finish(self) -> (Sheet, BTreeSet<u32>, u32) {
        (self.sheet, self.hidden, self.formulas)
    }

    fn begin_row(&mut self, tag: &Tag<'_>) {
        if let Some(row) = tag.attribute("r").and_then(|row| row.parse::<u32>().ok()) {
            self.row = row.saturating_sub(1);
        }
        self.column = 0;
        self.row_is_hidden = !self.out.limits.read_hidden && is_hidden(tag, "ht");
        if self.row_is_hidden {
            self.hidden.insert(self.row);
        }
    }

    fn begin_cell(&mut self, tag: &Tag<'_>) {
        if let Some((row, column)) = tag.attribute("r").and_then(|place| position(&place)) {
            (self.row, self.column) = (row, column);
        }
        self.cell = Some(Cell {
            kind: tag.attribute("t").unwrap_or_default(),
            style: tag.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0),
            ..Cell::default()
        });
    }

    fn begin_formula(&mut self, tag: &Tag<'_>) {
        self.text = Target::Formula;
        if let Some(cell) = &mut self.cell {
            cell.formula = Some(String::new());
            cell.shared = tag.attribute("si").and_then(|shared| shared.parse().ok());
        }
    }

    fn end_cell(&mut self) -> Result<()> {
        let Some(mut cell) = self.cell.take() else { return Ok(()) };
        let (row, column) = (self.row, self.column);
        self.column = self.column.saturating_add(1);
        self.share(&cell);
        let text = self.shown(&mut cell)?;
        if self.row_is_hidden {
            if !text.trim().is_empty() {
                self.sheet.hidden_cell(row);
            }
            return Ok(());
        }
        self.sheet.cell(row, column, &text, self.out)
    }

    /// Keeps the formula of a cell for those that share it.
    fn share(&mut self, cell: &Cell) {
        if let (Some(shared), Some(formula)) = (cell.shared, &cell.formula)
            && !formula.is_empty()
        {
            self.shared.insert(shared, (formula.clone(), (self.row, self.column)));
        }
    }

    /// Returns the text that the sheet shows.
    fn shown(&mut self, cell: &mut Cell) -> Result<String> {
        let style = self.book.styles.get(cell.style);
        let text = match cell.kind.as_str() {
            "s" => self.shared_string(cell, &style)?,
            "inlineStr" => {
                let (text, struck, inks) = cell.inline.take();
                self.out.unread(UnreadPart::StruckText, struck);
                let text = self.runs(&text, Some(&inks), &style)?;
                self.formatted(text, &style)
            }
            "str" if cell.has_value => self.formatted(std::mem::take(&mut cell.value), &style),
            _ if cell.formula.is_some() && cell.value.trim().is_empty() => return Ok(self.formula(cell)),
            "b" => if cell.value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "e" | "d" => std::mem::take(&mut cell.value),
            _ => self.number(&cell.value, &style),
        };
        Ok(self.visible(text, &style))
    }

    fn shared_string(&mut self, cell: &Cell, style: &Style) -> Result<String> {
        let index = cell.value.trim().parse().ok();
        let Some((text, struck, inks)) = index.and_then(|index| self.book.strings.get(index)) else {
            return Ok(String::new());
        };
        self.out.unread(UnreadPart::StruckText, struck);
        let text = self.runs(text, inks, style)?;
        Ok(self.formatted(text, style))
    }

    /// Returns a text without the runs that are not seen on the ground of the cell. Many cells may share the text, so
    /// each charges it and its runs.
    fn runs(&mut self, text: &str, inks: Option<&Inks>, style: &Style) -> Result<String> {
        let Some(inks) = inks.filter(|inks| !inks.is_empty() && !self.out.limits.read_hidden) else {
            return Ok(text.to_owned());
        };
        self.out.budget.copy(text.len() + inks.size())?;
        let (shown, unseen) = inks.visible(text, style.ground);
        self.out.unread(UnreadPart::HiddenText, unseen);
        Ok(shown)
    }

    fn number(&mut self, value: &str, style: &Style) -> String {
        let Ok(number) = value.trim().parse::<f64>() else { return value.to_owned() };
        let Some(format) = &style.format else { return general(number) };
        let shown = format.number(number, self.book.epoch);
        if shown.is_empty() { self.unseen(general(number)) } else { shown }
    }

    /// Writes a text in the format and at the level of its cell.
    fn formatted(&mut self, text: String, style: &Style) -> String {
        let shown = style.format.as_ref().map_or_else(|| text.clone(), |format| format.text(&text));
        if shown.is_empty() && !text.is_empty() {
            return self.unseen(text);
        }
        marked(&shown, style.font.level)
    }

    /// Leaves out a value that its format hides, or keeps it where hidden content is read.
    fn unseen(&mut self, value: String) -> String {
        if self.out.limits.read_hidden {
            return value;
        }
        self.out.unread(UnreadPart::HiddenText, 1);
        String::new()
    }

    /// Returns a formula in place of the value that the file lacks.
    fn formula(&mut self, cell: &mut Cell) -> String {
        let own = cell.formula.take().filter(|formula| !formula.trim().is_empty());
        let place = (self.row, self.column);
        let shared = || {
            let (formula, first) = self.shared.get(&cell.shared?)?;
            calamine::expand_shared_formula(formula, *first, place).ok()
        };
        let formula = own.or_else(shared);
        self.formulas = self.formulas.saturating_add(1);
        formula.map(|formula| format!("={}", formula.trim().trim_start_matches('='))).unwrap_or_default()
    }

    /// Returns the text unless its style hides it, and counts text that is left out.
    fn visible(&mut self, text: String, style: &Style) -> String {
        if style.font.struck && !text.trim().is_empty() {
            self.out.unread(UnreadPart::StruckText, 1);
            return String::new();
        }
        if style.is_unseen && !text.trim().is_empty() {
            return self.unseen(text);
        }
        text
    }
}

impl Handler for Cells<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "row" => self.begin_row(tag),
            "c" => self.begin_cell(tag),
            "v" if self.cell.is_some() => {
                self.text = Target::Value;
                self.cell.iter_mut().for_each(|cell| cell.has_value = true);
            }
            "f" => self.begin_formula(tag),
            "is" => self.text = Target::Inline,
            _ => {}
        }
        if self.text == Target::Inline
            && let Some(cell) = &mut self.cell
        {
            cell.inline.open(tag);
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.text == Target::Inline
            && let Some(cell) = &mut self.cell
        {
            cell.inline.close(name);
        }
        match name {
            "v" | "f" | "is" => self.text = Target::Nothing,
            "c" => return self.end_cell(),
            "row" => self.row = self.row.saturating_add(1),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let Some(cell) = &mut self.cell else { return Ok(()) };
        match self.text {
            Target::Value => cell.value.push_str(text),
            Target::Formula => cell.formula.get_or_insert_default().push_str(text),
            Target::Inline => cell.inline.text(text),
            Target::Nothing => {}
        }
        Ok(())
    }
}
