//! Charts of Office documents: titles, categories and values as their caches hold them.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::inline;
use super::super::number_format::{Epoch, NumberFormat, general};
use super::super::table;
use super::super::xml::{Handler, Tag};

/// Parts of a chart without data of their own.
const SKIPPED: &[&str] = &["dLbls", "trendline", "errBars", "extLst", "spPr", "txPr", "legend", "dTable"];

/// Maximum length of a number format, in bytes.
const LONGEST_FORMAT: usize = 256;

/// Charge for each value in memory, in bytes.
const POINT: usize = 64;

/// Values of one sequence by their index.
type Points = BTreeMap<usize, String>;

/// Data series.
#[derive(Debug, Default)]
struct Series {
    name: String,
    categories: Points,
    values: Points,
}

/// Text that the innermost element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Title,
    CategoryAxis,
    ValueAxis,
    Name,
    Categories,
    Values,
}

/// Chart part.
#[derive(Debug)]
pub(super) struct Chart {
    title: String,
    category_axis: String,
    value_axis: String,
    series: Vec<Series>,
    budget: Rc<Budget>,
    target: Option<Target>,
    /// Target of titles: the chart's, or that of the open axis.
    titled: Target,
    point: Option<usize>,
    /// Format of the open sequence as it is read, and once it is complete; that of the open value goes before.
    code: String,
    format: Option<Rc<NumberFormat>>,
    point_format: Option<Rc<NumberFormat>>,
    epoch: Epoch,
    in_numbers: bool,
    in_text: bool,
    in_format: bool,
    levels: usize,
    skipped: usize,
}

impl Chart {
    /// Creates an empty chart, which the events of its part fill.
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        Self {
            title: String::new(),
            category_axis: String::new(),
            value_axis: String::new(),
            series: Vec::new(),
            budget: Rc::clone(budget),
            target: None,
            titled: Target::Title,
            point: None,
            code: String::new(),
            format: None,
            point_format: None,
            epoch: Epoch::Year1900,
            in_numbers: false,
            in_text: false,
            in_format: false,
            levels: 0,
            skipped: 0,
        }
    }

    /// Returns whether the part holds no values.
    pub(super) fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.values.is_empty())
    }

    /// Writes the title as a paragraph and the values as a table.
    pub(super) fn write(&self, out: &mut Output<'_>) -> Result<()> {
        self.caption().map_or(Ok(()), |caption| out.paragraph(&caption))?;
        table::write(&self.rows()?, out)
    }

    /// Appends the chart to the text of a cell.
    pub(super) fn inline(&self, cell: &mut String, budget: &Budget) -> Result<()> {
        if let Some(caption) = self.caption() {
            cell.push_str(&caption);
            cell.push('\n');
        }
        table::inline(&self.rows()?, cell, budget)
    }

    /// Returns the title, or the name of the only series, with the title of the axis of values.
    fn caption(&self) -> Option<String> {
        let title = match (self.title.trim(), self.series.as_slice()) {
            ("", [only]) => only.name.trim(),
            (title, _) => title,
        };
        inline::chart(title, &self.value_axis)
    }

    /// Returns the header, and a row for each category.
    fn rows(&self) -> Result<Vec<Vec<&str>>> {
        let shown = || self.series.iter().filter(|series| !series.values.is_empty());
        let axis = if self.category_axis.is_empty() { "Category" } else { self.category_axis.as_str() };
        let name = |series: &Series| series.name.trim().is_empty();
        let mut header = vec![axis];
        header.extend(shown().map(|series| if name(series) { "Value" } else { series.name.as_str() }));
        let mut rows: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (column, series) in shown().enumerate() {
            for (index, value) in &series.values {
                let row = rows.entry(*index).or_default();
                if row.is_empty() {
                    row.push(series.categories.get(index).map_or("", String::as_str));
                }
                let missing = (column + 1).saturating_sub(row.len());
                self.budget.work(missing + 1);
                self.budget.copy((missing + 1).saturating_mul(size_of::<&str>()))?;
                row.resize(column + 1, "");
                row.push(value);
            }
        }
        Ok(std::iter::once(header).chain(rows.into_values()).collect())
    }

    fn append(&mut self, text: &str) -> Result<()> {
        self.budget.copy(text.len())?;
        if let Some(place) = self.place() {
            place.push_str(text);
        }
        Ok(())
    }

    /// Returns the text that the target names.
    fn place(&mut self) -> Option<&mut String> {
        match self.target? {
            Target::Title => Some(&mut self.title),
            Target::CategoryAxis => Some(&mut self.category_axis),
            Target::ValueAxis => Some(&mut self.value_axis),
            Target::Name => Some(&mut self.series.last_mut()?.name),
            Target::Categories => Some(self.series.last_mut()?.categories.entry(self.point?).or_default()),
            Target::Values => Some(self.series.last_mut()?.values.entry(self.point?).or_default()),
        }
    }

    /// Shows the number that ends here as the chart does. A format that hides numbers does not hide them in the chart.
    fn end_number(&mut self) {
        let own = self.point_format.take();
        let (epoch, series) = (self.epoch, self.format.clone());
        let Some(text) = self.place() else { return };
        let Ok(number) = text.trim().parse() else { return };
        let shown = own.or(series).map_or_else(|| general(number), |format| format.number(number, epoch));
        if !shown.is_empty() {
            *text = shown;
        }
    }
}

