//! Content of a spreadsheet: sheets with their cells, comments and drawings.

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::block_writer::Output;
use super::super::inline::{self, Format, Inline, Level, Subject, described, image};
use super::super::merged_cells;
use super::super::opendocument::objects::Objects;
use super::super::opendocument::styles::Styles;
use super::super::sheet::{Layout, Range, Sheet, letters};
use super::super::xml::{Handler, Tag};
use super::cell::{Cell, count, plain_formula, value};

/// Elements without text of the sheets.
const SKIPPED: &[&str] = &[
    "tracked-changes",
    "content-validations",
    "automatic-styles",
    "font-face-decls",
    "scripts",
    "forms",
    "database-ranges",
    "named-expressions",
    "dde-links",
    "data-pilot-tables",
    "binary-data",
];

/// Block that follows the cells of a sheet.
enum After {
    Text(String),
    /// Object by its link.
    Object(String),
}

/// Place of text.
enum Place {
    Cell,
    Comment,
    Drawing,
}

/// Open comment.
#[derive(Default)]
struct Comment {
    text: Inline,
    author: String,
}

/// Open drawing.
#[derive(Default)]
struct Drawing {
    text: Inline,
    description: String,
    has_image: bool,
    object: Option<String>,
    is_control: bool,
}

/// Text of a row, with its column and the columns and rows that it spans.
struct RowCell {
    column: u32,
    text: String,
    span: Option<(u32, u32)>,
}

/// Open row.
#[derive(Default)]
struct Row {
    cells: Vec<RowCell>,
    repeated: u32,
    hidden: bool,
}

pub(super) struct Body<'a, 'o> {
    styles: &'a Styles,
    objects: &'a Objects,
    out: &'a mut Output<'o>,
    /// Name and hidden columns of the open sheet, until its first row.
    begun: Option<(String, Vec<(u32, u32)>)>,
    sheet: Option<Sheet>,
    columns: u32,
    row_number: u32,
    row: Option<Row>,
    cell: Option<Cell>,
    comment: Option<Comment>,
    drawings: Vec<Drawing>,
    places: Vec<Place>,
    after: Vec<After>,
    spans: Vec<Format>,
    formulas: u32,
    in_creator: bool,
    in_description: bool,
    nested: usize,
    skipped: usize,
}

impl<'a, 'o> Body<'a, 'o> {
    pub(super) fn new(styles: &'a Styles, objects: &'a Objects, out: &'a mut Output<'o>) -> Self {
        Self {
            styles,
            objects,
            out,
            begun: None,
            sheet: None,
            columns: 0,
            row_number: 0,
            row: None,
            cell: None,
            comment: None,
            drawings: Vec::new(),
            places: Vec::new(),
            after: Vec::new(),
            spans: Vec::new(),
            formulas: 0,
            in_creator: false,
            in_description: false,
            nested: 0,
            skipped: 0,
        }
    }

    /// Returns the number of formulas without a value.
    pub(super) fn formulas(&self) -> u32 {
        self.formulas
    }

    fn begin_table(&mut self, tag: &Tag<'_>) {
        if self.is_in_sheet() {
            self.nested += 1;
            return;
        }
        if self.styles.hides_page(&tag.attribute("style-name").unwrap_or_default())
            && !self.out.limits.read_hidden
        {
            self.out.unread(UnreadPart::HiddenSheet, 1);
            self.skipped = 1;
            return;
        }
        self.begun = Some((tag.attribute("name").unwrap_or_default(), Vec::new()));
        (self.columns, self.row_number) = (0, 0);
    }

    fn is_in_sheet(&self) -> bool {
        self.begun.is_some() || self.sheet.is_some()
    }

    /// Begins the page of the sheet once its columns are known.
    fn begin_sheet(&mut self) -> Result<()> {
        if let Some((name, hidden)) = self.begun.take() {
            self.sheet = Some(Sheet::begin(&name, Layout::new(0, Vec::new(), hidden), self.out)?);
        }
        Ok(())
    }

    fn end_table(&mut self) -> Result<()> {
        if self.nested > 0 {
            self.nested -= 1;
            return Ok(());
        }
        self.begin_sheet()?;
        let Some(sheet) = self.sheet.take() else { return Ok(()) };
        sheet.end_tables(self.out)?;
        for after in std::mem::take(&mut self.after) {
            match after {
                After::Text(text) => self.out.paragraph(&text)?,
                After::Object(link) => self.object(&link)?,
            }
        }
        self.out.end_page();
        Ok(())
    }

    fn object(&mut self, link: &str) -> Result<()> {
        self.out.budget.work(link.len());
        match self.objects.get(link) {
            Ok(object) => object.write(self.out),
            Err(part) => {
                self.out.unread(part, 1);
                Ok(())
            }
        }
    }

    fn column(&mut self, tag: &Tag<'_>) {
        let repeated = count(tag, "number-columns-repeated");
        if is_hidden(tag)
            && let Some((_, hidden)) = &mut self.begun
        {
            hidden.push((self.columns, self.columns.saturating_add(repeated - 1)));
        }
        self.columns = self.columns.saturating_add(repeated);
    }

