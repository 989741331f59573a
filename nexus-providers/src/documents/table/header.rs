//! Headers of tables: titles above them, and headers of two rows that become one.

use super::HeaderRows;

/// Returns the title of a table: a first row of one cell, or of one merged cell, whose text stands in all of them, above
/// wider rows.
pub(super) fn title(rows: &[Vec<String>], known: HeaderRows) -> Option<&str> {
    let [first, next, ..] = rows else { return None };
    let text = first.first().filter(|text| !is_blank(text))?;
    let is_one = match known {
        HeaderRows::Guessed => first.len() == 1,
        HeaderRows::Grouped | HeaderRows::Declared(_) => first.iter().all(|cell| cell == text),
    };
    let is_title = is_one && next.len() > 1 && next.iter().any(|cell| cell != text);
    is_title.then_some(text.as_str())
}

/// Maximum number of rows of a header.
pub(super) const DEEPEST: usize = 4;

/// Returns the header that the first rows make together, and their number, if they are more than one.
pub(super) fn of(rows: &[Vec<String>], known: HeaderRows) -> Option<(Vec<String>, usize)> {
    match known {
        HeaderRows::Declared(depth) if depth > 1 => declared(rows.get(..depth.min(DEEPEST))?),
        HeaderRows::Declared(_) => None,
        HeaderRows::Grouped => grouped(rows).or_else(|| joined(rows)).map(|names| (names, 2)),
        HeaderRows::Guessed => joined(rows).map(|names| (names, 2)),
    }
}

/// Returns the header that the markup declares, its rows joined column by column.
fn declared(rows: &[Vec<String>]) -> Option<(Vec<String>, usize)> {
    let width = rows.iter().map(Vec::len).max()?;
    let name = |at: usize| {
        let mut words: Vec<&str> = rows.iter().filter_map(|row| Some(row.get(at)?.trim())).collect();
        words.retain(|word| !word.is_empty());
        words.dedup();
        words.join(" ")
    };
    Some(((0..width).map(name).collect(), rows.len()))
}

/// Returns the header of two rows of which the upper one has a merged cell over names of columns. Every other column
/// has one name.
fn grouped(rows: &[Vec<String>]) -> Option<Vec<String>> {
    let [upper, lower, ..] = rows else { return None };
    let columns = columns(upper, lower, &[]);
    let in_group = |at: usize| {
        let with = |one: Option<usize>, next: usize| {
            one.and_then(|one| columns.get(one))
                .zip(columns.get(next))
                .is_some_and(|(one, next)| one.groups_with(next))
        };
        with(at.checked_sub(1), at) || with(Some(at), at + 1)
    };
    let settled = columns.iter().enumerate().all(|(at, column)| match (column.upper, column.lower) {
        ("", lower) => !lower.is_empty(),
        (_, "") => !in_group(at),
        (upper, lower) => in_group(at) || upper == lower,
    });
    let distinct = pairs(&columns).all(|(one, next)| !one.groups_with(next) || one.lower != next.lower);
    let named = columns.iter().all(|column| !is_number(column.lower) || is_year(column.lower));
    let merged = pairs(&columns).any(|(one, next)| one.groups_with(next));
    (settled && distinct && named && merged).then(|| names(&columns))
}

/// Returns the header that the first two rows make together, if they do: the upper row names groups of columns, the
/// lower row names columns or units, and values follow.
fn joined(rows: &[Vec<String>]) -> Option<Vec<String>> {
    let [upper, lower, values, ..] = rows else { return None };
    let columns = columns(upper, lower, values);
    if are_units(&columns) {
        return Some(names(&columns));
    }
    let labels = columns.iter().all(|column| !is_blank(column.upper) || !is_blank(column.lower));
    let merged = pairs(&columns).any(|(one, next)| one.groups_with(next));
    let distinct = pairs(&columns).all(|(one, next)| !one.groups_with(next) || one.lower != next.lower);
    let named = columns.iter().all(|column| !is_number(column.lower) || merged && is_year(column.lower));
    let valued = columns.iter().any(|column| is_number(column.values) && !is_blank(column.lower));
    let is_header = labels && distinct && named && valued && (merged || is_spread(&columns));
    is_header.then(|| names(&columns))
}

