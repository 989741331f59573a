//! Words, or parts of words: characters that follow one another without a gap.

use std::collections::BTreeMap;

use crate::documents::pdf::glyph::Glyph;

/// Maximum gap inside a word and maximum step back, in sizes of its characters.
const JOIN: f64 = 0.15;
const BACK: f64 = 0.4;

/// Minimum distance of a raised and of a lowered word from the baseline, in sizes of the line.
const RAISED: f64 = 0.15;
const LOWERED: f64 = 0.08;

/// Writing direction of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Left-to-right script.
    Right,
    /// Right-to-left script such as Hebrew or Arabic.
    Left,
    /// Digits, which run left to right in every script.
    Digits,
    /// Punctuation, which has no direction.
    Neutral,
}

impl Script {
    /// Combines two scripts: letters take precedence over digits, and digits over punctuation.
    fn with(self, other: Self) -> Self {
        let rank = |script| match script {
            Self::Neutral => 0,
            Self::Digits => 1,
            Self::Right | Self::Left => 2,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Place of a word above, on or below the baseline of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Level,
    Raised,
    Lowered,
}

impl Shift {
    /// Returns the place at a distance above the baseline of a line of this size.
    fn of(distance: f64, size: f64) -> Self {
        if distance > RAISED * size {
            Self::Raised
        } else if distance < -LOWERED * size {
            Self::Lowered
        } else {
            Self::Level
        }
    }
}

/// Part of a line: characters without a gap, at their position in a frame in which lines run to the right and `up`
/// grows towards the top.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) left: f64,
    pub(super) right: f64,
    /// Baseline of its line, which differs from its own if the word is raised or lowered.
    pub(super) up: f64,
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) script: Script,
    /// Whether a blank is shown to the left and to the right of it.
    pub(super) blank_left: bool,
    pub(super) blank_right: bool,
    pub(super) shift: Shift,
}

impl Word {
    /// Appends the word to its right.
    pub(super) fn append(&mut self, next: &Self) {
        self.text.push_str(&next.text);
        self.right = self.right.max(next.right);
        self.bold &= next.bold;
        self.script = self.script.with(next.script);
        self.blank_right = next.blank_right;
    }

    /// Returns whether a gap or a blank separates the word from the one to its left.
    pub(super) fn is_apart(&self, left: &Self) -> bool {
        let wide = self.left - left.right > JOIN * self.size.max(left.size);
        wide || left.blank_right || self.blank_left
    }

    /// Returns whether the gap to the word on the left is too small for a blank.
    pub(super) fn is_close(&self, left: &Self) -> bool {
        (self.left - left.right).abs() < JOIN * self.size.max(left.size)
    }
}

struct Growing {
    parts: Vec<std::rc::Rc<str>>,
    word: Word,
    /// Own baseline, and its distance below the raised characters.
    own: f64,
    rise: f64,
    /// Position of its last character.
    last: f64,
    /// Whether each character was left of the one before.
    leftward: Option<bool>,
}

/// Returns the words of a page for each direction of its lines, the most frequent one first.
pub(super) fn by_direction(glyphs: &[Glyph]) -> Vec<Vec<Word>> {
    let mut directions: BTreeMap<i32, (usize, (f64, f64))> = BTreeMap::new();
    for glyph in glyphs {
        let entry = directions.entry(degrees(glyph.direction)).or_insert((0, glyph.direction));
        entry.0 += 1;
    }
    let mut order: Vec<_> = directions.into_iter().collect();
    order.sort_by_key(|(degrees, (count, _))| (std::cmp::Reverse(*count), *degrees));
    // A page has a few directions. Text on a circle has all of them and is joined as far as the limit allows.
    let frames = order.into_iter().map(|(degrees, (_, exact))| (degrees, upright(degrees).unwrap_or(exact)));
    let mut words: Vec<(i32, (f64, f64), Words)> =
        frames.map(|(degrees, frame)| (degrees, frame, Words::default())).collect();
    let places: BTreeMap<i32, usize> =
        words.iter().enumerate().map(|(place, (degrees, ..))| (*degrees, place)).collect();
    for glyph in glyphs {
        let place = places.get(&degrees(glyph.direction)).and_then(|place| words.get_mut(*place));
        if let Some((_, frame, words)) = place {
            words.take(glyph, *frame);
        }
    }
    words.into_iter().map(|(_, _, words)| words.end()).collect()
}

/// Returns the angle in steps of five degrees.
#[expect(clippy::cast_possible_truncation, reason = "an angle in degrees is small")]
fn degrees((x, y): (f64, f64)) -> i32 {
    const LEVEL: f64 = 0.04;
    if x > 0.0 && y.abs() < LEVEL {
        return 0;
    }
    ((y.atan2(x).to_degrees() / 5.0).round() as i32 * 5).rem_euclid(360)
}

fn upright(degrees: i32) -> Option<(f64, f64)> {
    Some(match degrees {
        0 => (1.0, 0.0),
        90 => (0.0, 1.0),
        180 => (-1.0, 0.0),
        270 => (0.0, -1.0),
        _ => return None,
    })
}

#[derive(Default)]
struct Words {
    done: Vec<Word>,
    growing: Option<Growing>,
    /// Current line: its baseline, its size, and the own baseline and the end of the last word.
    line: Option<(f64, f64, f64, f64)>,
    /// Position of the last blank, if nothing was shown after it.
    blank: Option<f64>,
}

