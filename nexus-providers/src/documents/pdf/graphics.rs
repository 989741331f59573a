//! Graphics state that decides whether text is visible: colours, transparency, the clip and the path.

use super::area::Area;
use super::content::Operand;
use super::matrix::Matrix;

/// Maximum number of rectangles and lines of one path that are told apart.
const SHAPES: usize = 1024;

/// Colour: red, green and blue from 0 to 1.
pub(super) type Colour = [f64; 3];

/// Colour space, as far as the number of components tells the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Grey, RGB or CMYK, by the number of components.
    Additive,
    /// Space whose colours are not calculated here, such as a pattern or a spot colour.
    Other,
}

/// Part of the graphics state that visibility depends on. A colour that is not known is [`None`].
#[derive(Clone, Debug)]
pub(super) struct Graphics {
    pub(super) fill: Option<Colour>,
    pub(super) stroke: Option<Colour>,
    fill_space: Space,
    stroke_space: Space,
    pub(super) line_width: f64,
    /// Visible area, and whether it is exactly a rectangle.
    pub(super) clip: Option<Area>,
    pub(super) clip_is_exact: bool,
    /// Opacity from 0 to 1.
    pub(super) opacity: f64,
    /// Whether painting replaces the colours below it where it is opaque.
    pub(super) replaces: bool,
    /// Whether a form is drawn that lets through what is below it.
    pub(super) sheer: bool,
}

impl Default for Graphics {
    fn default() -> Self {
        Self {
            fill: Some([0.0; 3]),
            stroke: Some([0.0; 3]),
            fill_space: Space::Additive,
            stroke_space: Space::Additive,
            line_width: 1.0,
            clip: None,
            clip_is_exact: true,
            opacity: 1.0,
            replaces: true,
            sheer: false,
        }
    }
}

impl Graphics {
    /// Returns whether painted areas hide everything below them.
    pub(super) fn is_opaque(&self) -> bool {
        self.opacity > 0.99 && self.replaces && !self.sheer
    }

    /// Reduces the visible area.
    pub(super) fn clip(&mut self, area: Area, exact: bool) {
        self.clip = Some(self.clip.map_or(area, |clip| clip.within(area)));
        self.clip_is_exact &= exact;
    }

    /// Returns the visible part of an area.
    pub(super) fn clipped(&self, area: Area) -> Area {
        self.clip.map_or(area, |clip| clip.within(area))
    }

    /// Selects a colour space, in which the first colour is black.
    pub(super) fn select(&mut self, space: Space, stroking: bool) {
        let colour = (space == Space::Additive).then_some([0.0; 3]);
        if stroking {
            (self.stroke_space, self.stroke) = (space, colour);
        } else {
            (self.fill_space, self.fill) = (space, colour);
        }
    }

    /// Interprets an operator that sets a colour.
    pub(super) fn colour(&mut self, operator: &[u8], operands: &[Operand<'_>]) {
        match operator {
            b"g" | b"rg" | b"k" => {
                self.fill_space = Space::Additive;
                self.fill = colour(operands);
            }
            b"G" | b"RG" | b"K" => {
                self.stroke_space = Space::Additive;
                self.stroke = colour(operands);
            }
            b"sc" | b"scn" => {
                self.fill = (self.fill_space == Space::Additive).then(|| colour(operands)).flatten();
            }
            b"SC" | b"SCN" => {
                self.stroke = (self.stroke_space == Space::Additive).then(|| colour(operands)).flatten();
            }
            _ => {}
        }
    }
}

fn colour(operands: &[Operand<'_>]) -> Option<Colour> {
    let number = |operand: &Operand<'_>| operand.number().map(|number| number.clamp(0.0, 1.0));
    match operands {
        [grey] => number(grey).map(|grey| [grey; 3]),
        [red, green, blue] => Some([number(red)?, number(green)?, number(blue)?]),
        [cyan, magenta, yellow, black] => {
            let light = 1.0 - number(black)?;
            Some([number(cyan)?, number(magenta)?, number(yellow)?].map(|ink| (1.0 - ink) * light))
        }
        _ => None,
    }
}

/// Returns whether a reader cannot tell two colours apart.
pub(super) fn alike(one: Colour, other: Colour) -> bool {
    one.iter().zip(other).all(|(a, b)| (a - b).abs() < 0.08)
}

/// Shape of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Rectangle that fills its area.
    Rectangle,
    /// Straight line from left to right.
    Line,
    /// Straight line that rises, or falls, from left to right.
    Diagonal(bool),
    /// Other shape within its area.
    Other,
}

/// Path under construction.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// Complete shapes with their bounds.
    pub(super) shapes: Vec<(Area, Shape)>,
    /// Corners of the open part, of which the first five are kept, with its bounds.
    open: Vec<(f64, f64)>,
    bounds: Option<Area>,
    curved: bool,
    /// Whether the path becomes the clip when it ends.
    pub(super) clips: bool,
}