/// Returns whether the lower row gives units of columns that the upper row names, with values below.
fn are_units(columns: &[Column<'_>]) -> bool {
    let named = columns.iter().all(|column| !column.upper.is_empty() && !is_number(column.upper));
    let Some((first, rest)) = columns.split_first().filter(|_| named) else { return false };
    let mut units = rest.iter().filter(|column| !column.lower.is_empty()).peekable();
    if first.lower.is_empty() && units.peek().is_some() {
        let has_values = |column: &Column<'_>| is_number(column.values) || column.values.is_empty();
        return units.all(|column| is_unit(column.lower) && has_values(column));
    }
    // Without a blank, every other cell is a unit of more than a letter.
    let is_plain =
        |column: &Column<'_>| column.lower.len() > 1 && is_unit(column.lower) && !is_unit(column.values);
    rest.len() > 1 && rest.iter().all(is_plain)
}

/// Returns whether a text is a unit of measurement or a currency, such as `kg`, `[m/s]` or `in EUR`.
fn is_unit(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "%", "‰", "°", "°C", "°F", "A", "AUD", "C", "CAD", "CHF", "CNY", "DKK", "EUR", "F", "GB", "GBP",
        "GHz", "GWh", "Hz", "INR", "J", "JPY", "K", "KB", "MB", "MHz", "MPa", "MW", "MWh", "N", "Nm", "NOK",
        "PLN", "Pa", "SEK", "TB", "USD", "V", "W", "Wh", "bar", "cal", "cm", "cm2", "cm3", "cm²", "cm³", "d",
        "dB", "dl", "dm", "ft", "g", "h", "ha", "hPa", "hours", "in", "kB", "kHz", "kJ", "kN", "kPa", "kV",
        "kW", "kWh", "kcal", "kg", "km", "km/h", "km2", "km²", "kn", "l", "L", "lb", "lbs", "m", "m/s", "m2",
        "m3", "mA", "mAh", "mV", "mg", "mi", "min", "ml", "mL", "mm", "mol", "mph", "ms", "m²", "m³", "nm",
        "oz", "pH", "ppm", "pcs", "s", "sec", "t", "years", "yr", "°C/min", "µA", "µg", "µm", "µs", "μg",
        "μm", "Ω", "€", "$", "£", "¥",
    ];
    let bare = text.trim_matches(['(', ')', '[', ']', '{', '}']);
    let bare = bare.strip_prefix("in ").unwrap_or(bare).trim();
    UNITS.contains(&bare)
        || bare.split_once('/').is_some_and(|(one, per)| UNITS.contains(&one) && UNITS.contains(&per))
}

fn columns<'a>(upper: &'a [String], lower: &'a [String], values: &'a [String]) -> Vec<Column<'a>> {
    let width = upper.len().max(lower.len());
    (0..width).map(|at| Column::at(at, upper, lower, values)).collect()
}

/// Cells of one column.
struct Column<'a> {
    upper: &'a str,
    lower: &'a str,
    values: &'a str,
}

impl<'a> Column<'a> {
    fn at(at: usize, upper: &'a [String], lower: &'a [String], values: &'a [String]) -> Self {
        let cell = |row: &'a [String]| row.get(at).map_or("", |cell| cell.trim());
        Self { upper: cell(upper), lower: cell(lower), values: cell(values) }
    }

    /// Returns whether a merged cell covers this column and the next one.
    fn groups_with(&self, next: &Self) -> bool {
        !self.upper.is_empty() && self.upper == next.upper && self.upper != self.lower
    }
}

fn pairs<'a>(columns: &'a [Column<'a>]) -> impl Iterator<Item = (&'a Column<'a>, &'a Column<'a>)> {
    columns.iter().zip(columns.iter().skip(1))
}

