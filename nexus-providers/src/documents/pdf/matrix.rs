//! Affine transformations of positions on a page. Multiplication and addition are not fused: for processors of every
//! age that would be a function call, and a page has a dozen for each character.

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

    /// Returns this transformation after a translation.
    pub(super) fn moved(self, x: f64, y: f64) -> Self {
        let Self([a, b, c, d, ..]) = self;
        let (e, f) = self.point(x, y);
        Self([a, b, c, d, e, f])
    }

    /// Composes this transformation, applied first, with `next`.
    pub(super) fn then(self, next: Self) -> Self {
        let Self([a, b, c, d, e, f]) = self;
        let Self([na, nb, nc, nd, ne, nf]) = next;
        Self([
            a * na + b * nc,
            a * nb + b * nd,
            c * na + d * nc,
            c * nb + d * nd,
            e * na + f * nc + ne,
            e * nb + f * nd + nf,
        ])
    }

    /// Transforms a point.
    pub(super) fn point(self, x: f64, y: f64) -> (f64, f64) {
        let Self([a, b, c, d, e, f]) = self;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// Transforms a distance.
    pub(super) fn vector(self, x: f64, y: f64) -> (f64, f64) {
        let Self([a, b, c, d, ..]) = self;
        (a * x + c * y, b * x + d * y)
    }
}
