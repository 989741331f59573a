//! Pages of a damaged file that could not be read.

use std::fmt::Write as _;

use crate::documents::block_writer::Output;
use crate::documents::error;

/// Pages that could not be read, wholly or in part.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Pages of which nothing was read.
    pub(super) pages: Vec<u32>,
    /// Pages of which a part was not read.
    pub(super) parts: Vec<u32>,
    /// Whether the pages were searched for, because the list of pages is lost.
    pub(super) searched: bool,
    /// Whether the end of the file is missing.
    pub(super) cut_off: bool,
}

impl Losses {
    /// Warns about all losses of a document.
    pub(super) fn report(&self, out: &mut Output<'_>) {
        let why = if self.cut_off { "the file is cut off" } else { "the file is damaged" };
        for (pages, lost) in [(&self.pages, "could not be read"), (&self.parts, "could not be read in full")]
        {
            if !pages.is_empty() {
                let warning = format!("{} {lost}: {why}", named(pages));
                let error = error::malformed(&warning);
                out.leave_out(warning, error);
            }
        }
        if self.searched {
            out.warn(format!("{why}: its list of pages is lost, so pages may be missing or out of order"));
        }
    }
}

/// Names pages, as in `pages 3, 12 to 20`.
fn named(pages: &[u32]) -> String {
    const RANGES: usize = 20;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for page in pages {
        match ranges.last_mut().filter(|(_, last)| *last + 1 == *page) {
            Some((_, last)) => *last = *page,
            None => ranges.push((*page, *page)),
        }
    }
    let mut named = String::from(if pages.len() == 1 { "page" } else { "pages" });
    for (index, (first, last)) in ranges.iter().take(RANGES).enumerate() {
        let separator = if index == 0 { " " } else { ", " };
        let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
        // Writing to a string does not fail.
        let _ = write!(named, "{separator}{range}");
    }
    if ranges.len() > RANGES {
        named.push_str(" and more");
    }
    named
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn pages_in_a_row_are_named_by_their_ends() {
        assert_eq!(named(&[7]), "page 7");
        assert_eq!(named(&[3, 12, 13, 14, 20]), "pages 3, 12 to 14, 20");
        let odd: Vec<u32> = (0..30).map(|page| 2 * page + 1).collect();
        assert!(named(&odd).ends_with("37, 39 and more"));
    }
}
