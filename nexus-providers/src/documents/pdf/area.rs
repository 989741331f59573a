//! Axis-aligned areas of a page.

use super::matrix::Matrix;

/// Axis-aligned rectangle in the frame of the shown page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) bottom: f64,
    pub(super) right: f64,
    pub(super) top: f64,
}

impl Area {
    /// Area that holds no point.
    pub(super) const NOWHERE: Self = Self { left: 0.0, bottom: 0.0, right: -1.0, top: -1.0 };

    /// Returns the bounds of a transformed rectangle, and whether the rectangle fills them.
    pub(super) fn of(matrix: Matrix, [x, y, width, height]: [f64; 4]) -> (Self, bool) {
        let corners = [(x, y), (x + width, y), (x, y + height), (x + width, y + height)]
            .map(|(x, y)| matrix.point(x, y));
        let mut area = Self::at(matrix.point(x, y));
        for corner in corners {
            area.grow(corner);
        }
        let level = |(x, y): (f64, f64)| x.abs() < 1e-6 || y.abs() < 1e-6;
        (area, level(matrix.vector(1.0, 0.0)) && level(matrix.vector(0.0, 1.0)))
    }

    /// Returns the area of one point.
    pub(super) fn at((x, y): (f64, f64)) -> Self {
        Self { left: x, bottom: y, right: x, top: y }
    }

    /// Extends the area to a point.
    pub(super) fn grow(&mut self, (x, y): (f64, f64)) {
        self.left = self.left.min(x);
        self.bottom = self.bottom.min(y);
        self.right = self.right.max(x);
        self.top = self.top.max(y);
    }

    /// Returns the area with a margin.
    pub(super) fn widened(self, by: f64) -> Self {
        Self { left: self.left - by, bottom: self.bottom - by, right: self.right + by, top: self.top + by }
    }

    /// Returns the common part of two areas, which is inverted if there is none.
    pub(super) fn within(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.min(other.right),
            top: self.top.min(other.top),
        }
    }

    /// Returns whether the area holds a point.
    pub(super) fn contains(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right).contains(&x) && (self.bottom..=self.top).contains(&y)
    }

    /// Returns whether the area has no extent.
    pub(super) fn is_empty(&self) -> bool {
        self.width() <= 0.0 || self.height() <= 0.0
    }

    /// Returns whether the whole area is finite.
    pub(super) fn is_finite(&self) -> bool {
        [self.left, self.bottom, self.right, self.top].into_iter().all(f64::is_finite)
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.top - self.bottom
    }
}
