//! Open cell of a sheet, and the value that stands for a missing text.

use super::super::inline::{Format, Inline};
use super::super::number_format::general;
use super::super::xml::Tag;

/// Open cell.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) text: Inline,
    pub(super) format: Format,
    pub(super) repeated: u32,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) formula: Option<String>,
    pub(super) value: Option<String>,
    pub(super) paragraphs: u32,
    pub(super) covered: bool,
    /// Whether some of its text is not seen.
    pub(super) has_unseen: bool,
}

/// Returns a positive number from an attribute, or 1.
pub(super) fn count(tag: &Tag<'_>, name: &str) -> u32 {
    tag.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}

/// Returns the value of a cell that has no text.
pub(super) fn value(tag: &Tag<'_>) -> Option<String> {
    let number = || tag.attribute("value")?.parse::<f64>().ok();
    match tag.attribute("value-type")?.as_str() {
        "percentage" => number().map(|number| format!("{}%", general(number * 100.0))),
        "currency" => {
            let currency =
                tag.attribute("currency").map(|currency| format!(" {currency}")).unwrap_or_default();
            number().map(|number| format!("{}{currency}", general(number)))
        }
        "date" => tag.attribute("date-value"),
        "time" => tag.attribute("time-value"),
        "boolean" => tag.attribute("boolean-value").map(|truth| truth.to_uppercase()),
        "string" => tag.attribute("string-value"),
        _ => number().map(general),
    }
}

/// Writes a formula as sheets show it: `of:=SUM([.B2:.B3])` is `=SUM(B2:B3)`.
pub(super) fn plain_formula(formula: &str) -> String {
    let start = formula.find('=').map_or(0, |at| at + 1);
    let body = formula.get(start..).unwrap_or(formula);
    format!("={}", body.replace("[.", "").replace(":.", ":").replace(['[', ']'], ""))
}

#[cfg(test)]
mod tests {
    use super::plain_formula;

    #[test]
    fn formulas_are_written_as_sheets_show_them() {
        assert_eq!(plain_formula("of:=SUM([.B2:.B3])"), "=SUM(B2:B3)");
        assert_eq!(plain_formula("of:=[$Costs.A1]*2"), "=$Costs.A1*2");
        assert_eq!(plain_formula("msoxl:=1+1"), "=1+1");
    }
}
