//! Running text of a paragraph: superscripts and subscripts are marked, and text that is left out leaves no gap.

/// Position of text relative to its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    /// On the line.
    #[default]
    Line,
    /// Superscript.
    Super,
    /// Subscript.
    Sub,
}

/// Formatting that changes what text means. None of a field inherits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Format {
    pub(super) struck: Option<bool>,
    pub(super) hidden: Option<bool>,
    pub(super) level: Option<Level>,
}

impl Format {
    /// Returns this formatting with `inherited` where it says nothing.
    pub(super) fn or(self, inherited: Self) -> Self {
        Self {
            struck: self.struck.or(inherited.struck),
            hidden: self.hidden.or(inherited.hidden),
            level: self.level.or(inherited.level),
        }
    }
}

/// Text of a paragraph while it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Inline {
    text: String,
    level: Level,
    /// Start of the text at the current level.
    start: usize,
    /// Whether text was left out after the last character.
    gap: bool,
}

impl Inline {
    /// Appends text at a level. Neighbours at the same level are marked as one.
    pub(super) fn push(&mut self, text: &str, level: Level) {
        if text.is_empty() {
            return;
        }
        if level != self.level {
            self.settle();
            (self.level, self.start) = (level, self.text.len());
        }
        let text = if std::mem::take(&mut self.gap) { self.close_gap(text) } else { text };
        self.text.push_str(text);
    }

    /// Records that text was left out here.
    pub(super) fn omit(&mut self) {
        self.gap = true;
    }

    /// Keeps one of the blanks around text that was left out, and none before punctuation.
    fn close_gap<'t>(&mut self, text: &'t str) -> &'t str {
        if self.text.ends_with(' ') && text.starts_with(['.', ',', ';', ':', '!', '?', ')']) {
            self.text.pop();
        }
        let open = self.text.is_empty() || self.text.ends_with(char::is_whitespace);
        if open { text.trim_start_matches(' ') } else { text }
    }

    /// Marks a superscript or subscript that is still open. Returns the length of the text.
    pub(super) fn settle(&mut self) -> usize {
        if self.level != Level::Line {
            let raised = self.text.split_off(self.start.min(self.text.len()));
            self.text.push_str(&marked(&raised, self.level));
            self.level = Level::Line;
        }
        self.text.len()
    }

    /// Returns the text from a position on that [`settle`](Self::settle) returned.
    pub(super) fn since(&self, start: usize) -> &str {
        self.text.get(start..).unwrap_or_default()
    }

    /// Puts brackets around the text from a position on.
    pub(super) fn enclose(&mut self, start: usize, brackets: (&str, &str)) {
        if self.text.is_char_boundary(start) {
            self.text.insert_str(start, brackets.0);
            self.text.push_str(brackets.1);
        }
    }

    /// Removes the last character if it is this one.
    pub(super) fn retract(&mut self, last: char) {
        if self.text.ends_with(last) {
            self.text.pop();
        }
    }

    /// Returns the text.
    pub(super) fn take(&mut self) -> String {
        self.settle();
        let taken = std::mem::take(self);
        taken.text
    }
}

/// Returns the text that stands for an image with a description, on one line.
pub(super) fn image(description: &str) -> String {
    format!("[Image: {}]", description.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Marks a superscript or subscript: `x²`, `CO₂`, and `x^(a+b)` where Unicode lacks a character. Blanks around it stay.
pub(super) fn marked(text: &str, level: Level) -> String {
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
    each(text, raised).unwrap_or_else(|| format!("^({text})"))
}

fn subscript(text: &str) -> String {
    each(text, lowered).unwrap_or_else(|| format!("_({text})"))
}

/// Returns whether a superscript means the same on the line: an ordinal's ending, a sign, a mark in brackets.
fn reads_the_same(text: &str) -> bool {
    let ending = ["st", "nd", "rd", "th", "er", "re", "e", "ème", "TM", "SM"].contains(&text);
    let bracketed = text.starts_with(['[', '(', '^']) && text.ends_with([']', ')']);
    ending || bracketed || !text.contains(|c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | '−' | '='))
}

/// Converts each character. Words stay as they are written, because search finds them by their letters.
fn each(text: &str, convert: fn(char) -> Option<char>) -> Option<String> {
    let is_word = text.chars().nth(1).is_some() && text.contains(char::is_alphabetic);
    if is_word { None } else { text.chars().map(convert).collect() }
}

fn raised(c: char) -> Option<char> {
    Some(match c {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + c.to_digit(10)?)?,
        '+' => '⁺',
        '-' | '−' => '⁻',
        '=' => '⁼',
        'n' => 'ⁿ',
        'i' => 'ⁱ',
        'o' => 'º',
        'a' => 'ª',
        _ => return None,
    })
}

fn lowered(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => char::from_u32(0x2080 + c.to_digit(10)?)?,
        '+' => '₊',
        '-' | '−' => '₋',
        '=' => '₌',
        'a' => 'ₐ',
        'e' => 'ₑ',
        'i' => 'ᵢ',
        'j' => 'ⱼ',
        'k' => 'ₖ',
        'm' => 'ₘ',
        'n' => 'ₙ',
        'o' => 'ₒ',
        'p' => 'ₚ',
        'r' => 'ᵣ',
        's' => 'ₛ',
        't' => 'ₜ',
        'x' => 'ₓ',
        _ => return None,
    })
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

    #[test]
    fn pieces_at_one_level_are_marked_as_one() {
        let mut inline = Inline::default();
        for (text, level) in
            [("10", Level::Line), ("-", Level::Super), ("6", Level::Super), (" m", Level::Line)]
        {
            inline.push(text, level);
        }
        assert_eq!(inline.take(), "10⁻⁶ m");
    }

    #[test]
    fn text_that_is_left_out_leaves_one_blank() {
        let mut inline = Inline::default();
        inline.push("The fee is ", Level::Line);
        inline.omit();
        inline.push(" 450 ", Level::Line);
        inline.omit();
        inline.push(".", Level::Line);
        assert_eq!(inline.take(), "The fee is 450.");
    }
}
