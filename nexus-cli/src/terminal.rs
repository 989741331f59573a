//! Text of documents and users for a terminal: invisible characters are escaped, long text is cut.

use std::borrow::Cow;
use std::fmt::Write as _;

use nexus_core::NanoUsd;
use nexus_core::escape::is_refused;

/// Returns whether `c` is safe for a terminal: line ends and tabs, but no other control character and no bidirectional
/// override.
fn is_harmless(c: char) -> bool {
    matches!(c, '\n' | '\t') || !is_refused(c)
}

/// Escapes control characters and bidirectional overrides, as `\u{202e}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_harmless(c) {
            shown.push(c);
        } else {
            let _ = write!(shown, "{}", c.escape_unicode());
        }
        shown
    }))
}

/// Escapes them in a JSON text, which keeps its value: such characters occur in strings only.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    if json.chars().all(is_harmless) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(json.chars().fold(String::with_capacity(json.len()), |mut shown, c| {
        if is_harmless(c) {
            shown.push(c);
        } else {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        }
        shown
    }))
}

/// Joins the text to one line of at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().nth(most).is_none() {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Formats a number of bytes with a unit.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut whole, mut tenths, mut unit) = (bytes, 0, "B");
    for larger in UNITS {
        if whole < 1_000 {
            break;
        }
        (tenths, whole, unit) = (whole % 1_000 / 100, whole / 1_000, larger);
    }
    if whole < 10 { format!("{whole}.{tenths} {unit}") } else { format!("{whole} {unit}") }
}

/// Formats an amount of dollars with as many decimals as needed, and at least two.
pub(crate) fn usd(amount: NanoUsd) -> String {
    let text = amount.to_string();
    let number = text.trim_end_matches(" USD");
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    format!("{whole}.{:0<2} USD", decimals.trim_end_matches('0'))
}

/// Formats a count: `1 document`, `2 documents`.
pub(crate) fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_around_is_shown_as_such() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c\r\n\tü"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}\n\tü");
        let json = serde_json::to_string("\u{9b}\u{202e}\u{1b}ü").unwrap();
        let shown = visible_json(&json);
        assert_eq!(shown, r#""\u009b\u202e\u001bü""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), "\u{9b}\u{202e}\u{1b}ü");
    }

    #[test]
    fn a_long_text_is_cut_to_a_line() {
        assert_eq!(one_line("one\n  two", 20), "one two");
        assert_eq!(one_line("one two three", 8), "one two…");
    }

    #[test]
    fn dollars_have_two_decimals_or_as_many_as_it_takes() {
        let of = |nanos| usd(NanoUsd::from_nanos(nanos));
        let amounts = [of(0), of(300_000_000), of(1_250_000_001), of(-5_000_000)];
        assert_eq!(amounts, ["0.00 USD", "0.30 USD", "1.250000001 USD", "-0.005 USD"]);
    }

    #[test]
    fn sizes_and_counts_read_as_people_say_them() {
        assert_eq!([size(999), size(1_500), size(12_345_678)], ["999 B", "1.5 kB", "12 MB"]);
        assert_eq!([count(1, "document"), count(0, "run")], ["1 document", "0 runs"]);
    }
}
