//! Segments of words on one baseline, and the rows that the segments of a region form.

use super::words::{Script, Word};
use super::{bidi, spacing};

/// Width of a gap that may separate columns or cells, in sizes of the text.
const GAP: f64 = 0.9;

/// Words on one line without a wide gap between them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) words: Vec<Word>,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) up: f64,
    /// Size of most of its text.
    pub(super) size: f64,
}

/// Line of a region: its segments from left to right.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) segments: Vec<Segment>,
    /// Text in reading order.
    pub(super) text: String,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) up: f64,
    pub(super) size: f64,
}

impl Segment {
    /// Returns the text in reading order.
    pub(super) fn text(&self) -> String {
        text(&self.words.iter().collect::<Vec<_>>())
    }

    pub(super) fn characters(&self) -> u64 {
        self.words.iter().map(|word| u64::try_from(word.text.len()).unwrap_or_default()).sum()
    }

    pub(super) fn is_bold(&self) -> bool {
        self.words.iter().all(|word| word.bold || word.script == Script::Neutral)
    }

    /// Returns whether the segment is the mark or number of a list item, which stands apart from its text.
    fn is_mark(&self) -> bool {
        let [word] = self.words.as_slice() else { return false };
        let text = word.text.as_str();
        let short = text.chars().count() <= 4;
        let number = text.trim_matches(['(', ')', '.', ':']);
        let numbered = number.len() < text.len() && number.chars().all(char::is_alphanumeric);
        short && (numbered || super::blocks::is_bullet(text))
    }

    fn of(words: Vec<Word>) -> Option<Self> {
        let first = words.first()?;
        let (left, up) = (first.left, first.up);
        let right = words.iter().map(|word| word.right).fold(f64::MIN, f64::max);
        let mut sizes: Vec<(f64, usize)> = words.iter().map(|word| (word.size, word.text.len())).collect();
        sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = sizes.iter().map(|(_, length)| length).sum::<usize>() / 2;
        let mut seen = 0;
        let size = sizes.iter().find(|(_, length)| {
            seen += length;
            seen > half
        });
        let size = size.map_or(first.size, |(size, _)| *size);
        Some(Self { words, left, right, up, size })
    }
}

impl Row {
    pub(super) fn is_bold(&self) -> bool {
        self.segments.iter().all(Segment::is_bold)
    }

    fn of(mut segments: Vec<Segment>) -> Option<Self> {
        segments.sort_by(|a, b| a.left.total_cmp(&b.left));
        if segments.len() > 1 && segments.first().is_some_and(Segment::is_mark) {
            let item = segments.remove(1);
            if let Some(mark) = segments.first_mut() {
                mark.words.extend(item.words);
                (mark.right, mark.size) = (item.right, item.size);
            }
        }
        let first = segments.first()?;
        let (left, up) = (first.left, first.up);
        let right = segments.iter().map(|segment| segment.right).fold(f64::MIN, f64::max);
        let longest = segments.iter().max_by_key(|segment| segment.characters());
        let size = longest.map_or(first.size, |segment| segment.size);
        let words: Vec<&Word> = segments.iter().flat_map(|segment| &segment.words).collect();
        let text = text(&words);
        Some(Self { segments, text, left, right, up, size })
    }
}

fn text(words: &[&Word]) -> String {
    let mut text = String::new();
    for (word, blank) in bidi::reading_order(words) {
        if blank {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// Joins words to segments, from top to bottom.
pub(super) fn segments(mut words: Vec<Word>) -> Vec<Segment> {
    words.sort_by(|a, b| b.up.total_cmp(&a.up));
    let mut segments = Vec::new();
    for mut row in groups(words, |word| (word.up, word.size)) {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        let row = spacing::close_up(row);
        let mut segment: Vec<Word> = Vec::new();
        let mut end = f64::MIN;
        for word in row {
            if let Some(last) = segment.last()
                && last.text == word.text
                && last.shift == word.shift
                && (last.left - word.left).abs() < 0.2 * word.size
            {
                continue;
            }
            let wide = word.left - end > GAP * word.size.max(segment.last().map_or(0.0, |last| last.size));
            if wide {
                segments.extend(Segment::of(std::mem::take(&mut segment)));
            }
            end = if wide { word.right } else { end.max(word.right) };
            segment.push(word);
        }
        segments.extend(Segment::of(segment));
    }
    segments
}

/// Joins the segments of a region to rows, from top to bottom.
pub(super) fn rows(mut segments: Vec<Segment>) -> Vec<Row> {
    segments.sort_by(|a, b| b.up.total_cmp(&a.up));
    groups(segments, |segment| (segment.up, segment.size)).into_iter().filter_map(Row::of).collect()
}

/// Groups items that are sorted from top to bottom by baseline.
fn groups<T>(sorted: Vec<T>, place: impl Fn(&T) -> (f64, f64)) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut line: Option<(f64, f64)> = None;
    for item in sorted {
        let (up, size) = place(&item);
        match (line, groups.last_mut()) {
            (Some((line_up, line_size)), Some(group)) if line_up - up <= 0.35 * size.min(line_size) => {
                group.push(item);
            }
            _ => {
                groups.push(vec![item]);
                line = Some((up, size));
            }
        }
    }
    groups
}