impl Words {
    fn take(&mut self, glyph: &Glyph, frame: (f64, f64)) {
        let turn = |x: f64, y: f64| (x * frame.0 + y * frame.1, y * frame.0 - x * frame.1);
        let (start, up) = turn(glyph.x, glyph.y);
        let (along, _) = turn(glyph.advance.0, glyph.advance.1);
        let (left, right) = (start.min(start + along), start.max(start + along));
        if glyph.text.chars().all(char::is_whitespace) {
            self.finish();
            let middle = f64::midpoint(left, right);
            if self.blank.is_none()
                && let Some(word) = self.done.last_mut()
            {
                let to_left = middle < f64::midpoint(word.left, word.right);
                (word.blank_left, word.blank_right) =
                    (word.blank_left || to_left, word.blank_right || !to_left);
            }
            self.blank = Some(middle);
            return;
        }
        let script = script(&glyph.text);
        if let Some(growing) = &mut self.growing
            && growing.grow(glyph, (left, right, up), script)
        {
            return;
        }
        self.finish();
        let (line_up, shift) = if glyph.rise.abs() > LOWERED * glyph.size {
            (up, Shift::of(glyph.rise, glyph.size))
        } else {
            self.baseline(glyph.size, left, up)
        };
        let word = Word {
            text: String::new(),
            left,
            right,
            up: line_up,
            size: glyph.size,
            bold: glyph.bold,
            script,
            blank_left: self.blank.is_some_and(|blank| blank < f64::midpoint(left, right)),
            blank_right: self.blank.is_some_and(|blank| blank >= f64::midpoint(left, right)),
            shift,
        };
        let parts = vec![glyph.text.clone()];
        self.growing = Some(Growing { parts, word, own: up, rise: glyph.rise, last: left, leftward: None });
        self.blank = None;
    }

    /// Returns the baseline of the line that a word belongs to. A small raised or lowered word beside a larger one
    /// takes the baseline of the larger; a large word beside a small one passes its own baseline on.
    fn baseline(&mut self, size: f64, left: f64, up: f64) -> (f64, Shift) {
        let Some((line, line_size, own, end)) = self.line else { return (up, Shift::Level) };
        let beside = (left - end).abs() < 0.6 * line_size.max(size);
        let near = (up - line).abs() < 0.6 * line_size.max(size);
        if !beside || !near {
            return (up, Shift::Level);
        }
        if size < 0.85 * line_size {
            // The letters beside a large initial are no script.
            let shift = if size > 0.4 * line_size { Shift::of(up - line, line_size) } else { Shift::Level };
            return (line, shift);
        }
        if line_size < 0.85 * size
            && let Some(word) = self.done.last_mut()
        {
            word.up = up;
            if word.shift == Shift::Level && line_size > 0.4 * size {
                word.shift = Shift::of(own - up, size);
            }
        }
        (up, Shift::Level)
    }

    fn finish(&mut self) {
        let Some(growing) = self.growing.take() else { return };
        let Growing { parts, mut word, own, leftward, .. } = growing;
        word.text = if word.script == Script::Left && leftward == Some(false) {
            parts.iter().rev().map(AsRef::as_ref).collect()
        } else {
            parts.concat()
        };
        // A small word leaves the line the size of the larger one.
        let size = match self.line {
            Some((line, size, ..)) if same(line, word.up) && word.size < size => size,
            _ => word.size,
        };
        self.line = Some((word.up, size, own, word.right));
        self.done.push(word);
    }

    fn end(mut self) -> Vec<Word> {
        self.finish();
        self.done
    }
}

impl Growing {
    /// Appends a character if it belongs to the word.
    fn grow(&mut self, glyph: &Glyph, (left, right, up): (f64, f64, f64), script: Script) -> bool {
        let size = self.word.size;
        let risen = (glyph.rise - self.rise).abs() > LOWERED * size;
        if risen || (up - self.own).abs() > 0.1 * size || glyph.size < 0.85 * size || glyph.size > 1.18 * size
        {
            return false;
        }
        let together = !matches!(
            (self.word.script, script),
            (Script::Left, Script::Right | Script::Digits) | (Script::Right | Script::Digits, Script::Left)
        );
        let marks = right <= left && glyph.text.chars().all(is_mark);
        let forward = (-BACK..=JOIN).contains(&((left - self.word.right) / size));
        let backward = script != Script::Right
            && self.word.script != Script::Right
            && (-BACK..=JOIN).contains(&((self.word.left - right) / size));
        let leftward = match (forward, backward) {
            (true, false) => false,
            (false, true) => true,
            (true, true) => self.leftward.unwrap_or(left < self.last),
            (false, false) if marks => self.leftward.unwrap_or(false),
            (false, false) => return false,
        };
        if !together || (self.leftward.is_some_and(|before| before != leftward) && !marks) {
            return false;
        }
        if !marks {
            self.leftward = Some(leftward);
        }
        self.word.left = self.word.left.min(left);
        self.word.right = self.word.right.max(right);
        self.word.bold &= glyph.bold;
        self.word.script = self.word.script.with(script);
        self.last = left;
        self.parts.push(glyph.text.clone());
        true
    }
}

#[expect(clippy::float_cmp, reason = "one was copied from the other")]
fn same(a: f64, b: f64) -> bool {
    a == b
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}')
}

fn script(text: &str) -> Script {
    let of = |c: char| match c {
        '\u{590}'..='\u{8FF}' if !('\u{660}'..='\u{669}').contains(&c) => Script::Left,
        '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' | '\u{10800}'..='\u{10FFF}' | '\u{200F}' => {
            Script::Left
        }
        c if c.is_numeric() => Script::Digits,
        c if c.is_alphabetic() => Script::Right,
        _ => Script::Neutral,
    };
    text.chars().map(of).find(|script| *script != Script::Neutral).unwrap_or(Script::Neutral)
}
