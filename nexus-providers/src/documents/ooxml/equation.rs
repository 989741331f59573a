//! Equations as a line of text: `x²`, `(a+b)/c`.

use super::super::budget::Budget;
use super::super::inline::{Inline, Level};
use super::super::xml::Tag;

/// Maximum depth of a part that gets brackets.
const DEEPEST: usize = 32;

/// Open parts of an equation within a paragraph.
#[derive(Debug, Default)]
pub(super) struct Equation {
    parts: Vec<Part>,
    /// End of the last fraction or index on the line.
    ended: Option<usize>,
    /// Whether it is a fraction.
    is_fraction: bool,
}

/// Open part with its brackets, and the separator between its elements.
#[derive(Debug)]
struct Part {
    start: usize,
    brackets: (String, String),
    separator: &'static str,
    /// Sign of a sum or an integral.
    sign: String,
}

impl Equation {
    /// Returns whether an element of this name is a part of an equation.
    pub(super) fn is_part(name: &str) -> bool {
        matches!(
            name,
            "num" | "den" | "sup" | "sub" | "rad" | "deg" | "d" | "m" | "mr" | "eqArr" | "e" | "naryPr"
        )
    }

    /// Returns whether an element of this name is a property of a part.
    pub(super) fn is_property(name: &str) -> bool {
        matches!(name, "begChr" | "endChr" | "chr")
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, name: &str, text: &mut Inline) {
        let end = text.settle();
        let follows_part = self.ended.is_some_and(|ended| ended == end && end > 0);
        if name == "num" || follows_part && matches!(name, "e" | "d" | "m") {
            text.part_from_word();
        }
        let end = text.settle();
        let follows = self.parts.last().filter(|around| around.start < end);
        let sign = match name {
            "e" | "mr" => follows.map_or("", |around| around.separator),
            "den" => "/",
            "sup" => "^",
            "sub" => "_",
            "rad" => "√",
            _ => "",
        };
        text.push(sign, Level::Line);
        let separator = match name {
            "m" | "eqArr" => "; ",
            "mr" | "d" => ", ",
            _ => "",
        };
        let brackets = if matches!(name, "m" | "deg") { ("[", "]") } else { ("(", ")") };
        let brackets = (brackets.0.to_owned(), brackets.1.to_owned());
        self.parts.push(Part { start: text.settle(), brackets, separator, sign: "∫".into() });
    }

    /// Takes a run that follows on the line. A blank parts it from a fraction, and from an index that it would lengthen.
    pub(super) fn run(&mut self, run: &str, text: &mut Inline) {
        let Some(ended) = self.ended.take() else { return };
        let (Some(first), true) = (run.chars().next(), ended == text.settle()) else { return };
        let last = text.since(0).chars().next_back().unwrap_or(' ');
        let lengthens =
            first.is_alphabetic() && last.is_alphabetic() || first.is_numeric() && last.is_numeric();
        if lengthens || self.is_fraction && first.is_alphanumeric() {
            text.part_from_word();
        }
    }

    /// Takes a property of the open part.
    pub(super) fn property(&mut self, tag: &Tag<'_>) {
        let Some(part) = self.parts.last_mut() else { return };
        let value = tag.attribute("val").unwrap_or_default().chars().take(1).collect();
        match tag.name() {
            "begChr" => part.brackets.0 = value,
            "endChr" => part.brackets.1 = value,
            _ => part.sign = value,
        }
    }

    /// Ends a part. It gets brackets if it is longer than a character.
    pub(super) fn end(&mut self, name: &str, text: &mut Inline, budget: &Budget) {
        let end = text.settle();
        let Some(Part { start, brackets, sign, .. }) = self.parts.pop() else { return };
        if name == "naryPr" {
            return text.push(&sign, Level::Line);
        }
        if end == start {
            match name {
                "sup" => text.retract('^'),
                "sub" => text.retract('_'),
                _ => {}
            }
            return;
        }
        if name == "sup" && text.raise_number(start) {
            return;
        }
        let inner = text.since(start);
        let plain = matches!(name, "e" | "mr" | "eqArr");
        let long = inner.chars().nth(1).is_some() || matches!(name, "d" | "m" | "deg");
        // Wrapping moves the text, so parts beyond the depth of ordinary equations stay unwrapped.
        if !plain && self.parts.len() < DEEPEST && long {
            budget.work(inner.len());
            text.enclose(start, (&brackets.0, &brackets.1));
        }
        if matches!(name, "den" | "sup" | "sub") {
            self.ended = Some(text.settle());
            self.is_fraction = name == "den";
        }
    }
}
