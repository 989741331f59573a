//! Line classification: the marks that Markdown, tables and lists leave at the ends of a line.

use std::ops::Range;

/// Upper bound on a line without an end mark that counts as a title, in characters.
const MAX_TITLE_CHARS: usize = 80;
/// Upper bound on the name in a line of the form `name: value`, in characters.
const MAX_NAME_CHARS: usize = 40;

/// Classified line, with the byte range of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Blank line.
    Blank,
    /// Running text.
    Text(Range<usize>),
    /// First line of a list item, without its bullet.
    Item(Range<usize>),
    /// First line of a numbered item, without its number. A heading may look like one.
    Numbered(Range<usize>),
    /// Heading, without its marker.
    Heading(Range<usize>),
    /// Table row.
    Row(Range<usize>),
    /// Line under a table's header.
    Rule,
    /// Preformatted text.
    Code(Range<usize>),
}

impl Line {
    /// Returns the quotable byte range.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Text(range)
            | Self::Item(range)
            | Self::Numbered(range)
            | Self::Heading(range)
            | Self::Row(range)
            | Self::Code(range) => Some(range.clone()),
            Self::Blank | Self::Rule => None,
        }
    }

    /// Returns whether this line continues the group that `first` began. `first` belongs with itself only through the
    /// caller, which never makes an empty group.
    pub(super) fn belongs_with(&self, first: &Self) -> bool {
        match first {
            Self::Text(_) => matches!(self, Self::Text(_)),
            Self::Row(_) => matches!(self, Self::Row(_) | Self::Rule),
            Self::Code(_) => matches!(self, Self::Code(_)),
            Self::Item(range) | Self::Numbered(range) => {
                self.range().as_ref() == Some(range) || matches!(self, Self::Text(_))
            }
            Self::Heading(_) | Self::Rule | Self::Blank => false,
        }
    }

    /// Returns whether the line has the form `name: value`.
    pub(super) fn is_pair(&self, text: &str) -> bool {
        let Some(line) = self.range().and_then(|range| text.get(range)) else { return false };
        let Some((name, value)) = line.split_once(':').or_else(|| line.split_once('：')) else {
            return false;
        };
        let is_name =
            !name.trim().is_empty() && name.chars().take(MAX_NAME_CHARS + 1).count() <= MAX_NAME_CHARS;
        is_name && !name.contains(['.', '!', '?']) && !value.trim().is_empty() && !value.starts_with("//")
    }
}

/// Splits `text` into classified lines.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::with_capacity(text.len() / 60);
    let mut fenced = false;
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let begin = start + (raw.len() - raw.trim_start().len());
        let line = raw.trim();
        let range = begin..begin + line.len();
        start += raw.len();
        if line.starts_with("```") || line.starts_with("~~~") {
            fenced = !fenced;
            lines.push(Line::Blank);
        } else if line.is_empty() {
            lines.push(Line::Blank);
        } else if fenced {
            lines.push(Line::Code(range));
        } else {
            lines.push(classify(raw, line, range));
        }
    }
    mark_delimited(text, &mut lines);
    lines
}

fn classify(raw: &str, line: &str, range: Range<usize>) -> Line {
    let within = |marker: usize| range.start + marker..range.end;
    if line.starts_with('|') && line.matches('|').count() > 1 {
        let is_rule = line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
        return if is_rule { Line::Rule } else { Line::Row(range) };
    }
    let hashes = line.bytes().take_while(|&b| b == b'#').count();
    if (1..=6).contains(&hashes) && line.get(hashes..).is_some_and(|rest| rest.starts_with(' ')) {
        return Line::Heading(within(hashes + 1));
    }
    if line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_')) && line.len() > 2 {
        return Line::Blank;
    }
    match item_marker(line) {
        Some(marker) if line.starts_with(|c: char| c.is_ascii_digit()) => Line::Numbered(within(marker)),
        Some(marker) => Line::Item(within(marker)),
        None if looks_like_code(raw, line) => Line::Code(range),
        None => Line::Text(range),
    }
}

/// Returns the length of a list marker with the white space after it: `- `, `• `, `12. `, `a) `.
fn item_marker(line: &str) -> Option<usize> {
    let bullet = line.strip_prefix(['-', '*', '+', '•', '◦', '▪', '‣', '–']);
    let rest = bullet.or_else(|| {
        let label = line.find(['.', ')']).filter(|&at| (1..=3).contains(&at))?;
        let (label, rest) = line.split_at_checked(label)?;
        let is_label =
            label.chars().all(|c| c.is_ascii_digit()) || (label.len() == 1 && rest.starts_with(')'));
        is_label.then_some(rest.get(1..)?)
    })?;
    let content = rest.trim_start();
    (rest.len() > content.len() && !content.is_empty()).then(|| line.len() - content.len())
}

fn looks_like_code(raw: &str, line: &str) -> bool {
    let indented = raw.starts_with("    ") || raw.starts_with('\t');
    line.ends_with(['{', '}', ';'])
        || line.ends_with("};")
        || line.starts_with("//")
        || (indented && line.contains("()"))
}

/// Marks two or more neighbouring lines with the same number of separators as rows, even without a table's marks.
fn mark_delimited(text: &str, lines: &mut [Line]) {
    for separator in ['\t', ';', ','] {
        let counts: Vec<usize> = lines.iter().map(|line| separators(text, line, separator)).collect();
        for (at, line) in lines.iter_mut().enumerate() {
            let count = counts.get(at).copied().unwrap_or(0);
            let before = at.checked_sub(1).and_then(|at| counts.get(at));
            let like_a_neighbour = before == Some(&count) || counts.get(at + 1) == Some(&count);
            if let Line::Text(range) = line
                && count > 1
                && like_a_neighbour
            {
                *line = Line::Row(range.clone());
            }
        }
    }
}

/// Counts the cells that a separator ends in a line. A comma or semicolon before a space is punctuation.
fn separators(text: &str, line: &Line, separator: char) -> usize {
    let Line::Text(range) = line else { return 0 };
    let line = text.get(range.clone()).unwrap_or_default();
    if separator != '\t' && (line.contains(", ") || line.contains("; ")) {
        return 0;
    }
    line.matches(separator).count()
}

/// Returns whether a row without a rule below is a header: no cell holds a digit.
pub(super) fn names_columns(text: &str, row: &Range<usize>) -> bool {
    text.get(row.clone()).is_some_and(|row| !row.starts_with('|') && !row.chars().any(char::is_numeric))
}

/// Returns whether a lone line is a title: short, without an end mark, and without a value in it.
pub(super) fn is_title(text: &str, range: &Range<usize>) -> bool {
    let line = text.get(range.clone()).unwrap_or_default();
    let numbering = |c: char| c.is_ascii_digit() || matches!(c, '.' | ' ' | '§');
    let name = line.trim_start_matches(numbering);
    let ends = line.ends_with(|c: char| is_end_mark(c) || matches!(c, ';' | ',' | '"' | '”' | '»'));
    let has_value = name.chars().any(char::is_numeric) || name.trim_end_matches(':').contains([':', '=']);
    line.chars().take(MAX_TITLE_CHARS + 1).count() <= MAX_TITLE_CHARS && !ends && !has_value
}

/// Returns whether `c` ends a sentence, in the scripts that have such a mark.
pub(super) fn is_end_mark(c: char) -> bool {
    matches!(
        c,
        '.' | '!'
            | '?'
            | '…'
            | '‽'
            | '。'
            | '！'
            | '？'
            | '｡'
            | '．'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '።'
            | '။'
            | '។'
            | '༎'
    )
}
