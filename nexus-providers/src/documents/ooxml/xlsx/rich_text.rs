//! Text of cells, shared strings and comments: runs with struck, raised and lowered text.

use std::borrow::Cow;

use super::super::super::ink::{Ink, Inks};
use super::super::super::inline::{Inline, Level};
use super::super::super::xml::Tag;
use super::styles::colour;

/// Text while its runs arrive.
#[derive(Default)]
pub(super) struct RichText {
    text: Inline,
    level: Level,
    is_struck: bool,
    ink: Ink,
    inks: Inks,
    in_text: bool,
    /// Whether a reading aid for the pronunciation is open.
    in_phonetic: bool,
    struck: u32,
}

impl RichText {
    pub(super) fn open(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "r" => self.begin_run(),
            "color" => self.ink.colour = Some(colour(tag)),
            "sz" => {
                if let Some(points) = tag.attribute("val").and_then(|size| size.parse().ok()) {
                    self.ink.size(points);
                }
            }
            "strike" => self.is_struck = tag.is_on(),
            "vertAlign" => {
                self.level = match tag.attribute("val").as_deref() {
                    Some("superscript") => Level::Super,
                    Some("subscript") => Level::Sub,
                    _ => Level::Line,
                };
            }
            "rPh" => self.in_phonetic = true,
            "t" if !self.in_phonetic => {
                self.in_text = true;
                self.struck += u32::from(self.is_struck);
            }
            _ => {}
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "rPh" => self.in_phonetic = false,
            "r" => self.begin_run(),
            _ => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if !self.in_text {
            return;
        }
        if self.is_struck {
            self.text.omit();
            return;
        }
        let start = self.ink.may_be_unseen().then(|| self.text.settle());
        self.text.push(&unescaped(text), self.level);
        if let Some(start) = start {
            self.inks.add(start..self.text.settle(), self.ink);
        }
    }

    fn begin_run(&mut self) {
        (self.level, self.is_struck, self.ink) = (Level::Line, false, Ink::default());
    }

    /// Returns the text, the number of struck runs that it leaves out, and the inks of its runs.
    pub(super) fn take(&mut self) -> (String, u32, Inks) {
        let text = self.text.take();
        let Self { struck, inks, .. } = std::mem::take(self);
        (text, struck, inks)
    }
}

/// Decodes characters that XML cannot hold, such as `_x000A_`.
fn unescaped(text: &str) -> Cow<'_, str> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("_x") {
        out.push_str(before);
        let code = after.get(..4).filter(|_| after.get(4..5) == Some("_"));
        let char = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        if let Some(char) = char {
            out.push(char);
            rest = after.get(5..).unwrap_or_default();
        } else {
            out.push_str("_x");
            rest = after;
        }
    }
    if out.is_empty() { text.into() } else { (out + rest).into() }
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escaped_characters_are_decoded() {
        assert_eq!(unescaped("a_x000A_b_x"), "a\nb_x");
        assert_eq!(unescaped("_x00e9_t_xy_"), "ét_xy_");
        assert_eq!(unescaped("plain"), "plain");
    }
}
