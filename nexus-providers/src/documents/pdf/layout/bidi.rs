//! Reading order of the words in a line with right-to-left text.

use super::words::{Script, Word};

/// Returns the words of a line in reading order, with whether a blank stands before each. They come from left to
/// right.
pub(super) fn reading_order<'a>(words: &[&'a Word]) -> Vec<(&'a Word, bool)> {
    let count = |script| -> usize {
        words.iter().filter(|word| word.script == script).map(|word| word.text.chars().count()).sum()
    };
    let (left, right) = (count(Script::Left), count(Script::Right));
    let mut order: Vec<usize> = (0..words.len()).collect();
    if left > 0 {
        if left >= right {
            order.reverse();
            turn(&mut order, words, Script::Right);
        } else {
            turn(&mut order, words, Script::Left);
        }
    }
    let mut read = Vec::with_capacity(order.len());
    let mut before: Option<usize> = None;
    for place in order {
        let Some(word) = words.get(place) else { continue };
        let blank = before.is_some_and(|before| {
            let (first, second) = (before.min(place), before.max(place));
            second - first > 1 || blank_between(words, first, second)
        });
        read.push((*word, blank));
        before = Some(place);
    }
    read
}

/// Reverses the runs of words of one direction, with the neutral words and numbers between them.
fn turn(order: &mut [usize], words: &[&Word], script: Script) {
    let of = |place: usize| words.get(place).map_or(Script::Neutral, |word| word.script);
    let mut start = 0;
    while start < order.len() {
        if order.get(start).copied().map(of) != Some(script) {
            start += 1;
            continue;
        }
        let mut end = start;
        let mut at = start;
        while let Some(place) = order.get(at).copied() {
            let found = of(place);
            if found == script || (found == Script::Digits && script == Script::Right) {
                end = at;
            } else if !matches!(found, Script::Neutral | Script::Digits) {
                break;
            }
            at += 1;
        }
        if let Some(run) = order.get_mut(start..=end) {
            run.reverse();
        }
        start = end + 1;
    }
}

/// Returns whether there is a blank between two adjacent words.
fn blank_between(words: &[&Word], first: usize, second: usize) -> bool {
    let (Some(first), Some(second)) = (words.get(first), words.get(second)) else { return true };
    let gap = second.left - first.right;
    let size = first.size.max(second.size);
    // Programs put the blank on the wrong side where the direction changes.
    let turns = matches!(
        (first.script, second.script),
        (Script::Left, Script::Right) | (Script::Right, Script::Left)
    );
    turns || gap > 0.15 * size || (first.blank_right || second.blank_left) && gap > -0.5 * size
}
