//! Headers of tables: titles above them, and headers of two rows that become one.

/// Returns the title of a table: a first row of one cell, or of one text in all of its cells, above wider rows.
pub(super) fn title(rows: &[Vec<String>]) -> Option<&str> {
    let [first, next, ..] = rows else { return None };
    let text = first.first().filter(|text| !is_blank(text))?;
    let is_title =
        first.iter().all(|cell| cell == text) && next.len() > 1 && next.iter().any(|cell| cell != text);
    is_title.then_some(text.as_str())
}

/// Returns the header that the first two rows make together, if they do: the upper row names groups of columns, the
/// lower row names columns, and values follow.
pub(super) fn joined(rows: &[Vec<String>]) -> Option<Vec<String>> {
    let [upper, lower, values, ..] = rows else { return None };
    let width = upper.len().max(lower.len());
    let columns: Vec<Column<'_>> = (0..width).map(|at| Column::at(at, upper, lower, values)).collect();
    let labels = columns.iter().all(|column| !is_blank(column.upper) || !is_blank(column.lower));
    let merged = pairs(&columns).any(|(one, next)| one.groups_with(next));
    let distinct = pairs(&columns).all(|(one, next)| !one.groups_with(next) || one.lower != next.lower);
    let named = columns.iter().all(|column| !is_number(column.lower) || merged && is_year(column.lower));
    let valued = columns.iter().any(|column| is_number(column.values) && !is_blank(column.lower));
    let is_header = labels && distinct && named && valued && (merged || is_spread(&columns));
    is_header.then(|| names(&columns))
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
fn is_number(text: &str) -> bool {
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
    fn rows_of_values_are_no_header() {
        check(&["item", "", "price"], &["tea", "green", "2.5"], &["milk", "", "1"], None);
        check(&["a", "b", "b"], &["x", "y", "y"], &["1", "2", "3"], None);
        check(&["Name", "", "Score"], &["Ann", "Lee", "none"], &["Bo", "Ray", "5"], None);
        check(&["Name", "Note"], &["Ann", "fine"], &["Bo", "5"], None);
        check(&["Opened", "Opened"], &["31", "32"], &["33", "34"], None);
    }

    #[test]
    fn a_title_is_one_text_above_wider_rows() {
        assert_eq!(title(&rows(&[&["Fees"], &["a", "b"], &["1", "2"]])), Some("Fees"));
        assert_eq!(title(&rows(&[&["Fees", "Fees"], &["a", "b"], &["1", "2"]])), Some("Fees"));
        assert_eq!(title(&rows(&[&["a", ""], &["1", "2"]])), None);
        assert_eq!(title(&rows(&[&["a"], &["b"], &["c"]])), None);
    }
}
