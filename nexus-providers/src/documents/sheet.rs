//! Workbooks: one page for each sheet, rows as tables. Blank rows separate tables; a lone cell above is a caption.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{CellErrorType, DataType, ExcelDateTime, Reader, Xls, XlsError, Xlsx, XlsxError};
use nexus_core::document::parser::Source;
use nexus_core::{Error, Result};

use super::archive::Archive;
use super::block_writer::{Output, quoted};
use super::table::Table;
use super::xml::{Handler, Tag};
use super::{biff, error, ooxml};

/// Files of a workbook that are not unpacked, because they hold no cells.
const WITHOUT_CELLS: &[&str] = &[
    ".bin", ".bmp", ".emf", ".gif", ".jpeg", ".jpg", ".mp3", ".mp4", ".png", ".svg", ".tif", ".tiff", ".vml",
    ".wav", ".wmf",
];

pub(super) fn read_xlsx(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    ooxml::main_part(&mut archive, "xl/workbook.xml")?;
    check_strings(&mut archive)?;
    let unpacked = archive.unpacked(WITHOUT_CELLS)?;
    let meter = unpacked.meter();
    let damaged = |error| meter.objection().unwrap_or_else(|| damaged_xlsx(error));
    let mut workbook = Xlsx::new(BufReader::new(unpacked)).map_err(damaged)?;
    let names = workbook.sheet_names();
    out.check_pages(names.len() as u64)?;
    check_names(&names)?;
    for name in names {
        let mut sheet = Sheet::begin(&name, out)?;
        match workbook.worksheet_cells_reader(&name) {
            Ok(mut cells) => {
                let first = cells.dimensions().start.1;
                while let Some(cell) = cells.next_cell().map_err(damaged)? {
                    let (row, column) = cell.get_position();
                    sheet.cell(row, column.saturating_sub(first), &text(cell.get_value()), out)?;
                }
            }
            // Sheets of charts and macros have no cells.
            Err(XlsxError::NotAWorksheet(_)) => out.warn(without_cells(&name)),
            Err(error) => {
                meter.objection().map_or(Ok(()), Err)?;
                out.leave_out(without_cells(&name), damaged_xlsx(error));
            }
        }
        sheet.end(out)?;
    }
    Ok(())
}

pub(super) fn read_xls(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    biff::check(source, &out.budget)?;
    source.rewind().map_err(error::unreadable)?;
    let mut workbook: Xls<_> = contained(|| Xls::new(BufReader::new(source)).map_err(damaged_xls))?;
    let names = workbook.sheet_names();
    out.check_pages(names.len() as u64)?;
    for name in names {
        let mut sheet = Sheet::begin(&name, out)?;
        match contained(|| workbook.worksheet_range(&name).map_err(damaged_xls)) {
            Ok(range) => {
                for (row, column, cell) in range.used_cells() {
                    let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                    sheet.cell(position(row), position(column), &text(cell), out)?;
                }
            }
            Err(error) => out.leave_out(without_cells(&name), error),
        }
        sheet.end(out)?;
    }
    Ok(())
}

/// Refuses sheet names that are too long in total. Sheets are looked up by name in a linear search, so many long
/// names would take quadratic time.
fn check_names(names: &[String]) -> Result<()> {
    const LONGEST: usize = 1024 * 1024;
    if names.iter().map(String::len).sum::<usize>() > LONGEST {
        return Err(error::malformed("the names of its sheets are too long"));
    }
    Ok(())
}

/// Refuses a declared number of shared strings that exceeds their part, because the reader allocates memory for the
/// declared number.
fn check_strings(archive: &mut Archive<'_>) -> Result<()> {
    const SHORTEST: u64 = "<si/>".len() as u64;
    for name in archive.names() {
        if !name.to_ascii_lowercase().ends_with("sharedstrings.xml") {
            continue;
        }
        let mut claim = Claim::default();
        let read = archive.xml(&name, &mut claim);
        let Some(strings) = claim.0 else {
            read?;
            continue;
        };
        let room = archive.part(&name)?.map_or(0, |part| part.size() / SHORTEST);
        if strings > room {
            return Err(error::malformed("it declares more shared strings than it can hold"));
        }
    }
    Ok(())
}

/// Number of strings that the shared string table declares. Reading ends there.
#[derive(Default)]
struct Claim(Option<u64>);

