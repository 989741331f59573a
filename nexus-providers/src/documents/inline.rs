//! Running text of a paragraph: superscripts and subscripts are marked, and text that is left out leaves no gap.
//!
//! What is no running text has one form in every format. Each form has one function here:
//!
//! | part | form | function |
//! | --- | --- | --- |
//! | image, or drawing, with a description | `[Image: A red bus]` | [`image`] |
//! | mark of a note, and the note | `Costs 1,200[1]`, `[1]: Estimated.` | [`note_mark`], [`note`] |
//! | comment | `Comment: Check this.` | [`comment`] |
//! | comment on a text or a cell | `Comment on “five years”: Check this.`, `Comment on B2: Check this.` | [`comment`] |
//! | comment with its author | `Comment by Ann on B2: Check this.` | [`comment`] |
//! | chart | `Chart: Visits (thousands)`, then the table of its values | [`chart`] |
//! | header or footer of pages | `Header: Internal plan`, `Footer: Confidential` | [`page_margin`] |
//! | form field with a label | `Name: Wilhelmina` | [`field`] |

mod description;
mod scripts;

use nexus_core::document::UnreadPart;

use super::DocumentLimits;
use super::ink::Ink;
pub(super) use description::described;
pub(super) use scripts::{is_raised_digit, marked};

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
    pub(super) ink: Ink,
}

impl Format {
    /// Returns the part that text of this formatting counts as, if the text is left out.
    pub(super) fn left_out(self, read_hidden: bool) -> Option<UnreadPart> {
        match self {
            Self { struck: Some(true), .. } => Some(UnreadPart::StruckText),
            format if format.is_unseen() && !read_hidden => Some(UnreadPart::HiddenText),
            _ => None,
        }
    }

    /// Returns this formatting with `inherited` where it says nothing.
    pub(super) fn or(self, inherited: Self) -> Self {
        Self {
            struck: self.struck.or(inherited.struck),
            hidden: self.hidden.or(inherited.hidden),
            level: self.level.or(inherited.level),
            ink: self.ink.or(inherited.ink),
        }
    }

    /// Returns this formatting without colours and size, for text on a ground that is not known.
    pub(super) fn without_ink(self) -> Self {
        Self { ink: Ink::default(), ..self }
    }

    /// Returns whether a reader does not see the text.
    fn is_unseen(&self) -> bool {
        self.hidden == Some(true) || self.ink.is_unseen()
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

    /// Discards the text from a position on.
    pub(super) fn discard_since(&mut self, start: usize) {
        if self.text.is_char_boundary(start) {
            self.text.truncate(start);
        }
    }

    /// Puts a blank where a part of an equation would run into the text before it.
    pub(super) fn part_from_word(&mut self) {
        if self.text.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
            self.text.push(' ');
        }
    }

    /// Replaces `^2` from a position on by `²`. Returns whether the text there is a number after the sign.
    pub(super) fn raise_number(&mut self, start: usize) -> bool {
        let number = self.text.get(start..).unwrap_or_default();
        let is_number = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '−' | '+'));
        let signed = self.text.get(..start).is_some_and(|before| before.ends_with('^'));
        let raised = marked(number, Level::Super);
        let is_raised = is_number && signed && raised != number;
        if is_raised {
            self.text.truncate(start);
            self.retract('^');
            self.text.push_str(&raised);
        }
        is_raised
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
    format!("[Image: {}]", on_one_line(description))
}

/// Returns the mark of a note in the text.
pub(super) fn note_mark(mark: &str) -> String {
    format!("[{}]", mark.trim())
}

/// Returns the text of a note behind its mark.
pub(super) fn note(mark: &str, text: &str) -> String {
    format!("{}: {}", note_mark(mark), text.trim_start())
}

/// Subject of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject<'t> {
    /// The text before the comment.
    Before,
    /// Cell of a sheet, by its name.
    Cell(&'t str),
    /// Text that the comment refers to.
    Text(&'t str),
}

/// Returns the text for a comment, or nothing for a blank one. It names the author only if the limits allow that.
pub(super) fn comment(
    limits: &DocumentLimits,
    author: &str,
    subject: Subject<'_>,
    text: &str,
) -> Option<String> {
    let author = Some(author.trim()).filter(|author| limits.comment_authors && !author.is_empty());
    let by = author.map(|author| format!(" by {author}")).unwrap_or_default();
    let on = match subject {
        Subject::Cell(name) => format!(" on {name}"),
        Subject::Text(quoted) if !quoted.trim().is_empty() => format!(" on “{}”", on_one_line(quoted)),
        Subject::Before | Subject::Text(_) => String::new(),
    };
    Some(text.trim()).filter(|text| !text.is_empty()).map(|text| format!("Comment{by}{on}: {text}"))
}

/// Returns the caption of a chart: its title and what its values measure, or nothing if it has neither.
pub(super) fn chart(title: &str, measure: &str) -> Option<String> {
    match (on_one_line(title), on_one_line(measure)) {
        (title, measure) if title.is_empty() && measure.is_empty() => None,
        (title, measure) if measure.is_empty() => Some(format!("Chart: {title}")),
        (title, measure) if title.is_empty() => Some(format!("Chart: {measure}")),
        (title, measure) => Some(format!("Chart: {title} ({measure})")),
    }
}

/// Margin of a page that repeats its text on every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Margin {
    Header,
    Footer,
}

/// Returns the text for a header or a footer, or nothing for a blank one.
pub(super) fn page_margin(margin: Margin, text: &str) -> Option<String> {
    let name = match margin {
        Margin::Header => "Header",
        Margin::Footer => "Footer",
    };
    Some(text.trim()).filter(|text| !text.is_empty()).map(|text| format!("{name}: {text}"))
}

/// Returns whether a line of a header or a footer that holds the number of the page says nothing else.
pub(super) fn is_page_number(line: &str) -> bool {
    line.split_whitespace().nth(2).is_none()
}

/// Returns whether the instruction of a field asks for the number of the page or of the pages.
pub(super) fn asks_for_page_number(instruction: &str) -> bool {
    let word = instruction.split_whitespace().next().unwrap_or_default();
    ["PAGE", "NUMPAGES", "SECTIONPAGES"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Returns the value of a form field behind its label, if it has one.
pub(super) fn field(label: &str, value: &str) -> String {
    let label = label.trim_end_matches(|c: char| c == ':' || c.is_whitespace());
    if label.is_empty() { value.to_owned() } else { format!("{label}: {value}") }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
