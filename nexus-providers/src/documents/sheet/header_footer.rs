//! Headers and footers of printed sheets, without their codes of formatting.

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::inline::{Margin, is_page_number, page_margin};

/// Mark of a field, such as the number of the page, in the text of a header.
pub(in super::super) const FIELD: &str = "\u{1}";

/// Writes each header and footer of a workbook once.
pub(in super::super) fn write(headers: &[(Margin, String)], out: &mut Output<'_>) -> Result<()> {
    let plain: Vec<(Margin, String)> =
        headers.iter().map(|(margin, codes)| (*margin, plain(codes))).collect();
    write_plain(&plain, out)
}

/// Writes each header and footer once, from texts with marks of fields. A line of a field and one or two words, such as
/// the number of the page, is no text of the document.
pub(in super::super) fn write_plain(headers: &[(Margin, String)], out: &mut Output<'_>) -> Result<()> {
    let mut written: Vec<String> = Vec::new();
    for (margin, text) in headers {
        let line = page_margin(*margin, &lines(text));
        if let Some(line) = line.filter(|line| !written.contains(line)) {
            out.paragraph(&line)?;
            written.push(line);
        }
    }
    Ok(())
}

fn lines(text: &str) -> String {
    let words =
        |line: &str| line.replace(FIELD, " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let says = |line: &&str| {
        line.contains(char::is_alphanumeric)
            && (!line.contains(FIELD) || !is_page_number(&line.replace(FIELD, " ")))
    };
    text.lines().filter(says).map(|line| words(line).join(" ")).collect::<Vec<_>>().join(" | ")
}

/// Returns the text of a header of a workbook: its sections on lines, and marks for the codes of fields.
fn plain(codes: &str) -> String {
    let (mut text, mut rest) = (String::new(), codes);
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let code = after.chars().next().unwrap_or_default();
        let behind = after.get(code.len_utf8()..).unwrap_or_default();
        text.push_str(match code {
            '&' => "&",
            'L' | 'C' | 'R' => "\n",
            'P' | 'N' | 'D' | 'T' | 'F' | 'A' | 'Z' | 'G' => FIELD,
            _ => "",
        });
        rest = match code {
            '"' => behind.split_once('"').map_or("", |(_, rest)| rest),
            'K' => behind.get(6..).unwrap_or_default(),
            '0'..='9' => behind.trim_start_matches(|c: char| c.is_ascii_digit()),
            _ => behind,
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::{lines, plain};

    #[test]
    fn codes_of_formatting_and_numbers_of_pages_are_no_text() {
        let codes = r#"&L&"Arial,Bold"&12Internal&C&K00FF00R&&D plan&RPage &P of &N"#;
        assert_eq!(lines(&plain(codes)), "Internal | R&D plan");
        assert_eq!(lines(&plain("Draft of the finance board, page &P")), "Draft of the finance board, page");
        assert_eq!(lines(&plain("&L&\"x")), "");
    }
}