/// Parses a format, unless it is too long to be one.
fn format(code: &str) -> Option<Rc<NumberFormat>> {
    (code.len() <= LONGEST_FORMAT).then(|| Rc::new(NumberFormat::parse(code)))
}

impl Handler for Chart {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || SKIPPED.contains(&tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        match tag.name() {
            "catAx" | "dateAx" => self.titled = Target::CategoryAxis,
            "valAx" => self.titled = Target::ValueAxis,
            "title" => self.target = Some(self.titled),
            "ser" => {
                self.budget.copy(POINT)?;
                self.series.push(Series::default());
                self.target = Some(Target::Name);
            }
            "cat" | "xVal" => self.target = Some(Target::Categories),
            "val" | "yVal" => self.target = Some(Target::Values),
            "bubbleSize" => self.target = None,
            "date1904" if tag.is_on() => self.epoch = Epoch::Year1904,
            "strCache" | "numCache" | "multiLvlStrCache" | "strLit" | "numLit" => {
                self.code.clear();
                (self.format, self.levels) = (None, 0);
                self.in_numbers = tag.name().starts_with("num");
            }
            "lvl" => self.levels += 1,
            "formatCode" => self.in_format = true,
            "pt" if self.levels <= 1 => {
                self.budget.copy(POINT)?;
                self.point = tag.attribute("idx").and_then(|index| index.parse().ok());
                self.point_format = tag.attribute("formatCode").and_then(|code| format(&code));
            }
            // Series have further elements with text, such as formulas.
            "t" | "v" => self.in_text = true,
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
            "v" => {
                self.in_text = false;
                if self.in_numbers {
                    self.end_number();
                }
            }
            "t" => self.in_text = false,
            "p" => self.append(" ")?,
            "formatCode" => {
                self.in_format = false;
                self.format = format(&self.code);
            }
            "pt" => self.point = None,
            "catAx" | "dateAx" | "valAx" => self.titled = Target::Title,
            "title" | "cat" | "xVal" | "val" | "yVal" | "ser" => self.target = None,
            "tx" if self.target == Some(Target::Name) => self.target = None,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.skipped > 0 {
            return Ok(());
        }
        if self.in_format && self.code.len() < LONGEST_FORMAT {
            self.code.push_str(text);
        }
        if self.in_text && self.target.is_some() { self.append(text) } else { Ok(()) }
    }
}