/// Returns whether names of groups stand over the first of their columns, with blanks beside them.
fn is_spread(columns: &[Column<'_>]) -> bool {
    let open = |column: &Column<'_>| column.upper.is_empty() && !column.lower.is_empty();
    let group = |column: &Column<'_>| !column.upper.is_empty() && !column.lower.is_empty();
    let side = columns.first().is_some_and(|column| column.upper.is_empty() || column.lower.is_empty());
    side && pairs(columns).any(|(one, next)| group(one) && open(next))
}

fn names(columns: &[Column<'_>]) -> Vec<String> {
    let mut group = "";
    let mut names = Vec::new();
    for Column { upper, lower, .. } in columns {
        if !upper.is_empty() {
            group = if lower.is_empty() || lower == upper { "" } else { upper };
        }
        let upper = if upper.is_empty() { group } else { upper };
        names.push(match (upper, *lower) {
            ("", lower) => lower.to_owned(),
            (upper, lower) if lower.is_empty() || lower == upper => upper.to_owned(),
            (upper, lower) => format!("{upper} {lower}"),
        });
    }
    names
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Returns whether a cell holds a number, with its unit of currency or its percent sign.
pub(super) fn is_number(text: &str) -> bool {
    let part = |c: char| c.is_ascii_digit() || ".,'%+-−() $€£¥/:".contains(c);
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.chars().all(part)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && (text.starts_with("19") || text.starts_with("20")) && is_number(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[track_caller]
    fn check(upper: &[&str], lower: &[&str], values: &[&str], expected: Option<&[&str]>) {
        let found = joined(&rows(&[upper, lower, values]));
        assert_eq!(found.as_deref(), expected.map(|names| rows(&[names]).remove(0)).as_deref());
    }

    #[test]
    fn names_of_groups_are_joined_with_names_of_columns() {
        let expected: &[&str] = &["Region", "2024 Q1", "2024 Q2", "2025 Q1"];
        let lower = &["Region", "Q1", "Q2", "Q1"];
        check(&["Region", "2024", "2024", "2025"], lower, &["North", "1", "2", "3"], Some(expected));
        check(&["", "2024", "", "2025"], lower, &["North", "1", "2", "3"], Some(expected));
        check(
            &["Region", "2024", "", "2025"],
            &["", "Q1", "Q2", "Q1"],
            &["N", "1", "2", "3"],
            Some(expected),
        );
        let years: &[&str] = &["Area", "Sales 2023", "Sales 2024"];
        check(&["Area", "Sales", "Sales"], &["", "2023", "2024"], &["N", "5", "6"], Some(years));
    }

    #[test]
    fn a_row_of_units_belongs_to_the_header() {
        let named: &[&str] = &["Item", "Weight kg", "Length [m]"];
        check(&["Item", "Weight", "Length"], &["", "kg", "[m]"], &["Lock", "5", "6"], Some(named));
        let named: &[&str] = &["Region Name", "Q1 USD", "Q1 EUR"];
        check(&["Region", "Q1", "Q1"], &["Name", "USD", "EUR"], &["North", "a", "b"], Some(named));
        check(&["Name", "Size", "Class"], &["Ann", "m", "A"], &["Bo", "f", "B"], None);
        check(&["Item", "Note", "Note 2"], &["", "kg", "no"], &["Lock", "5", "6"], None);
        check(&["Item", "Weight", "Length"], &["", "kg", "m"], &["Lock", "x", "6"], None);
    }

    #[test]
    fn merged_cells_and_markup_make_headers_above_texts() {
        let found =
            |cells: &[&[&str]], known| of(&rows(cells), known).map(|(names, depth)| (names.join("|"), depth));
        let cells: &[&[&str]] =
            &[&["Region", "Staff", "Staff"], &["Region", "Name", "City"], &["North", "Ann", "Hexham"]];
        let expected = Some(("Region|Staff Name|Staff City".to_owned(), 2));
        assert_eq!(found(cells, HeaderRows::Guessed), None);
        assert_eq!(found(cells, HeaderRows::Grouped), expected);
        assert_eq!(found(cells, HeaderRows::Declared(2)), expected);
        assert_eq!(found(cells, HeaderRows::Declared(1)), None);
        let data: &[&[&str]] = &[&["Name", "Contact", "Contact"], &["Ann", "Hexham", "Dover"]];
        assert_eq!(found(data, HeaderRows::Grouped), None);
    }

    #[test]
    fn rows_of_values_are_no_header() {
        check(&["item", "", "price"], &["tea", "green", "2.5"], &["milk", "", "1"], None);
        check(&["a", "b", "b"], &["x", "y", "y"], &["1", "2", "3"], None);
        check(&["Name", "", "Score"], &["Ann", "Lee", "none"], &["Bo", "Ray", "5"], None);
        check(&["Name", "Note"], &["Ann", "fine"], &["Bo", "5"], None);
        check(&["Opened", "Opened"], &["31", "32"], &["33", "34"], None);
    }

    #[test]
    fn a_title_is_one_text_above_wider_rows() {
        assert_eq!(title(&rows(&[&["Fees"], &["a", "b"], &["1", "2"]]), HeaderRows::Guessed), Some("Fees"));
        let wide = rows(&[&["Fees", "Fees"], &["a", "b"], &["1", "2"]]);
        assert_eq!(title(&wide, HeaderRows::Grouped), Some("Fees"));
        assert_eq!(title(&wide, HeaderRows::Guessed), None);
        assert_eq!(title(&rows(&[&["a", ""], &["1", "2"]]), HeaderRows::Grouped), None);
        assert_eq!(title(&rows(&[&["a"], &["b"], &["c"]]), HeaderRows::Guessed), None);
    }
}