    fn begin_row(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.begin_sheet()?;
        self.columns = 0;
        let hidden = is_hidden(tag) && !self.out.limits.read_hidden;
        self.row = Some(Row { cells: Vec::new(), repeated: count(tag, "number-rows-repeated"), hidden });
        Ok(())
    }

    /// Writes the row as often as it is declared, if it has text.
    fn end_row(&mut self) -> Result<()> {
        let Some(row) = self.row.take() else { return Ok(()) };
        let first = self.row_number;
        self.row_number = first.saturating_add(row.repeated);
        let Some(sheet) = &mut self.sheet else { return Ok(()) };
        if !row.hidden {
            let copied: usize = row.cells.iter().map(|cell| size_of::<String>() + cell.text.len()).sum();
            let rows = usize::try_from(row.repeated).unwrap_or(usize::MAX);
            self.out.budget.check_copy(copied.saturating_mul(rows))?;
        }
        let rows = if row.cells.is_empty() { first..first } else { first..self.row_number };
        for number in rows {
            for RowCell { column, text, span } in &row.cells {
                if row.hidden {
                    sheet.hidden_cell(number);
                    continue;
                }
                if let Some((columns, rows)) = span {
                    let (bottom, right) =
                        (number.saturating_add(rows - 1), column.saturating_add(columns - 1));
                    sheet.merge(Range { top: number, left: *column, bottom, right });
                }
                sheet.cell(number, *column, text, self.out)?;
            }
        }
        Ok(())
    }

    fn begin_cell(&mut self, tag: &Tag<'_>) {
        let covered = tag.name() == "covered-table-cell";
        let has_text = tag.attribute("value-type").or_else(|| tag.attribute("formula")).is_some();
        self.cell = Some(Cell {
            format: self.format(tag),
            repeated: count(tag, "number-columns-repeated"),
            columns: count(tag, "number-columns-spanned"),
            rows: count(tag, "number-rows-spanned"),
            formula: tag.attribute("formula"),
            value: if has_text { value(tag) } else { None },
            covered,
            ..Cell::default()
        });
        self.places.push(Place::Cell);
    }

    /// Ends a cell and repeats it as declared, up to a limit: the last cells pad a sheet to its full width.
    fn end_cell(&mut self) -> Result<()> {
        const WIDEST: u32 = 256;
        self.places.pop();
        let Some(mut cell) = self.cell.take() else { return Ok(()) };
        let column = self.columns;
        self.columns = column.saturating_add(cell.repeated);
        let text = self.shown(&mut cell);
        if cell.covered || text.trim().is_empty() {
            return Ok(());
        }
        let span = Some((cell.columns, cell.rows)).filter(|span| *span != (1, 1));
        let further = merged_cells::repeated(&text.as_str().into());
        let Some(row) = &mut self.row else { return Ok(()) };
        self.out.budget.copy(text.len())?;
        row.cells.push(RowCell { column, text, span });
        for more in 1..cell.repeated.min(WIDEST) {
            self.out.budget.work(1);
            self.out.budget.copy(size_of::<String>() + further.len())?;
            let column = column.saturating_add(more);
            row.cells.push(RowCell { column, text: further.to_string(), span: None });
        }
        Ok(())
    }

    /// Returns the text that the sheet shows: that of the file, or the value, or else the formula.
    fn shown(&mut self, cell: &mut Cell) -> String {
        let text = cell.text.take();
        self.out.unread(UnreadPart::HiddenText, u32::from(cell.has_unseen));
        if let Some(part) = cell.format.without_ink().left_out(self.out.limits.read_hidden)
            && !text.trim().is_empty()
        {
            self.out.unread(part, 1);
            return String::new();
        }
        if !text.trim().is_empty() || cell.paragraphs > 0 {
            return text;
        }
        match (cell.value.take(), cell.formula.take()) {
            (Some(_), _) if cell.format.ink.is_unseen() && !self.out.limits.read_hidden => {
                self.out.unread(UnreadPart::HiddenText, 1);
                String::new()
            }
            (Some(value), _) => value,
            (None, Some(formula)) => {
                self.formulas = self.formulas.saturating_add(1);
                plain_formula(&formula)
            }
            (None, None) => String::new(),
        }
    }

    fn end_comment(&mut self) {
        self.places.pop();
        let Some(mut comment) = self.comment.take() else { return };
        let text = comment.text.take();
        if text.trim().is_empty() {
            return;
        }
        if self.row.as_ref().is_some_and(|row| row.hidden) {
            self.out.unread(UnreadPart::Comment, 1);
            return;
        }
        let cell = format!("{}{}", letters(self.columns), self.row_number.saturating_add(1));
        let limits = self.out.limits;
        let comment = inline::comment(limits, &comment.author, Subject::Cell(&cell), &text);
        self.after.extend(comment.map(After::Text));
    }

