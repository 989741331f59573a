//! Warnings of a document's report: a summary on the document's line, or all of them.

use nexus_core::document::ParseReport;

use crate::terminal::count;

/// Returns the warnings of a report.
pub(super) fn of(report: Option<&ParseReport>) -> Vec<String> {
    report.map(ParseReport::findings).unwrap_or_default()
}

/// Returns the number of warnings, for the status of a document, such as `, with 2 warnings`.
pub(super) fn number(warnings: &[String]) -> String {
    match warnings.len() {
        0 => String::new(),
        number => format!(", with {}", count(number as u64, "warning")),
    }
}

/// Returns the first warning and the number of the others, for the end of a document's line.
pub(super) fn summary(warnings: &[String]) -> String {
    match warnings {
        [] => String::new(),
        [only] => format!(": {only}"),
        [first, others @ ..] => format!(": {first}; {} more, see `docs show`", others.len()),
    }
}

/// Returns a line for each warning.
pub(super) fn lines(warnings: &[String]) -> impl Iterator<Item = String> {
    warnings.iter().map(|warning| format!("warning    {warning}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nexus_core::document::UnreadPart;

    use super::*;

    #[test]
    fn a_line_has_the_number_of_warnings_and_the_first_of_them() {
        let report = ParseReport {
            warnings: (1..=7).map(|page| format!("page {page} could not be read")).collect(),
            unread: BTreeMap::from([(UnreadPart::Image, 2), (UnreadPart::HiddenSheet, 1)]),
            ocr_text: vec![3],
            pages_without_text: (1..=25).collect(),
            ..ParseReport::default()
        };
        let warnings = of(Some(&report));
        assert_eq!(warnings.len(), 10);
        assert_eq!(warnings.get(7).unwrap(), "not read: 1 hidden sheet, 2 images");
        assert_eq!(warnings.get(8).unwrap(), "recognised text of scanned pages: 3");
        assert!(warnings.last().unwrap().starts_with("pages without text: 1, 2, 3"));
        assert!(warnings.last().unwrap().ends_with("19, 20 and 5 more"));
        assert_eq!(number(&warnings), ", with 10 warnings");
        assert_eq!(summary(&warnings), ": page 1 could not be read; 9 more, see `docs show`");
        assert_eq!(lines(&warnings).next().unwrap(), "warning    page 1 could not be read");
        assert!(of(None).is_empty() && of(Some(&ParseReport::default())).is_empty());
        assert_eq!(number(&[]) + &summary(&[]), "");
    }
}