impl Path {
    /// Interprets an operator that extends the path.
    pub(super) fn extend(&mut self, operator: &[u8], operands: &[Operand<'_>], matrix: Matrix) {
        let number = |index: usize| operands.get(index).and_then(Operand::number).unwrap_or(0.0);
        let point = |index: usize| matrix.point(number(index), number(index + 1));
        match operator {
            b"re" => {
                self.close();
                let (area, exact) = Area::of(matrix, [number(0), number(1), number(2), number(3)]);
                self.add(area, if exact { Shape::Rectangle } else { Shape::Other });
            }
            b"m" => {
                self.close();
                self.corner(point(0));
            }
            b"l" => self.corner(point(0)),
            b"c" => {
                self.curved = true;
                for at in [0, 2, 4] {
                    self.corner(point(at));
                }
            }
            b"v" | b"y" => {
                self.curved = true;
                for at in [0, 2] {
                    self.corner(point(at));
                }
            }
            b"W" | b"W*" => self.clips = true,
            _ => self.close(),
        }
    }

    /// Ends the open part.
    pub(super) fn close(&mut self) {
        if let Some(bounds) = self.bounds.take() {
            let shape = if self.curved { Shape::Other } else { shape(&self.open) };
            self.add(bounds, shape);
        }
        self.open.clear();
        self.curved = false;
    }

    /// Returns the bounds of all shapes, and whether they are one rectangle.
    pub(super) fn bounds(&self) -> Option<(Area, bool)> {
        let (first, shape) = self.shapes.first()?;
        let mut bounds = *first;
        for (area, _) in &self.shapes {
            bounds.grow((area.left, area.bottom));
            bounds.grow((area.right, area.top));
        }
        Some((bounds, self.shapes.len() == 1 && matches!(shape, Shape::Rectangle)))
    }

    fn corner(&mut self, corner: (f64, f64)) {
        if self.open.len() < 6 {
            self.open.push(corner);
        }
        self.bounds.get_or_insert(Area::at(corner)).grow(corner);
    }

    fn add(&mut self, area: Area, shape: Shape) {
        if !area.is_finite() {
            return;
        }
        if self.shapes.len() < SHAPES {
            self.shapes.push((area, shape));
        } else if let Some((last, shape)) = self.shapes.last_mut() {
            last.grow((area.left, area.bottom));
            last.grow((area.right, area.top));
            *shape = Shape::Other;
        }
    }
}

fn shape(corners: &[(f64, f64)]) -> Shape {
    let level = |a: f64, b: f64| (a - b).abs() < 0.01;
    match corners {
        [a, b] if level(a.1, b.1) => Shape::Line,
        [a, b] if !level(a.0, b.0) => Shape::Diagonal((b.0 - a.0) * (b.1 - a.1) > 0.0),
        [corners @ .., last]
            if corners.len() == 4
                && corners.first().is_some_and(|first| level(first.0, last.0) && level(first.1, last.1)) =>
        {
            shape(corners)
        }
        [first, second, third, fourth] if is_rectangle([*first, *second, *third, *fourth]) => {
            Shape::Rectangle
        }
        _ => Shape::Other,
    }
}

fn is_rectangle([first, second, third, fourth]: [(f64, f64); 4]) -> bool {
    let beside = |(x, y): (f64, f64), (other_x, other_y): (f64, f64)| {
        ((x - other_x).abs() < 0.01, (y - other_y).abs() < 0.01)
    };
    let sides =
        [(first, second), (second, third), (third, fourth), (fourth, first)].map(|(a, b)| beside(a, b));
    let [one, two, three, four] = sides;
    one.1 && two.0 && three.1 && four.0 || one.0 && two.1 && three.0 && four.1
}
