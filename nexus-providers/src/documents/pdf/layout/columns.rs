//! Column detection. A page is split where a gutter runs down through running text; content that crosses the gutter
//! is read before the content below it.

use super::lines::Segment;
use super::words::Script;

/// Maximum depth of splitting columns.
const DEPTH: usize = 6;

/// Number of strips searched for a gutter.
const STRIPS: usize = 200;

/// Returns the regions of the page in reading order, each to be read line by line.
pub(super) fn regions(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let mut regions = Vec::new();
    cut(segments, DEPTH, &mut regions);
    regions
}

fn cut(mut segments: Vec<Segment>, depth: usize, regions: &mut Vec<Vec<Segment>>) {
    if segments.is_empty() {
        return;
    }
    segments.sort_by(|a, b| b.up.total_cmp(&a.up).then(a.left.total_cmp(&b.left)));
    let Some(gutter) = (depth > 0).then(|| gutter(&segments)).flatten() else {
        regions.push(segments);
        return;
    };
    let to_left = is_to_left(&segments);
    // From top to bottom: a segment that crosses the gutter ends the columns above it.
    let mut across: Vec<Segment> = Vec::new();
    let (mut left, mut right): (Vec<Segment>, Vec<Segment>) = (Vec::new(), Vec::new());
    let mut columns = |across: &mut Vec<Segment>, left: &mut Vec<Segment>, right: &mut Vec<Segment>| {
        if is_prose(left) && is_prose(right) {
            cut(std::mem::take(across), depth - 1, regions);
            let (first, second) = if to_left { (right, left) } else { (left, right) };
            cut(std::mem::take(first), depth - 1, regions);
            cut(std::mem::take(second), depth - 1, regions);
        } else {
            across.append(left);
            across.append(right);
        }
    };
    for segment in segments {
        if segment.right <= gutter.1 && segment.left < gutter.0 {
            left.push(segment);
        } else if segment.left >= gutter.0 {
            right.push(segment);
        } else {
            columns(&mut across, &mut left, &mut right);
            across.push(segment);
        }
    }
    columns(&mut across, &mut left, &mut right);
    if !across.is_empty() {
        across.sort_by(|a, b| b.up.total_cmp(&a.up));
        regions.push(across);
    }
}

/// Returns the gutter between two columns, if there is one.
fn gutter(segments: &[Segment]) -> Option<(f64, f64)> {
    let left = segments.iter().map(|segment| segment.left).fold(f64::MAX, f64::min);
    let right = segments.iter().map(|segment| segment.right).fold(f64::MIN, f64::max);
    let mut sizes: Vec<f64> = segments.iter().map(|segment| segment.size).collect();
    sizes.sort_by(f64::total_cmp);
    let size = *sizes.get(sizes.len() / 2)?;
    let width = right - left;
    if segments.len() < 6 || width < 16.0 * size {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "there are 200 strips")]
    let strip = width / STRIPS as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is kept within the strips"
    )]
    let place = |x: f64| (((x - left) / strip).max(0.0) as usize).min(STRIPS - 1);
    // Lines that begin and end in each strip, from which follows how many cross it.
    let (mut begin, mut end) = ([0_usize; STRIPS], [0_usize; STRIPS]);
    for segment in segments {
        let first = place(segment.left + strip / 2.0);
        *begin.get_mut(first)? += 1;
        *end.get_mut(place(segment.right - strip / 2.0).max(first))? += 1;
    }
    let mut open = 0;
    let mut covered = [0_usize; STRIPS];
    for ((covered, begin), end) in covered.iter_mut().zip(begin).zip(end) {
        *covered = open + begin;
        open = *covered - end;
    }
    // The gutter is a strip that few lines cross, between strips that many lines cross: of several, the least crossed
    // one nearest to the middle.
    let most = covered.iter().copied().max()?;
    let middle = covered.get(STRIPS / 10..STRIPS * 9 / 10)?;
    let least = middle.iter().copied().min()?;
    if least * 4 > most {
        return None;
    }
    let allowed = least + most / 20;
    let mut best: Option<(usize, usize)> = None;
    let mut start = None;
    for (index, count) in covered.iter().enumerate().skip(STRIPS / 10).take(STRIPS * 8 / 10 + 1) {
        let empty = *count <= allowed && index < STRIPS * 9 / 10;
        match (empty, start) {
            (true, None) => start = Some(index),
            (false, Some(begun)) => {
                let length = index - begun;
                if best.is_none_or(|(from, to)| to - from < length) {
                    best = Some((begun, index));
                }
                start = None;
            }
            _ => {}
        }
    }
    let (from, to) = best?;
    #[expect(clippy::cast_precision_loss, reason = "there are 200 strips")]
    let (from, to) = (left + from as f64 * strip, left + to as f64 * strip);
    (to - from >= 0.6 * size).then_some((from, to))
}

/// Returns whether the segments are lines of running text rather than cells of a table.
fn is_prose(segments: &[Segment]) -> bool {
    let lines = segments.len();
    if lines < 3 {
        return false;
    }
    let words: usize = segments.iter().map(|segment| blanks(segment) + 1).sum();
    let characters: u64 = segments.iter().map(Segment::characters).sum();
    let lines_u64 = u64::try_from(lines).unwrap_or(u64::MAX);
    words * 2 >= lines * 5 && characters >= lines_u64 * 15
}

fn blanks(segment: &Segment) -> usize {
    segment.words.iter().skip(1).filter(|word| word.blank_left || word.blank_right).count().max(
        segment
            .words
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if b.left - a.right > 0.15 * a.size))
            .count(),
    )
}

/// Returns whether most of the text, and so the order of its columns, is right-to-left.
fn is_to_left(segments: &[Segment]) -> bool {
    let count = |script| -> usize {
        let words = segments.iter().flat_map(|segment| &segment.words);
        words.filter(|word| word.script == script).map(|word| word.text.len()).sum()
    };
    count(Script::Left) > count(Script::Right)
}
