//! Headers and footers of pages: a line that stands at the same place of an earlier page is left out, as are numbers of
//! pages.

use std::collections::{BTreeMap, BTreeSet};

use super::super::area::Area;
use super::lines::Segment;

/// Part of a page that holds its header or its footer, and maximum number of their lines.
const MARGIN: f64 = 0.12;
const LINES: usize = 3;

/// Least distance to the text, and least size of headings, in sizes of the text.
const DISTANCE: f64 = 1.8;
const HEADING: f64 = 1.15;

/// Maximum number of lines that are remembered for a place.
const MOST: usize = 32;

/// Words beside the number of a page.
const WORDS: [&str; 12] = ["page", "p.", "pg.", "seite", "s.", "página", "of", "von", "sur", "de", "/", "|"];

/// Headers and footers of the pages so far.
#[derive(Debug, Default)]
pub(super) struct Margins {
    /// Lines by their place.
    known: BTreeMap<i64, Vec<Known>>,
    page: u64,
    /// Distance between the last printed number of a page and its place.
    offset: Option<u64>,
}

/// Line of an earlier page, and the number of that page.
#[derive(Debug)]
struct Known {
    page: String,
    words: Vec<String>,
}

/// Line of a page: its baseline, its size, and its segments by their place.
struct Line {
    up: f64,
    size: f64,
    segments: Vec<usize>,
}

impl Margins {
    /// Begins the next page.
    pub(super) fn begin_page(&mut self) {
        self.page += 1;
    }

    /// Removes the lines that earlier pages have at the same place, and the number of the page.
    pub(super) fn leave_out(&mut self, segments: &mut Vec<Segment>, page: Area, body: f64) {
        let lines = lines(segments);
        let margin = MARGIN * page.height();
        let mut left_out = BTreeSet::new();
        let above = outer(lines.iter(), |line| line.up > page.top - margin);
        let below = outer(lines.iter().rev(), |line| line.up < page.bottom + margin);
        for line in above.into_iter().chain(below) {
            let texts = line.segments.iter().filter_map(|place| segments.get(*place));
            let text = texts.map(Segment::text).collect::<Vec<_>>().join(" ");
            if self.is_number(&text) || line.size <= HEADING * body && self.is_known(&text, line.up) {
                left_out.extend(line.segments.iter().copied());
            }
        }
        let mut place = 0;
        segments.retain(|_| {
            place += 1;
            !left_out.contains(&(place - 1))
        });
    }

    /// Returns whether a line is the number of the page.
    fn is_number(&mut self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let is_mark = |c: char| matches!(c, '-' | '–' | '—' | '[' | ']' | '(' | ')');
        let parts = lower.split(|c: char| c.is_whitespace() || is_mark(c)).filter(|part| !part.is_empty());
        let (mut numbers, mut named) = (Vec::new(), false);
        for part in parts.flat_map(|part| part.split_inclusive('/')) {
            match part.trim_end_matches('/').parse::<u64>() {
                Ok(number) => numbers.push(number),
                Err(_) if WORDS.contains(&part) => named |= part.len() > 1,
                Err(_) => return false,
            }
        }
        let Some(number) = numbers.first().filter(|_| numbers.len() <= 2) else { return false };
        let offset = number.wrapping_sub(self.page);
        let follows = self.offset.replace(offset) == Some(offset);
        named || *number == self.page || follows
    }

    /// Returns whether an earlier page has this line at this place. The numbers of the pages may differ.
    #[expect(clippy::cast_possible_truncation, reason = "it is a place on a page")]
    fn is_known(&mut self, text: &str, up: f64) -> bool {
        let place = (up / 4.0).round() as i64;
        let words: Vec<&str> = text.split_whitespace().collect();
        let page = self.page.to_string();
        let is_same = |known: &Known| {
            let pairs = known.words.iter().zip(&words);
            let same = |(one, other): (&String, &&str)| one == other || *one == known.page && **other == page;
            known.words.len() == words.len() && pairs.into_iter().all(same)
        };
        let mut near = (place - 1..=place + 1).filter_map(|place| self.known.get(&place));
        if near.any(|known| known.iter().any(is_same)) {
            return true;
        }
        let here = self.known.entry(place).or_default();
        if here.len() < MOST {
            here.push(Known { page, words: words.into_iter().map(str::to_owned).collect() });
        }
        false
    }
}

/// Returns the outermost lines of a page, if they are few and stand in its margin, apart from the text.
fn outer<'a>(lines: impl Iterator<Item = &'a Line>, is_outer: impl Fn(&Line) -> bool) -> Vec<&'a Line> {
    let mut outer: Vec<&Line> = Vec::new();
    for line in lines.take(LINES + 1) {
        if outer.last().is_some_and(|last| (last.up - line.up).abs() >= DISTANCE * last.size.max(line.size)) {
            return outer;
        }
        if !is_outer(line) {
            return Vec::new();
        }
        outer.push(line);
    }
    Vec::new()
}

/// Returns the lines of a page from top to bottom.
fn lines(segments: &[Segment]) -> Vec<Line> {
    let mut order: Vec<(usize, &Segment)> = segments.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.up.total_cmp(&a.up).then(a.left.total_cmp(&b.left)));
    let mut lines: Vec<Line> = Vec::new();
    for (place, segment) in order {
        match lines.last_mut().filter(|line| line.up - segment.up <= 0.35 * segment.size.min(line.size)) {
            Some(line) => line.segments.push(place),
            None => lines.push(Line { up: segment.up, size: segment.size, segments: vec![place] }),
        }
    }
    lines
}
