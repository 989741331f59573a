//! Pieces of text at their positions on a page.

use std::rc::Rc;

/// Piece of text at its position on the page, as shown: one character, or the text that the document gives for
/// several.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// Text of the glyph.
    pub(super) text: Rc<str>,
    /// Horizontal start on the baseline.
    pub(super) x: f64,
    /// Vertical start on the baseline.
    pub(super) y: f64,
    /// Distance from start to end.
    pub(super) advance: (f64, f64),
    /// Unit vector along its line.
    pub(super) direction: (f64, f64),
    /// Height.
    pub(super) size: f64,
    /// Whether it is bold.
    pub(super) bold: bool,
    /// Distance by which it is raised above the baseline.
    pub(super) rise: f64,
}

impl Glyph {
    /// Returns the middle of the glyph at a height above the baseline, in sizes.
    pub(super) fn at(&self, height: f64) -> (f64, f64) {
        let (x, y) = (self.x + self.advance.0 / 2.0, self.y + self.advance.1 / 2.0);
        let up = height * self.size;
        (x - self.direction.1 * up, y + self.direction.0 * up)
    }

    /// Returns whether another glyph stands on the same line.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let (x, y) = (other.x - self.x, other.y - self.y);
        let up = y * self.direction.0 - x * self.direction.1;
        let along = self.direction.0 * other.direction.0 + self.direction.1 * other.direction.1;
        up.abs() <= 0.5 * self.size.max(other.size) && along > 0.99
    }
}