    fn end_drawing(&mut self) {
        self.places.pop();
        let Some(mut drawing) = self.drawings.pop() else { return };
        let text = drawing.text.take();
        let description = described(&drawing.description);
        match drawing.object {
            Some(link) => self.after.push(After::Object(link)),
            None if drawing.is_control => self.out.unread(UnreadPart::FormField, 1),
            None if !text.trim().is_empty() => self.after.push(After::Text(text.trim().to_owned())),
            None if !description.is_empty() => self.after.push(After::Text(image(description))),
            None if drawing.has_image => self.out.unread(UnreadPart::Image, 1),
            None => self.out.unread(UnreadPart::Drawing, 1),
        }
    }

    /// Returns the formatting of the style that an element names.
    fn format(&self, tag: &Tag<'_>) -> Format {
        self.styles.format(&tag.attribute("style-name").unwrap_or_default())
    }

    fn begin_span(&mut self, tag: &Tag<'_>) {
        let outer = self.spans.last().copied().unwrap_or_default();
        let format = self.format(tag).or(outer);
        if let Some(part) = format.without_ink().left_out(self.out.limits.read_hidden) {
            self.out.unread(part, 1);
        }
        self.spans.push(format);
    }

    /// Returns the text at the open place.
    fn open_text(&mut self) -> Option<&mut Inline> {
        match self.places.last()? {
            Place::Cell => self.cell.as_mut().map(|cell| &mut cell.text),
            Place::Comment => self.comment.as_mut().map(|comment| &mut comment.text),
            Place::Drawing => self.drawings.last_mut().map(|drawing| &mut drawing.text),
        }
    }

    fn append(&mut self, text: &str) {
        let format = self.spans.last().copied().unwrap_or_default();
        let read_hidden = self.out.limits.read_hidden;
        let left_out = format.without_ink().left_out(read_hidden).is_some();
        if let (Some(Place::Cell), Some(cell), false) = (self.places.last(), &mut self.cell, read_hidden)
            && format.ink.or(cell.format.ink).is_unseen()
            && !left_out
            && !text.trim().is_empty()
        {
            cell.has_unseen = true;
            return cell.text.omit();
        }
        let Some(open) = self.open_text() else { return };
        if left_out {
            open.omit();
        } else {
            open.push(text, format.level.unwrap_or_default());
        }
    }

    fn begin_paragraph(&mut self) {
        if matches!(self.places.last(), Some(Place::Cell))
            && let Some(cell) = &mut self.cell
        {
            cell.paragraphs += 1;
        }
    }
}

/// Elements of drawings.
const DRAWINGS: &[&str] = &[
    "frame",
    "custom-shape",
    "rect",
    "ellipse",
    "line",
    "connector",
    "polygon",
    "path",
    "caption",
    "control",
];

impl Handler for Body<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || SKIPPED.contains(&tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        match tag.name() {
            "table" => self.begin_table(tag),
            "table-column" if self.nested == 0 => self.column(tag),
            "table-row" if self.nested == 0 => self.begin_row(tag)?,
            "table-cell" | "covered-table-cell" if self.nested == 0 => self.begin_cell(tag),
            "annotation" => {
                self.comment = Some(Comment::default());
                self.places.push(Place::Comment);
            }
            "creator" => self.in_creator = true,
            "title" | "desc" => self.in_description = true,
            "p" | "h" => self.begin_paragraph(),
            "span" => self.begin_span(tag),
            "s" => self.append(&" ".repeat(count(tag, "c").min(8) as usize)),
            "tab" => self.append(" "),
            "line-break" => self.append("\n"),
            "image" => self.drawings.last_mut().into_iter().for_each(|drawing| drawing.has_image = true),
            "object" | "object-ole" => {
                if let Some(drawing) = self.drawings.last_mut() {
                    drawing.object = tag.attribute("href");
                }
            }
            name if DRAWINGS.contains(&name) => {
                self.drawings.push(Drawing { is_control: name == "control", ..Drawing::default() });
                self.places.push(Place::Drawing);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "table" => return self.end_table(),
            "table-row" if self.nested == 0 => return self.end_row(),
            "table-cell" | "covered-table-cell" if self.nested == 0 => return self.end_cell(),
            "annotation" => self.end_comment(),
            "creator" => self.in_creator = false,
            "title" | "desc" => {
                self.in_description = false;
                self.drawings.last_mut().into_iter().for_each(|drawing| drawing.description.push(' '));
            }
            "p" | "h" => self.open_text().into_iter().for_each(|text| text.push("\n", Level::Line)),
            "span" => drop(self.spans.pop()),
            name if DRAWINGS.contains(&name) => self.end_drawing(),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.skipped > 0 {
            return Ok(());
        }
        match (&mut self.comment, self.drawings.last_mut()) {
            (Some(comment), _) if self.in_creator => comment.author.push_str(text),
            (_, Some(drawing)) if self.in_description => drawing.description.push_str(text),
            _ => self.append(text),
        }
        Ok(())
    }
}

fn is_hidden(tag: &Tag<'_>) -> bool {
    matches!(tag.attribute("visibility").as_deref(), Some("collapse" | "filter"))
}
