//! Numbers in one form for their notations: `2,400,500`, `2.400.500`, `2 400 500` and `2400500` are one number.

use std::ops::Range;

/// Least number of digits of a whole number that has a notation in groups.
const GROUPED: usize = 4;

/// Returns the numbers of `text`, with each of their readings: `2.400` is 2400 in one country and 2.4 in another.
pub(super) fn numbers(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) =
        text.get(at..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit())).map(|next| at + next)
    {
        let groups = groups(text, start);
        let end = groups.last().map_or(start + 1, |(_, group)| group.end);
        if stands_alone(text, start..end) {
            for reading in readings(text, &groups) {
                found.push((start..end, reading));
            }
        }
        at = end;
    }
    found
}

/// Group of digits, with the sign before it.
type Group = (char, Range<usize>);

/// Returns the digits from `start` on, in groups that a sign separates.
fn groups(text: &str, start: usize) -> Vec<Group> {
    let mut groups = vec![('\0', digits(text, start))];
    loop {
        let end = groups.last().map_or(start, |(_, group)| group.end);
        let mut rest = text.get(end..).unwrap_or_default().chars();
        let Some(sign) = rest.next().filter(|c| is_separator(*c)) else { return groups };
        let group = digits(text, end + sign.len_utf8());
        // Between spaces, only groups of three digits belong to one number, after one that is no longer.
        let is_long = groups.len() == 1 && groups.first().is_some_and(|(_, first)| first.len() > 3);
        if group.is_empty() || (is_space(sign) && (group.len() != 3 || is_long)) {
            return groups;
        }
        groups.push((if is_space(sign) { ' ' } else { sign }, group));
    }
}

fn digits(text: &str, start: usize) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    start..start + rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | '.' | '\'' | '’') || is_space(c)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}')
}

/// Returns whether the digits are not part of a longer string, such as `PO-881`.
fn stands_alone(text: &str, span: Range<usize>) -> bool {
    let is_joined = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ':' | '#' | '@');
    let mut before = text.get(..span.start).unwrap_or_default().chars().rev();
    let mut after = text.get(span.end..).unwrap_or_default().chars();
    let first = before.next();
    let is_minus = first == Some('-') && !before.next().is_some_and(char::is_alphanumeric);
    let next = after.next();
    let goes_on = next.is_some_and(|c| matches!(c, '-' | '_' | '/' | ':'))
        && after.next().is_some_and(char::is_alphanumeric);
    (is_minus || !first.is_some_and(is_joined)) && !next.is_some_and(char::is_alphanumeric) && !goes_on
}

fn readings(text: &str, groups: &[Group]) -> Vec<String> {
    let digits =
        |groups: &[Group]| groups.iter().filter_map(|(_, group)| text.get(group.clone())).collect::<String>();
    let [first, rest @ ..] = groups else { return Vec::new() };
    let Some((last, middle)) = rest.split_last() else {
        let whole = digits(groups);
        return if whole.len() >= GROUPED { vec![plain(&whole, "")] } else { Vec::new() };
    };
    let sign = rest.first().map_or(' ', |(sign, _)| *sign);
    let leads = (1..=3).contains(&first.1.len()) && text.get(first.1.clone()).is_some_and(|lead| lead != "0");
    let grouped =
        |groups: &[Group]| leads && groups.iter().all(|(of, group)| *of == sign && group.len() == 3);
    let mut readings = Vec::new();
    if grouped(rest) {
        readings.push(plain(&digits(groups), ""));
    }
    let is_decimal =
        matches!(last.0, ',' | '.') && (middle.is_empty() || (last.0 != sign && grouped(middle)));
    if is_decimal {
        let whole = groups.get(..groups.len() - 1).unwrap_or_default();
        readings.push(plain(&digits(whole), &digits(std::slice::from_ref(last))));
    }
    readings
}

/// Returns a number without zeros that do not count.
fn plain(whole: &str, fraction: &str) -> String {
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = numbers(text).into_iter().map(|(_, reading)| reading).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_number_is_one_in_all_its_notations() {
        for text in [
            "2400500",
            "2,400,500",
            "2.400.500",
            "2 400 500",
            "2\u{A0}400\u{A0}500",
            "2\u{202F}400\u{2009}500",
            "2'400'500",
            "2’400’500",
            "(€2,400,500).",
            "2,400,500, and",
            "-2,400,500",
        ] {
            check(text, &["2400500"]);
        }
        check("1,234,567.50 or 1.234.567,5 or 1 234 567,50", &["1234567.5"; 3]);
        check("7.5 % and 7,50 %", &["7.5", "7.5"]);
        check("0.500 of it", &["0.5"]);
    }

    #[test]
    fn a_number_that_reads_in_two_ways_has_both() {
        check("2.400", &["2400", "2.4"]);
        check("2,400", &["2400", "2.4"]);
    }

    #[test]
    fn versions_identifiers_and_lists_are_no_numbers() {
        for text in
            ["14.2.1.0", "PO-881-3306", "KX/90210", "A4", "12, 13", "2024-03-05", "10:30", "7", "x2400500"]
        {
            check(text, &[]);
        }
    }
}
