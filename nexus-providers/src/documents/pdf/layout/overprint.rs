//! Letters that are drawn again in the same place, to look bold or to cast a shadow: they count once.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::documents::pdf::glyph::Glyph;

/// Maximum distance along the line in advances and in sizes, and maximum distance across it in sizes.
const ALONG: f64 = 0.4;
const WIDEST: f64 = 0.2;
const ACROSS: f64 = 0.12;

/// Returns the glyphs without repeated ones. What a repetition covers is bold.
pub(super) fn once(glyphs: &[Glyph]) -> Vec<Glyph> {
    let mut kept: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut repeated = Vec::new();
    // The last glyph of each text in each cell of a grid that is wider than any distance.
    let mut cells: BTreeMap<(i64, i64, Rc<str>), usize> = BTreeMap::new();
    for glyph in glyphs {
        let (x, y) = cell(glyph);
        let around = (-1..=1).flat_map(|across| (-1..=1).map(move |down| (across, down)));
        // A joined letter may follow itself at no distance, as strokes that lengthen a word do.
        let joins = glyph.text.chars().any(|c| ('\u{600}'..='\u{8FF}').contains(&c) || c >= '\u{FB50}');
        let earlier = around
            .filter(|_| !joins)
            .filter_map(|(across, down)| cells.get(&(x + across, y + down, Rc::clone(&glyph.text))))
            .copied()
            .find(|place| kept.get(*place).is_some_and(|before| repeats(before, glyph)));
        if let Some(place) = earlier {
            repeated.push(place);
        } else {
            cells.insert((x, y, Rc::clone(&glyph.text)), kept.len());
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
    kept
}

fn repeats(before: &Glyph, glyph: &Glyph) -> bool {
    let (x, y) = (glyph.x - before.x, glyph.y - before.y);
    let (cos, sin) = before.direction;
    let (along, across) = (x.mul_add(cos, y * sin).abs(), y.mul_add(cos, -(x * sin)).abs());
    let advance = glyph.advance.0.hypot(glyph.advance.1);
    cos.mul_add(glyph.direction.0, sin * glyph.direction.1) > 0.99
        && (glyph.size / before.size - 1.0).abs() < 0.1
        && along < (ALONG * advance).min(WIDEST * glyph.size)
        && across < ACROSS * glyph.size
}

#[expect(clippy::cast_possible_truncation, reason = "a place beyond the type is kept at its end")]
fn cell(glyph: &Glyph) -> (i64, i64) {
    let width = (glyph.size * WIDEST).log2().ceil().exp2();
    ((glyph.x / width).floor() as i64, (glyph.y / width).floor() as i64)
}