impl Handler for Claim {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() != "sst" {
            return Ok(());
        }
        self.0 = tag.attribute("uniqueCount").map(|count| count.parse().unwrap_or(u64::MAX)).or(Some(0));
        Err(error::malformed("reading ended after the count of its strings"))
    }

    fn close(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn text(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn without_cells(name: &str) -> String {
    format!("the sheet `{}` has no readable cells", quoted(name))
}

/// Turns a panic into an error. Damaged offsets make the reader of XLS panic, which means only that the file is
/// damaged.
fn contained<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(error::malformed("its workbook is incomplete or corrupt")))
}

/// Sheet whose cells arrive row by row.
pub(super) struct Sheet {
    /// Name of the sheet, until its first cell is written.
    name: Option<String>,
    row: Option<u32>,
    cells: Vec<String>,
    table: Option<Table>,
}

impl Sheet {
    /// Begins a page for the sheet.
    pub(super) fn begin(name: &str, out: &mut Output<'_>) -> Result<Self> {
        out.begin_page()?;
        Ok(Self { name: Some(name.to_owned()), row: None, cells: Vec::new(), table: None })
    }

    /// Takes a cell. Rows must come in order.
    pub(super) fn cell(&mut self, row: u32, column: u32, text: &str, out: &mut Output<'_>) -> Result<()> {
        /// Maximum column; cells further right move up to the others, because such sheets are sparse.
        const WIDEST: usize = 1024;
        out.budget.work(1);
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.row != Some(row) {
            self.end_row(out)?;
            if self.row.is_some_and(|last| row.abs_diff(last) > 1) {
                self.end_table(out)?;
            }
            self.row = Some(row);
        }
        let column = column as usize;
        if column < WIDEST && column > self.cells.len() {
            out.budget.work(column - self.cells.len());
            self.cells.resize(column, String::new());
        }
        // Cells that share one text in the file each get a copy here.
        out.budget.copy(size_of::<String>() + text.len())?;
        self.cells.push(text.to_owned());
        Ok(())
    }

    /// Ends the sheet and its page.
    pub(super) fn end(mut self, out: &mut Output<'_>) -> Result<()> {
        self.end_row(out)?;
        self.end_table(out)?;
        out.end_page();
        Ok(())
    }

    fn end_row(&mut self, out: &mut Output<'_>) -> Result<()> {
        if self.cells.is_empty() {
            return Ok(());
        }
        if let Some(name) = self.name.take().filter(|name| !is_default(name)) {
            out.name(1, &name)?;
        }
        let cells = std::mem::take(&mut self.cells);
        let mut filled = cells.iter().filter(|cell| !cell.is_empty());
        match (&mut self.table, filled.next(), filled.next()) {
            (None, Some(caption), None) => out.paragraph(caption),
            (table, ..) => table.get_or_insert_default().row(&cells, out),
        }
    }

    fn end_table(&mut self, out: &mut Output<'_>) -> Result<()> {
        self.table.take().map_or(Ok(()), |mut table| table.end(out))
    }
}

/// Returns whether a name is the default name of a new sheet.
fn is_default(name: &str) -> bool {
    name.strip_prefix("Sheet").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn text(cell: &impl DataType) -> String {
    if let Some(text) = cell.get_string() {
        return text.to_owned();
    }
    if let Some(moment) = cell.get_datetime() {
        return self::moment(&moment);
    }
    let number = cell.get_float().map(number).or_else(|| cell.get_int().map(|number| number.to_string()));
    let truth = || cell.get_bool().map(|truth| if truth { "TRUE" } else { "FALSE" }.to_owned());
    let iso = || cell.get_datetime_iso().or_else(|| cell.get_duration_iso()).map(str::to_owned);
    let error =
        || cell.get_error().filter(|error| **error != CellErrorType::GettingData).map(ToString::to_string);
    number.or_else(truth).or_else(iso).or_else(error).unwrap_or_default()
}

/// Formats a number as a workbook shows it: with at most fifteen digits.
fn number(number: f64) -> String {
    format!("{number:.14e}").parse::<f64>().unwrap_or(number).to_string()
}

fn moment(moment: &ExcelDateTime) -> String {
    if moment.is_duration() {
        return format!("{} days", number(moment.as_f64()));
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    match moment.as_f64() {
        value if value.fract() == 0.0 => date,
        value if value < 1.0 => time,
        _ => format!("{date} {time}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error means a damaged workbook")]
fn damaged_xlsx(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => error::encrypted(),
        other => error::malformed("its workbook is incomplete or corrupt").because(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error means a damaged workbook")]
fn damaged_xls(error: XlsError) -> Error {
    match error {
        XlsError::Password => error::encrypted(),
        other => error::malformed("its workbook is incomplete or corrupt").because(other),
    }
}
