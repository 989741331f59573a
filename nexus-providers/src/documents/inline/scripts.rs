//! Superscripts and subscripts in the characters that Unicode has for them.

use std::ops::RangeInclusive;

use super::Level;

/// Letters that are raised or lowered by themselves.
const MODIFIERS: RangeInclusive<char> = '\u{1D2C}'..='\u{1D6A}';

const RAISED: [(char, char); 42] = [
    ('0', '⁰'),
    ('1', '¹'),
    ('2', '²'),
    ('3', '³'),
    ('4', '⁴'),
    ('5', '⁵'),
    ('6', '⁶'),
    ('7', '⁷'),
    ('8', '⁸'),
    ('9', '⁹'),
    ('+', '⁺'),
    ('-', '⁻'),
    ('−', '⁻'),
    ('–', '⁻'),
    ('=', '⁼'),
    ('(', '⁽'),
    (')', '⁾'),
    ('a', 'ª'),
    ('b', 'ᵇ'),
    ('c', 'ᶜ'),
    ('d', 'ᵈ'),
    ('e', 'ᵉ'),
    ('f', 'ᶠ'),
    ('g', 'ᵍ'),
    ('h', 'ʰ'),
    ('i', 'ⁱ'),
    ('j', 'ʲ'),
    ('k', 'ᵏ'),
    ('l', 'ˡ'),
    ('m', 'ᵐ'),
    ('n', 'ⁿ'),
    ('o', 'º'),
    ('p', 'ᵖ'),
    ('r', 'ʳ'),
    ('s', 'ˢ'),
    ('t', 'ᵗ'),
    ('u', 'ᵘ'),
    ('v', 'ᵛ'),
    ('w', 'ʷ'),
    ('x', 'ˣ'),
    ('y', 'ʸ'),
    ('z', 'ᶻ'),
];

const LOWERED: [(char, char); 34] = [
    ('0', '₀'),
    ('1', '₁'),
    ('2', '₂'),
    ('3', '₃'),
    ('4', '₄'),
    ('5', '₅'),
    ('6', '₆'),
    ('7', '₇'),
    ('8', '₈'),
    ('9', '₉'),
    ('+', '₊'),
    ('-', '₋'),
    ('−', '₋'),
    ('–', '₋'),
    ('=', '₌'),
    ('(', '₍'),
    (')', '₎'),
    ('a', 'ₐ'),
    ('e', 'ₑ'),
    ('h', 'ₕ'),
    ('i', 'ᵢ'),
    ('j', 'ⱼ'),
    ('k', 'ₖ'),
    ('l', 'ₗ'),
    ('m', 'ₘ'),
    ('n', 'ₙ'),
    ('o', 'ₒ'),
    ('p', 'ₚ'),
    ('r', 'ᵣ'),
    ('s', 'ₛ'),
    ('t', 'ₜ'),
    ('u', 'ᵤ'),
    ('v', 'ᵥ'),
    ('x', 'ₓ'),
];

/// Marks a superscript or subscript: `x²`, `CO₂`, and `x^(a+b)` where Unicode lacks a character. Blanks around it stay.
pub(in super::super) fn marked(text: &str, level: Level) -> String {
    let core = text.trim();
    let (before, after) = text.split_once(core).unwrap_or_default();
    match level {
        _ if core.is_empty() => text.to_owned(),
        Level::Line => text.to_owned(),
        Level::Super => format!("{before}{}{after}", superscript(core)),
        Level::Sub => format!("{before}{}{after}", subscript(core)),
    }
}

fn superscript(text: &str) -> String {
    if reads_the_same(text) {
        return text.to_owned();
    }
    each(text, &RAISED).unwrap_or_else(|| format!("^({text})"))
}

fn subscript(text: &str) -> String {
    each(text, &LOWERED).unwrap_or_else(|| format!("_({text})"))
}

/// Returns whether a superscript means the same on the line: an ordinal's ending, a sign, a mark in brackets.
fn reads_the_same(text: &str) -> bool {
    let ending = ["st", "nd", "rd", "th", "er", "re", "e", "ème", "TM", "SM"].contains(&text);
    let bracketed = text.starts_with(['[', '(', '^']) && text.ends_with([']', ')']);
    ending || bracketed || !text.contains(|c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | '−' | '='))
}

/// Converts each character; one that is raised or lowered already stays. Words, of more than two characters,
/// stay as they are written, because search finds them by their letters.
fn each(text: &str, letters: &[(char, char)]) -> Option<String> {
    let convert = |c: char| {
        let found = letters.iter().find(|(plain, letter)| *plain == c || *letter == c);
        found.map(|(_, letter)| *letter).or(Some(c).filter(|c| MODIFIERS.contains(c)))
    };
    let is_word = text.chars().nth(2).is_some() && text.contains(char::is_alphabetic);
    if is_word { None } else { text.chars().map(convert).collect() }
}

/// Returns whether a character is a digit above the line.
pub(in super::super) fn is_raised_digit(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '\u{2070}'..='\u{2079}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: Level, text: &str, expected: &str) {
        assert_eq!(marked(text, level), expected);
    }

    #[test]
    fn superscripts_and_subscripts_use_characters_of_their_own_where_there_are_some() {
        check(Level::Super, "2", "²");
        check(Level::Super, "-6 ", "⁻⁶ ");
        check(Level::Super, "n", "ⁿ");
        check(Level::Super, "a+b", "^(a+b)");
        check(Level::Super, "1,2", "^(1,2)");
        check(Level::Sub, "2", "₂");
        check(Level::Sub, "max", "_(max)");
        check(Level::Sub, " ", " ");
    }

    #[test]
    fn a_superscript_that_means_the_same_on_the_line_is_not_marked() {
        for same in ["st", "TM", "*", "[3]", "®", "†"] {
            check(Level::Super, same, same);
        }
    }
}
