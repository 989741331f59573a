//! Affine transformations of positions on a page.

/// Affine transformation of the plane, in PDF's order of the six numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix(pub(super) [f64; 6]);

#[expect(
    clippy::many_single_char_names,
    reason = "the six numbers have the names that the standard gives them"
)]
impl Matrix {
    /// Identity.
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// Returns a translation.
    pub(super) fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Composes this transformation, applied first, with `next`.
    pub(super) fn then(self, next: Self) -> Self {
        let Self([a, b, c, d, e, f]) = self;
        let Self([na, nb, nc, nd, ne, nf]) = next;
        Self([
            a.mul_add(na, b * nc),
            a.mul_add(nb, b * nd),
            c.mul_add(na, d * nc),
            c.mul_add(nb, d * nd),
            e.mul_add(na, f * nc) + ne,
            e.mul_add(nb, f * nd) + nf,
        ])
    }

    /// Transforms a point.
    pub(super) fn point(self, x: f64, y: f64) -> (f64, f64) {
        let Self([a, b, c, d, e, f]) = self;
        (a.mul_add(x, c * y) + e, b.mul_add(x, d * y) + f)
    }

    /// Transforms a distance.
    pub(super) fn vector(self, x: f64, y: f64) -> (f64, f64) {
        let Self([a, b, c, d, ..]) = self;
        (a.mul_add(x, c * y), b.mul_add(x, d * y))
    }
}
