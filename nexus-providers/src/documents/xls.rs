//! XLS: workbooks from before 2007, one page for each visible sheet.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{CellErrorType, Data, DataType, Reader, Xls, XlsError};
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::Source;
use nexus_core::{Error, Result};

use super::biff::{Facts, Font, Run, SheetFacts};
use super::block_writer::{Output, quoted};
use super::inline::{Inline, marked};
use super::number_format::general;
use super::ooxml::xlsx::formulas_without_values;
use super::sheet::{self, Layout, Sheet, header_footer, letters};
use super::{biff, error};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut facts = biff::check(source, &out.budget)?;
    source.rewind().map_err(error::unreadable)?;
    let mut workbook: Xls<_> = contained(|| Xls::new(BufReader::new(source)).map_err(damaged))?;
    let names = workbook.sheet_names();
    out.check_pages(names.len() as u64)?;
    let mut sheets = std::mem::take(&mut facts.sheets);
    // Programs that do not compute store a blank for each formula.
    let is_computed = sheets.iter().any(|sheet| sheet.valued_formulas > 0);
    let mut formulas = 0_u32;
    for (index, name) in names.iter().enumerate() {
        let mut own = sheets.get_mut(index).map(std::mem::take).unwrap_or_default();
        if !out.limits.read_hidden && facts.hidden.get(index) == Some(&true) {
            out.unread(UnreadPart::HiddenSheet, 1);
            continue;
        }
        let shown = if is_computed { BTreeMap::new() } else { formulas_of(name, &own, &mut workbook)? };
        formulas = formulas.saturating_add(u32::try_from(shown.len()).unwrap_or(u32::MAX));
        let layout = Layout::new(0, std::mem::take(&mut own.merges), std::mem::take(&mut own.hidden_columns));
        match contained(|| workbook.worksheet_range(name).map_err(damaged)) {
            Ok(range) => {
                cells(name, &range, layout, &Cells { own: &own, facts: &facts, formulas: &shown }, out)?;
            }
            Err(error) => {
                out.begin_page()?;
                out.leave_out(format!("the sheet `{}` has no readable cells", quoted(name)), error);
            }
        }
        beside(&own, out)?;
        out.end_page();
    }
    formulas_without_values(formulas, out);
    Ok(())
}

/// Formulas by row and column.
type Formulas = BTreeMap<(u32, u32), String>;

/// Returns the formulas of a sheet whose stored values are blank.
fn formulas_of<R: Read + Seek>(name: &str, own: &SheetFacts, workbook: &mut Xls<R>) -> Result<Formulas> {
    if own.blank_formulas.is_empty() {
        return Ok(Formulas::new());
    }
    let range = contained(|| workbook.worksheet_formula(name).map_err(damaged))?;
    let (top, left) = range.start().unwrap_or_default();
    let formula = |(row, column): &(u16, u16)| {
        let (row, column) = (u32::from(*row), u32::from(*column));
        let place = (row.checked_sub(top)? as usize, column.checked_sub(left)? as usize);
        let text = range.get(place).filter(|text| !text.trim().is_empty())?;
        Some(((row, column), format!("={}", text.trim().trim_start_matches('='))))
    };
    Ok(own.blank_formulas.iter().filter_map(formula).collect())
}

/// Facts of the cells of a sheet beside their values.
struct Cells<'a> {
    own: &'a SheetFacts,
    facts: &'a Facts,
    formulas: &'a Formulas,
}

fn cells(
    name: &str,
    range: &calamine::Range<Data>,
    layout: Layout,
    known: &Cells<'_>,
    out: &mut Output<'_>,
) -> Result<()> {
    let left = range.start().map_or(0, |(_, left)| left);
    let left = known.formulas.keys().map(|(_, column)| *column).min().map_or(left, |column| column.min(left));
    let mut sheet = Sheet::begin(name, layout.with_first(left), out)?;
    for ((row, column), text) in texts(range, known, out)? {
        if !out.limits.read_hidden && known.own.hidden_rows.contains(&row) {
            if !text.trim().is_empty() {
                sheet.hidden_cell(row);
            }
        } else {
            sheet.cell(row, column, &text, out)?;
        }
    }
    sheet.end_tables(out)
}

/// Returns the texts of cells that are not blank, row by row.
fn texts(
    range: &calamine::Range<Data>,
    known: &Cells<'_>,
    out: &mut Output<'_>,
) -> Result<BTreeMap<(u32, u32), String>> {
    let (top, left) = range.start().unwrap_or_default();
    let mut texts = known.formulas.clone();
    for (row, column, cell) in range.used_cells() {
        let position = |at: usize, start: u32| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(start);
        let (row, column) = (position(row, top), position(column, left));
        let text = shown(cell, row, column, known, out)?;
        if !text.trim().is_empty() {
            texts.insert((row, column), text);
        }
    }
    Ok(texts)
}

