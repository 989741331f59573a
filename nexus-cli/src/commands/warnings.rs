//! Warnings of a document's report: the first few as lines of text, all of them as a JSON array.

use std::collections::BTreeMap;

use nexus_core::document::{ParseReport, UnreadPart};

use crate::terminal::count;

/// Number of warnings of a document that are printed as text.
const SHOWN: usize = 5;

/// Number of pages that one warning names.
const PAGES: usize = 20;

/// Returns the warnings of a report, then its unread parts and its pages without text.
pub(super) fn of(report: Option<&ParseReport>) -> Vec<String> {
    let Some(report) = report else { return Vec::new() };
    let warnings = report.warnings.iter().cloned().chain(unread(&report.unread));
    warnings.chain(without_text(&report.pages_without_text)).collect()
}

fn unread(parts: &BTreeMap<UnreadPart, u32>) -> Option<String> {
    let named: Vec<String> =
        parts.iter().map(|(part, number)| count((*number).into(), part.as_str())).collect();
    (!named.is_empty()).then(|| format!("not read: {}", named.join(", ")))
}

fn without_text(pages: &[u32]) -> Option<String> {
    let named: Vec<String> = pages.iter().take(PAGES).map(u32::to_string).collect();
    let more = match pages.len().saturating_sub(PAGES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!pages.is_empty()).then(|| format!("pages without text: {}{more}", named.join(", ")))
}

/// Returns the lines below a document.
pub(super) fn lines(warnings: &[String]) -> Vec<String> {
    let shown = warnings.iter().take(SHOWN).map(|warning| format!("warning    {warning}"));
    let more = warnings.len().saturating_sub(SHOWN);
    shown.chain((more > 0).then(|| format!("warning    and {more} more, see `docs show --json`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_warnings_are_shown_and_all_are_told() {
        let report = ParseReport {
            warnings: (1..=7).map(|page| format!("page {page} could not be read")).collect(),
            unread: BTreeMap::from([(UnreadPart::Image, 2), (UnreadPart::HiddenSheet, 1)]),
            pages_without_text: (1..=25).collect(),
            ..ParseReport::default()
        };
        let warnings = of(Some(&report));
        assert_eq!(warnings.len(), 9);
        assert_eq!(warnings.get(7).unwrap(), "not read: 1 hidden sheet, 2 images");
        assert!(warnings.last().unwrap().starts_with("pages without text: 1, 2, 3"));
        assert!(warnings.last().unwrap().ends_with("19, 20 and 5 more"));
        let shown = lines(&warnings);
        assert_eq!(shown.len(), 6);
        assert_eq!(shown.first().unwrap(), "warning    page 1 could not be read");
        assert_eq!(shown.last().unwrap(), "warning    and 4 more, see `docs show --json`");
        assert!(lines(&of(None)).is_empty() && of(Some(&ParseReport::default())).is_empty());
    }
}
