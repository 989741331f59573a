//! Number formats of spreadsheets: a value is written as the sheet shows it, in the notation of the format code itself
//! (a point before the decimals, English names of months). Dates in the reader's own notation are written as ISO 8601.

mod date;
mod decimal;
mod parse;

use self::parse::{Section, Token};

/// Format of a cell, parsed from its code.
#[derive(Clone, Debug, Default)]
pub(super) struct NumberFormat {
    sections: Vec<Section>,
}

impl NumberFormat {
    /// Parses a format code such as `#,##0.00;[Red](#,##0.00)`. Unknown parts are literals.
    pub(super) fn parse(code: &str) -> Self {
        Self { sections: parse::sections(code) }
    }

    /// Returns the built-in format with this number.
    pub(super) fn built_in(id: u32) -> Option<Self> {
        Some(Self::parse(BUILT_IN.iter().find(|(known, _)| *known == id)?.1))
    }

    /// Returns the text that the sheet shows for a number. It is empty where the format hides the number.
    pub(super) fn number(&self, value: f64, epoch: Epoch) -> String {
        let Some((section, is_signed)) = self.section(value) else { return general(value) };
        let sign = if is_signed && value < 0.0 { "-" } else { "" };
        let shown = if section.is_date() {
            date::write(section, value, epoch)
        } else {
            Some(format!("{sign}{}", decimal::write(section, value.abs())))
        };
        shown.map_or_else(|| general(value), |shown| shown.trim().to_owned())
    }

    /// Returns the text that the sheet shows for a text.
    #[expect(clippy::wildcard_enum_match_arm, reason = "places of digits have no text")]
    pub(super) fn text(&self, text: &str) -> String {
        let own = self.sections.get(3).or_else(|| self.sections.last().filter(|section| section.has_text()));
        let Some(section) = own else { return text.to_owned() };
        let piece = |token: &Token| match token {
            Token::Text | Token::General => text.to_owned(),
            Token::Literal(literal) => literal.clone(),
            _ => String::new(),
        };
        section.tokens.iter().map(piece).collect()
    }

    /// Returns the section for a number, and whether a minus sign goes before a negative one. No section stands for
    /// the general format.
    fn section(&self, value: f64) -> Option<(&Section, bool)> {
        let numbers = self.sections.get(..3.min(self.sections.len()))?;
        let numbers = match numbers.split_last() {
            Some((last, others)) if last.has_text() => others,
            _ => numbers,
        };
        if numbers.iter().any(|section| section.condition.is_some()) {
            let fits = |section: &&Section| section.condition.is_none_or(|condition| condition.holds(value));
            let found = numbers.iter().find(fits).or(numbers.last())?;
            return Some((found, found.condition.is_none_or(|condition| !condition.is_negative())));
        }
        match numbers {
            [] => None,
            [_, negative, ..] if value < 0.0 => Some((negative, false)),
            [_, _, zero] if value == 0.0 => Some((zero, false)),
            [first, ..] => Some((first, true)),
        }
    }
}

/// Day from which dates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Epoch {
    /// 30 December 1899, with the day 29 February 1900 that never was.
    #[default]
    Year1900,
    /// 1 January 1904.
    Year1904,
}

/// Writes a number without a format: with at most fifteen digits.
pub(super) fn general(number: f64) -> String {
    format!("{number:.14e}").parse::<f64>().unwrap_or(number).to_string()
}

/// Built-in formats. Those of dates in the notation of the reader's country are ISO 8601 here.
const BUILT_IN: &[(u32, &str)] = &[
    (0, "General"),
    (1, "0"),
    (2, "0.00"),
    (3, "#,##0"),
    (4, "#,##0.00"),
    (5, "\"$\"#,##0_);(\"$\"#,##0)"),
    (6, "\"$\"#,##0_);(\"$\"#,##0)"),
    (7, "\"$\"#,##0.00_);(\"$\"#,##0.00)"),
    (8, "\"$\"#,##0.00_);(\"$\"#,##0.00)"),
    (9, "0%"),
    (10, "0.00%"),
    (11, "0.00E+00"),
    (12, "# ?/?"),
    (13, "# ??/??"),
    (14, "yyyy-mm-dd"),
    (15, "d-mmm-yy"),
    (16, "d-mmm"),
    (17, "mmm-yy"),
    (18, "h:mm AM/PM"),
    (19, "h:mm:ss AM/PM"),
    (20, "h:mm"),
    (21, "h:mm:ss"),
    (22, "yyyy-mm-dd h:mm"),
    (27, "yyyy-mm-dd"),
    (28, "yyyy-mm-dd"),
    (29, "yyyy-mm-dd"),
    (30, "yyyy-mm-dd"),
    (31, "yyyy-mm-dd"),
    (32, "h:mm"),
    (33, "h:mm:ss"),
    (34, "yyyy-mm-dd"),
    (35, "yyyy-mm-dd"),
    (36, "yyyy-mm-dd"),
    (37, "#,##0_);(#,##0)"),
    (38, "#,##0_);(#,##0)"),
    (39, "#,##0.00_);(#,##0.00)"),
    (40, "#,##0.00_);(#,##0.00)"),
    (41, "#,##0_);(#,##0);\"-\"_)"),
    (42, "\"$\"#,##0_);(\"$\"#,##0);\"$\"\"-\"_)"),
    (43, "#,##0.00_);(#,##0.00);\"-\"??_)"),
    (44, "\"$\"#,##0.00_);(\"$\"#,##0.00);\"$\"\"-\"??_)"),
    (45, "mm:ss"),
    (46, "[h]:mm:ss"),
    (47, "mm:ss.0"),
    (48, "##0.0E+0"),
    (49, "@"),
    (50, "yyyy-mm-dd"),
    (51, "yyyy-mm-dd"),
    (52, "yyyy-mm-dd"),
    (53, "yyyy-mm-dd"),
    (54, "yyyy-mm-dd"),
    (55, "yyyy-mm-dd"),
    (56, "yyyy-mm-dd"),
    (57, "yyyy-mm-dd"),
    (58, "yyyy-mm-dd"),
];

#[cfg(test)]
mod tests;
