//! Letters that are drawn again in the same place, to look bold or to cast a shadow: they count once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::documents::pdf::glyph::Glyph;

/// Maximum distance along the line in advances and in sizes, and maximum distance across it in sizes.
const ALONG: f64 = 0.4;
const WIDEST: f64 = 0.2;
const ACROSS: f64 = 0.12;

/// Distance in sizes beyond which no letter is repeated.
const NEAR: f64 = WIDEST + ACROSS;

/// Returns the glyphs without repeated ones. What a repetition covers is bold.
pub(super) fn once(glyphs: &[Glyph]) -> Cow<'_, [Glyph]> {
    if !may_repeat(glyphs) {
        return Cow::Borrowed(glyphs);
    }
    let mut kept: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut repeated = Vec::new();
    // The last glyph of each text in each cell of a grid that is wider than any distance.
    let mut cells: BTreeMap<(u32, i64, i64), usize> = BTreeMap::new();
    let mut texts = Texts::default();
    for glyph in glyphs {
        let (text, (x, y)) = (texts.number(&glyph.text), cell(glyph));
        // A joined letter may follow itself at no distance, as strokes that lengthen a word do.
        let joins = glyph.text.chars().any(|c| ('\u{600}'..='\u{8FF}').contains(&c) || c >= '\u{FB50}');
        let earlier = (x.saturating_sub(1)..=x.saturating_add(1))
            .filter(|_| !joins)
            .flat_map(|x| cells.range((text, x, y.saturating_sub(1))..=(text, x, y.saturating_add(1))))
            .map(|(_, place)| *place)
            .find(|place| kept.get(*place).is_some_and(|before| repeats(before, glyph)));
        if let Some(place) = earlier {
            repeated.push(place);
        } else {
            cells.insert((text, x, y), kept.len());
            kept.push(glyph.clone());
        }
    }
    // A page that is drawn twice as a whole is not bold.
    if repeated.len() * 2 <= kept.len() {
        for place in repeated {
            if let Some(glyph) = kept.get_mut(place) {
                glyph.bold = true;
            }
        }
    }
    Cow::Owned(kept)
}

/// Returns whether a text may stand at one place twice. Most pages are told here, by one sort.
fn may_repeat(glyphs: &[Glyph]) -> bool {
    const MOST: usize = 32;
    let mut texts = Texts::default();
    let mut order: Vec<_> = glyphs.iter().map(|glyph| (texts.number(&glyph.text), glyph.x, glyph)).collect();
    order.sort_unstable_by(|(one, a, _), (other, b, _)| one.cmp(other).then(a.total_cmp(b)));
    let near = |(text, x, glyph): &(u32, f64, &Glyph), (other, before_x, before): &(u32, f64, &Glyph)| {
        text == other && x - before_x < NEAR * glyph.size.max(before.size)
    };
    order.iter().enumerate().any(|(at, entry)| {
        let earlier = order.get(..at).unwrap_or_default().iter().rev();
        let mut column = earlier.take_while(|before| near(entry, before)).map(|(.., before)| before);
        let is_close = |before: &&Glyph| repeats(before, entry.2) || repeats(entry.2, before);
        // A long column is looked at in the other way.
        column.by_ref().take(MOST).any(is_close) || column.next().is_some()
    })
}

/// Numbers of texts: that of a character, or one beyond all characters.
#[derive(Default)]
struct Texts<'a>(BTreeMap<&'a str, u32>);

impl<'a> Texts<'a> {
    fn number(&mut self, text: &'a str) -> u32 {
        let mut chars = text.chars();
        if let (Some(char), None) = (chars.next(), chars.next()) {
            return char.into();
        }
        let next =
            u32::from(char::MAX).saturating_add(1 + u32::try_from(self.0.len()).unwrap_or(u32::MAX / 2));
        *self.0.entry(text).or_insert(next)
    }
}

fn repeats(before: &Glyph, glyph: &Glyph) -> bool {
    let (x, y) = (glyph.x - before.x, glyph.y - before.y);
    // Most glyphs stand on other lines.
    if y.abs() > NEAR * glyph.size {
        return false;
    }
    let (cos, sin) = before.direction;
    let (along, across) = ((x * cos + y * sin).abs(), (y * cos - x * sin).abs());
    let advance = glyph.advance.0.hypot(glyph.advance.1);
    cos * glyph.direction.0 + sin * glyph.direction.1 > 0.99
        && (glyph.size / before.size - 1.0).abs() < 0.1
        && along < (ALONG * advance).min(WIDEST * glyph.size)
        && across < ACROSS * glyph.size
}

#[expect(clippy::cast_possible_truncation, reason = "a place beyond the type is kept at its end")]
fn cell(glyph: &Glyph) -> (i64, i64) {
    let width = (glyph.size * WIDEST).log2().ceil().exp2();
    ((glyph.x / width).floor() as i64, (glyph.y / width).floor() as i64)
}