/// Returns the text that the sheet shows for a cell.
fn shown(cell: &Data, row: u32, column: u32, known: &Cells<'_>, out: &mut Output<'_>) -> Result<String> {
    let Cells { own, facts, .. } = known;
    let place = u16::try_from(row).ok().zip(u16::try_from(column).ok());
    let style = place.and_then(|place| own.styles.get(&place)).copied();
    let font = style.map(|style| facts.font(style)).unwrap_or_default();
    let format = style.and_then(|style| facts.format(style));
    let formatted = |text: &str| format.as_ref().map_or_else(|| text.to_owned(), |format| format.text(text));
    let string = place.and_then(|place| own.strings.get(&place));
    let text = match (cell.get_string(), number(cell)) {
        (Some(text), _) => {
            let runs = string.map_or(&[][..], |string| facts.runs(*string));
            if !runs.is_empty() {
                let text = rich(text, font, runs, facts, out)?;
                return Ok(unless_hidden(formatted(&text), text, out));
            }
            unless_hidden(formatted(text), text.to_owned(), out)
        }
        (None, Some(number)) => {
            let shown = format.map_or_else(|| general(number), |format| format.number(number, facts.epoch));
            unless_hidden(shown, general(number), out)
        }
        (None, None) => other(cell),
    };
    if font.struck && !text.trim().is_empty() {
        out.unread(UnreadPart::StruckText, 1);
        return Ok(String::new());
    }
    Ok(marked(&text, font.level))
}

/// Returns what a format shows of a value. Where it shows nothing, the value counts as hidden, or stands there itself if
/// hidden content is read.
fn unless_hidden(shown: String, value: String, out: &mut Output<'_>) -> String {
    if !shown.is_empty() || value.is_empty() {
        return shown;
    }
    if out.limits.read_hidden {
        return value;
    }
    out.unread(UnreadPart::HiddenText, 1);
    shown
}

/// Returns a text whose runs have fonts of their own, without those that are struck out. It begins in the font of the
/// cell. Many cells may share the text, so each charges it and its runs.
fn rich(text: &str, mut font: Font, runs: &[Run], facts: &Facts, out: &mut Output<'_>) -> Result<String> {
    out.budget.copy(text.len() + size_of_val(runs))?;
    let units: Vec<u16> = text.encode_utf16().collect();
    let (mut shown, mut start) = (Inline::default(), 0);
    let next = runs.iter().map(|(end, font)| (usize::from(*end), facts.font_at(*font)));
    for (end, next) in next.chain([(units.len(), Font::default())]) {
        let run = String::from_utf16_lossy(units.get(start..end).unwrap_or_default());
        if font.struck && !run.trim().is_empty() {
            out.unread(UnreadPart::StruckText, 1);
            shown.omit();
        } else {
            shown.push(&run, font.level);
        }
        (start, font) = (end.max(start), next);
    }
    Ok(shown.take())
}

fn number(cell: &Data) -> Option<f64> {
    let moment = || cell.get_datetime().map(|moment| moment.as_f64());
    #[expect(clippy::cast_precision_loss, reason = "numbers of a sheet are of double precision")]
    let integer = || cell.get_int().map(|number| number as f64);
    cell.get_float().or_else(integer).or_else(moment)
}

fn other(cell: &Data) -> String {
    let truth = cell.get_bool().map(|truth| if truth { "TRUE" } else { "FALSE" }.to_owned());
    let iso = || cell.get_datetime_iso().or_else(|| cell.get_duration_iso()).map(str::to_owned);
    let error =
        || cell.get_error().filter(|error| **error != CellErrorType::GettingData).map(ToString::to_string);
    truth.or_else(iso).or_else(error).unwrap_or_default()
}

/// Writes the text boxes, notes and headers of a sheet, and counts its charts and images.
fn beside(sheet: &SheetFacts, out: &mut Output<'_>) -> Result<()> {
    sheet.boxes.iter().try_for_each(|text| out.paragraph(text))?;
    for (row, column, author, text) in &sheet.notes {
        if !out.limits.read_hidden && sheet.hidden_rows.contains(&(*row).into()) {
            out.unread(UnreadPart::Comment, 1);
            continue;
        }
        let cell = format!("{}{}", letters((*column).into()), u32::from(*row) + 1);
        sheet::comment(author, &cell, text, out)?;
    }
    header_footer::write(&sheet.headers, out)?;
    out.unread(UnreadPart::Chart, sheet.charts);
    out.unread(UnreadPart::Image, sheet.images);
    Ok(())
}

/// Turns a panic into an error. Damaged offsets make the reader of XLS panic, which means only that the file is
/// damaged.
fn contained<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(error::malformed("its workbook is incomplete or corrupt")))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error means a damaged workbook")]
fn damaged(error: XlsError) -> Error {
    match error {
        XlsError::Password => error::encrypted(),
        other => error::malformed("its workbook is incomplete or corrupt").because(other),
    }
}
