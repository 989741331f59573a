//! Charts of Office documents: titles, categories and values as their caches hold them.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::table;
use super::super::xml::{Handler, Tag};

/// Parts of a chart without data of their own.
const SKIPPED: &[&str] = &["dLbls", "trendline", "errBars", "extLst", "spPr", "txPr", "legend", "dTable"];

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
    format: String,
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
            format: String::new(),
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
        out.paragraph(&self.caption())?;
        table::write(&self.rows()?, out)
    }

    /// Appends the chart to the text of a cell.
    pub(super) fn inline(&self, cell: &mut String, budget: &Budget) -> Result<()> {
        cell.push_str(&self.caption());
        cell.push('\n');
        table::inline(&self.rows()?, cell, budget)
    }

    /// Returns the title, or the name of the only series, with the title of the axis of values.
    fn caption(&self) -> String {
        let title = match (self.title.trim(), self.series.as_slice()) {
            ("", [only]) => only.name.trim(),
            (title, _) => title,
        };
        let axis = self.value_axis.trim();
        match (title, axis) {
            ("", "") => String::new(),
            (title, "") => format!("Chart: {title}"),
            ("", axis) => format!("Chart: {axis}"),
            (title, axis) => format!("Chart: {title} ({axis})"),
        }
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

    /// Shows the value that ends here as the chart does, as far as its number format is a common one.
    fn end_value(&mut self) {
        let format = std::mem::take(&mut self.format);
        if matches!(self.target, Some(Target::Categories | Target::Values))
            && let Some(text) = self.place()
            && let Some(shown) = shown(text, &format)
        {
            *text = shown;
        }
        self.format = format;
    }
}

/// Formats a number: percentages and dates by their format, others with 15 significant digits.
fn shown(text: &str, format: &str) -> Option<String> {
    let number: f64 = text.trim().parse().ok()?;
    let code = format.split(';').next().unwrap_or_default();
    let decimals =
        code.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(|b| *b == b'0').count());
    if code.contains('%') {
        return Some(format!("{:.*}%", decimals.min(10), number * 100.0));
    }
    if code.contains(['y', 'Y']) && code.contains(['m', 'M', 'd', 'D']) {
        return date(number);
    }
    let rounded: f64 = format!("{number:.14e}").parse().ok()?;
    Some(rounded.to_string()).filter(|rounded| rounded.len() <= text.len())
}

/// Converts the number of a day, counted from 1899-12-30, to a date.
fn date(number: f64) -> Option<String> {
    /// Days from 0000-03-01 to 1899-12-30, and the days of 400 years.
    const EPOCH: f64 = 693_899.0;
    const ERA: u32 = 146_097;
    if !(1.0..2_958_466.0).contains(&number) {
        return None;
    }
    let text = format!("{:.0}", number.floor() + EPOCH);
    let days: u32 = text.parse().ok()?;
    let day = days % ERA;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Some(format!("{:04}-{month:02}-{day:02}", year + days / ERA * 400 + next))
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
            "strCache" | "numCache" | "multiLvlStrCache" => {
                self.format.clear();
                self.levels = 0;
            }
            "lvl" => self.levels += 1,
            "formatCode" => self.in_format = true,
            "pt" if self.levels <= 1 => {
                self.budget.copy(POINT)?;
                self.point = tag.attribute("idx").and_then(|index| index.parse().ok());
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
                self.end_value();
            }
            "t" => self.in_text = false,
            "p" => self.append(" ")?,
            "formatCode" => self.in_format = false,
            "pt" => self.point = None,
            "catAx" | "dateAx" | "valAx" => self.titled = Target::Title,
            "title" | "cat" | "xVal" | "val" | "yVal" | "ser" => self.target = None,
            "tx" if self.target == Some(Target::Name) => self.target = None,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        const LONGEST_FORMAT: usize = 256;
        if self.skipped > 0 {
            return Ok(());
        }
        if self.in_format && self.format.len() < LONGEST_FORMAT {
            self.format.push_str(text);
        }
        if self.in_text && self.target.is_some() { self.append(text) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_in_the_chart() {
        assert_eq!(shown("0.075", "0.0%").as_deref(), Some("7.5%"));
        assert_eq!(shown("45292", "yyyy\\-mm\\-dd").as_deref(), Some("2024-01-01"));
        assert_eq!(shown("45351", "d/m/yyyy").as_deref(), Some("2024-02-29"));
        assert_eq!(shown("0.30000000000000004", "General").as_deref(), Some("0.3"));
        assert_eq!(shown("Oslo", "General"), None);
    }
}
