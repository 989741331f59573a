//! Colour table of an RTF document.

use super::super::ink::Colour;

/// Maximum number of colours.
const MOST: usize = 4_096;

/// Colours by number. The first one is automatic.
#[derive(Default)]
pub(super) struct Colours {
    colours: Vec<Colour>,
    open: Option<[u8; 3]>,
}

impl Colours {
    /// Takes a control word of the table.
    pub(super) fn word(&mut self, word: &str, number: Option<i64>) {
        let part = number.and_then(|part| u8::try_from(part).ok()).unwrap_or_default();
        let [red, green, blue] = self.open.get_or_insert_default();
        match word {
            "red" => *red = part,
            "green" => *green = part,
            "blue" => *blue = part,
            _ => {}
        }
    }

    /// Ends a colour.
    pub(super) fn end(&mut self) {
        let colour = self.open.take().map_or(Colour::Unknown, Colour::Rgb);
        if self.colours.len() < MOST {
            self.colours.push(colour);
        }
    }

    /// Returns the colour of a text.
    pub(super) fn text(&self, number: Option<i64>) -> Colour {
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.and_then(|number| self.colours.get(number)).copied().unwrap_or(Colour::Unknown)
    }

    /// Returns the colour of a ground. Number 0 is none.
    pub(super) fn ground(&self, number: Option<i64>) -> Option<Colour> {
        (number != Some(0)).then(|| self.text(number))
    }
}
