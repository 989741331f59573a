//! State of the graphics and of the text, and the position of the next character.

use std::rc::Rc;

use super::canvas::Look;
use super::font::Font;
use super::glyph::Glyph;
use super::graphics::Graphics;
use super::matrix::Matrix;

/// Size that text without a size is given, so that it can be told where it stands.
const LEAST: f64 = 1e-3;

/// Horizontal scale below which letters are strokes without a shape.
const NARROWEST: f64 = 0.05;

/// State that operators change, and that a page saves and restores.
#[derive(Clone)]
pub(super) struct State<'a> {
    pub(super) matrix: Matrix,
    pub(super) graphics: Graphics,
    pub(super) mode: u8,
    pub(super) font: Option<Rc<Font<'a>>>,
    pub(super) size: f64,
    pub(super) letter_space: f64,
    pub(super) word_space: f64,
    pub(super) scale: f64,
    pub(super) leading: f64,
    pub(super) rise: f64,
}

/// Position of the next character.
pub(super) struct Pen {
    pub(super) line: Matrix,
    pub(super) text: Matrix,
    pub(super) marked: Vec<Marked>,
    /// Whether the content around is hidden.
    pub(super) hidden: bool,
}

/// Open marked content.
pub(super) enum Marked {
    /// Content that is shown as it is.
    Shown,
    /// Content that this replacement text stands for.
    For(Rc<str>),
    /// Content whose replacement text has been emitted.
    Given,
    /// Content of a layer that is off.
    Hidden,
}

impl State<'_> {
    pub(super) fn new(matrix: Matrix) -> Self {
        Self {
            matrix,
            graphics: Graphics::default(),
            mode: 0,
            font: None,
            size: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }

    /// Returns how the next character looks.
    pub(super) fn look(&self, hidden: bool) -> Look {
        let Graphics { fill, stroke, opacity, .. } = &self.graphics;
        let colours = match self.mode {
            1 | 5 => [*stroke, *stroke],
            2 | 6 => [*fill, *stroke],
            _ => [*fill, *fill],
        };
        let invisible = *opacity < 0.05 || self.scale.abs() < NARROWEST;
        Look { colours, inkless: matches!(self.mode, 3 | 7), hidden: hidden || invisible }
    }
}

impl Pen {
    pub(super) fn new(hidden: bool) -> Self {
        Self { line: Matrix::IDENTITY, text: Matrix::IDENTITY, marked: Vec::new(), hidden }
    }

    /// Returns whether the content is on a layer that is off.
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden || self.marked.iter().rev().take(32).any(|marked| matches!(marked, Marked::Hidden))
    }

    /// Begins a line at this offset from the start of the last one.
    pub(super) fn go(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(self.line);
        self.text = self.line;
    }

    /// Takes the replacement text, once. After that, the content yields no text.
    pub(super) fn stand_in(&mut self) -> Option<Rc<str>> {
        let mut marked = self.marked.iter_mut().rev().take(32);
        let marked = marked.find(|marked| matches!(marked, Marked::For(_) | Marked::Given))?;
        match std::mem::replace(marked, Marked::Given) {
            Marked::For(text) => Some(text),
            Marked::Shown | Marked::Given | Marked::Hidden => Some(Rc::from("")),
        }
    }
}

/// Returns a glyph at the pen, unless its position is not finite.
pub(super) fn glyph(
    text: Rc<str>,
    place: Matrix,
    way: (f64, f64),
    state: &State<'_>,
    font: &Font<'_>,
) -> Option<Glyph> {
    let advance = place.vector(way.0, way.1);
    let (forward, up) = (place.vector(1.0, 0.0), place.vector(0.0, 1.0));
    let size = up.0.hypot(up.1) * state.size.abs() * font.height;
    // Text that is raised by more than its size stands on a line of its own.
    let (rise, line) =
        if state.rise.abs() > 0.8 * state.size.abs() { (0.0, state.rise) } else { (state.rise, 0.0) };
    let rise = up.0.hypot(up.1) * rise;
    let (x, y) = place.point(0.0, line);
    let direction = if font.is_vertical() { (-up.0, -up.1) } else { forward };
    let sign = if state.size < 0.0 && !font.is_vertical() { -1.0 } else { 1.0 };
    let length = direction.0.hypot(direction.1) * sign;
    let direction = (direction.0 / length, direction.1 / length);
    let fine = [x, y, advance.0, advance.1, direction.0, direction.1, size].into_iter().all(f64::is_finite);
    let size = size.max(LEAST);
    (fine && rise.is_finite()).then_some(Glyph {
        text,
        x,
        y,
        advance,
        direction,
        size,
        bold: font.bold,
        rise,
    })
}
