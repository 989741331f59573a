//! Quotations in a search text, which make phrases.

use std::ops::Range;

/// Text in quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quotation {
    /// Byte range of the text between the marks.
    pub(super) text: Range<usize>,
    /// Byte range with the marks.
    pub(super) whole: Range<usize>,
}

/// Returns the quotations of `text`. Single quotation marks are apostrophes.
pub(super) fn quotations(text: &str) -> Vec<Quotation> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, &[char])> = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        open = match open {
            Some((start, inner, closing)) if closing.contains(&c) => {
                found.push(Quotation { text: inner..at, whole: start..end });
                None
            }
            None => closing_marks(c).map(|closing| (at, end, closing)),
            still => still,
        };
    }
    found
}

fn closing_marks(opening: char) -> Option<&'static [char]> {
    Some(match opening {
        '"' => &['"'],
        '“' => &['”'],
        '„' => &['“', '”'],
        '«' => &['»'],
        '»' => &['«'],
        '「' => &['」'],
        _ => return None,
    })
}
