//! Colour and size of text: text in the colour of its ground, or too small to read, is hidden.

use std::ops::Range;

use super::inline::{Inline, Level};

/// Smallest size of legible letters, in points.
const LEGIBLE: f64 = 2.0;

/// Maximum difference between two parts of a colour that look alike.
const ALIKE: u8 = 10;

/// Colour of text or of its ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Red, green and blue.
    Rgb([u8; 3]),
    /// Colour that is not known: automatic, or that of a theme, a pattern or an image.
    Unknown,
}

impl Colour {
    /// Colour of paper.
    pub(super) const WHITE: Self = Self::Rgb([255; 3]);

    /// Reads six hexadecimal digits, with a leading `#` or an opacity of two digits. Other values are not known.
    pub(super) fn hex(value: &str) -> Self {
        let digits = value.trim().trim_start_matches('#');
        let digits = if digits.len() == 8 { digits.get(2..).unwrap_or_default() } else { digits };
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6);
        number.map_or(Self::Unknown, |number| {
            let [_, red, green, blue] = number.to_be_bytes();
            Self::Rgb([red, green, blue])
        })
    }

    /// Returns whether both colours are known and look alike.
    fn is_like(self, other: Self) -> bool {
        let (Self::Rgb(one), Self::Rgb(other)) = (self, other) else { return false };
        one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= ALIKE)
    }
}

/// Colours and size of text. None of a field inherits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ink {
    pub(super) colour: Option<Colour>,
    pub(super) ground: Option<Colour>,
    /// Whether the text is too small to read.
    pub(super) tiny: Option<bool>,
}

impl Ink {
    /// Takes the size of the text in points.
    pub(super) fn size(&mut self, points: f64) {
        self.tiny = Some(points < LEGIBLE);
    }

    /// Returns this ink with `inherited` where it says nothing.
    pub(super) fn or(self, inherited: Self) -> Self {
        Self {
            colour: self.colour.or(inherited.colour),
            ground: self.ground.or(inherited.ground),
            tiny: self.tiny.or(inherited.tiny),
        }
    }

    /// Returns this ink on a ground, unless it has one of its own.
    pub(super) fn on(self, ground: Option<Colour>) -> Self {
        Self { ground: self.ground.or(ground), ..self }
    }

    /// Returns whether there may be a ground on which a reader does not see the text.
    pub(super) fn may_be_unseen(self) -> bool {
        self.tiny == Some(true) || matches!(self.colour, Some(Colour::Rgb(_)))
    }

    /// Returns whether a reader does not see the text. A ground that is not given is white.
    pub(super) fn is_unseen(self) -> bool {
        let colour = self.colour.unwrap_or(Colour::Unknown);
        self.tiny == Some(true) || colour.is_like(self.ground.unwrap_or(Colour::WHITE))
    }
}

/// Parts of a text with an ink of their own, while the ground of the text is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Inks(Vec<(Range<usize>, Ink)>);

impl Inks {
    /// Takes a part of the text. One that is legible on every ground needs no place here.
    pub(super) fn add(&mut self, part: Range<usize>, ink: Ink) {
        if ink.may_be_unseen() {
            self.0.push((part, ink));
        }
    }

    /// Returns whether all of the text is legible on every ground.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the size of the parts in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    /// Returns the text without the parts that a reader does not see on a ground, and their number.
    pub(super) fn visible(&self, text: &str, ground: Option<Colour>) -> (String, u32) {
        let (mut shown, mut start, mut left_out) = (Inline::default(), 0, 0);
        for (part, ink) in &self.0 {
            let unseen = text.get(part.clone()).unwrap_or_default();
            if ink.on(ground).is_unseen() && !unseen.trim().is_empty() {
                shown.push(text.get(start..part.start).unwrap_or_default(), Level::Line);
                shown.omit();
                start = part.end;
                left_out += 1;
            }
        }
        shown.push(text.get(start..).unwrap_or_default(), Level::Line);
        (shown.take(), left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_like_its_ground_or_too_small_is_unseen() {
        let text = |colour| Ink { colour: Some(Colour::hex(colour)), ..Ink::default() };
        assert!(text("FFFFFF").is_unseen() && text("#fefeff").is_unseen() && text("FFFFFFFF").is_unseen());
        assert!(!text("auto").is_unseen() && !text("C0C0C0").is_unseen() && !Ink::default().is_unseen());
        assert!(!text("FFFFFF").on(Some(Colour::hex("1F4E79"))).is_unseen());
        assert!(text("1F4E79").on(Some(Colour::hex("1F4E79"))).is_unseen());
        assert!(!text("FFFFFF").on(Some(Colour::Unknown)).is_unseen());
        let mut small = Ink::default();
        small.size(1.0);
        assert!(small.is_unseen());
        small.size(6.0);
        assert!(!small.is_unseen());
    }
}
