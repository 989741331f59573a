//! JSON: the text of `{"text": …}` records, other values indented; and JSON Lines, line by line. Strings are written as
//! their values, without escapes, so that they are found and quoted as what they say.

use std::borrow::Cow;

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::block_writer::{Output, cut};
use super::error;
use super::lines::{Lines, detect, whole};

/// Maximum length of a line of JSON Lines.
const LINE_BYTES: usize = 16 * 1024 * 1024;

/// Maximum depth of indentation.
const DEEPEST: usize = 64;

/// Blanks of indentation per byte of a document, far above hand-written JSON. Past this limit, values still have
/// lines of their own.
const BLANKS_PER_BYTE: usize = 4;

/// Fields of a record that are read.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
}

/// Record with a text.
struct Record {
    title: Option<String>,
    text: String,
}

impl Record {
    fn parse(json: &str) -> Option<Self> {
        let string = |raw: Option<&RawValue>| serde_json::from_str::<String>(raw?.get()).ok();
        let fields: Fields<'_> = serde_json::from_str(json).ok()?;
        Some(Self { title: string(fields.title), text: string(fields.text)? })
    }
}

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let json = whole(source, charset, out)?;
    let json = json.trim();
    check_depth(json, out.limits.nesting)?;
    if let Some(record) = Record::parse(json) {
        out.title(record.title.as_deref().unwrap_or_default());
        return paragraphs(&record.text, out);
    }
    let items = serde_json::from_str::<Vec<&RawValue>>(json).unwrap_or_default();
    let records: Vec<Record> = items.iter().map_while(|item| Record::parse(item.get())).collect();
    if !records.is_empty() && records.len() == items.len() {
        return records.iter().try_for_each(|record| block(record, out));
    }
    match serde_json::from_str::<IgnoredAny>(json) {
        Ok(_) => pretty(json, out),
        // The first line is longer than the head.
        Err(_) if is_json(json.lines().next().unwrap_or_default()) => read_lines(source, out),
        Err(e) => Err(error::malformed("it is not valid JSON").because(e)),
    }
}

/// Reads JSON Lines: one block for each line, in bounded memory. Lines that are not valid JSON become warnings.
pub(super) fn read_lines(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let charset = detect(source, out)?;
    let mut lines = Lines::new(source, charset, LINE_BYTES)?;
    let mut number = 0_u64;
    while let Some(line) = lines.next()? {
        number += 1;
        if !line.complete {
            return Err(error::too_large(format_args!("line {number} has more than {LINE_BYTES} bytes")));
        }
        let json = line.text.trim();
        if let Some(record) = Record::parse(json) {
            block(&record, out)?;
        } else if is_json(json) {
            out.push(BlockKind::Code, &values(json))?;
        } else if !json.is_empty() {
            let warning = format!("line {number} is not valid JSON and was left out");
            out.leave_out(warning, error::malformed("no line of it is valid JSON"));
        }
    }
    Ok(())
}

/// Refuses values nested deeper than `limit`.
fn check_depth(json: &str, limit: usize) -> Result<()> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return Err(error::too_deep("values", limit));
        }
    }
    Ok(())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn block(record: &Record, out: &mut Output<'_>) -> Result<()> {
    let title = record.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
    let text = record.text.trim();
    let text = title.map_or(Cow::Borrowed(text), |title| Cow::Owned(format!("{title}\n{text}")));
    out.paragraph(&text)
}

/// Writes a text in memory as paragraphs.
pub(super) fn paragraphs(text: &str, out: &mut Output<'_>) -> Result<()> {
    let text = text.replace("\r\n", "\n");
    let mut paragraph = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            out.paragraph(&paragraph)?;
            paragraph.clear();
        }
        paragraph.push_str(line);
        paragraph.push('\n');
    }
    out.paragraph(&paragraph)
}

/// Returns valid JSON on one line or several, as written, with the values of its strings.
fn values(json: &str) -> String {
    let (mut out, mut string) = (String::with_capacity(json.len()), StringReader::default());
    for c in json.chars() {
        string.take(c, &mut out);
    }
    out
}

/// Writes indented JSON with its original order and number notation. It goes out block by block, because deep nesting
/// makes it far longer.
fn pretty(json: &str, out: &mut Output<'_>) -> Result<()> {
    let limit = out.limits.block_bytes;
    let mut text = String::new();
    for piece in Indented::new(json) {
        text.push_str(&piece);
        while text.len() > limit {
            let rest = text.split_off(cut(&text, limit, true));
            out.push(BlockKind::Code, &text)?;
            text = rest;
        }
    }
    out.push(BlockKind::Code, &text)
}

/// Iterator over JSON with line breaks and indentation.
struct Indented<'a> {
    chars: std::str::Chars<'a>,
    state: State,
}

#[derive(Default)]
struct State {
    depth: usize,
    /// Remaining blanks of indentation.
    blanks: usize,
    string: StringReader,
    opened: bool,
}

impl<'a> Indented<'a> {
    fn new(json: &'a str) -> Self {
        let blanks = json.len().saturating_mul(BLANKS_PER_BYTE);
        Self { chars: json.chars(), state: State { blanks, ..State::default() } }
    }
}

impl Iterator for Indented<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        const PIECE: usize = 1024;
        let mut piece = String::new();
        for c in self.chars.by_ref() {
            self.state.take(c, &mut piece);
            if piece.len() >= PIECE {
                break;
            }
        }
        Some(piece).filter(|piece| !piece.is_empty())
    }
}

impl State {
    fn take(&mut self, c: char, out: &mut String) {
        if self.string.is_open() {
            self.string.take(c, out);
            return;
        }
        if c.is_whitespace() {
            return;
        }
        let closes = matches!(c, '}' | ']');
        self.depth -= usize::from(closes && self.depth > 0);
        if closes != self.opened && (closes || self.opened) {
            self.newline(out);
        }
        self.opened = matches!(c, '{' | '[');
        self.depth += usize::from(self.opened);
        self.string.take(c, out);
        match c {
            ',' => self.newline(out),
            ':' => out.push(' '),
            _ => {}
        }
    }

    fn newline(&mut self, out: &mut String) {
        out.push('\n');
        let steps = self.depth.min(DEEPEST);
        if let Some(left) = self.blanks.checked_sub(2 * steps) {
            self.blanks = left;
            out.push_str(&"  ".repeat(steps));
        }
    }
}

/// Reader of the strings of valid JSON, character by character. Characters outside of strings pass unchanged.
#[derive(Default)]
struct StringReader {
    place: Place,
    /// First half of a character that is escaped as two code units.
    high: Option<u32>,
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escape,
    /// Within the digits of a code unit.
    Unit {
        value: u32,
        digits: u8,
    },
}

impl StringReader {
    fn is_open(&self) -> bool {
        !matches!(self.place, Place::Outside)
    }

    /// Takes the next character and appends what it stands for.
    fn take(&mut self, c: char, out: &mut String) {
        self.place = match (self.place, c) {
            (Place::Outside, c) => {
                out.push(c);
                if c == '"' { Place::Inside } else { Place::Outside }
            }
            (Place::Inside, '\\') => Place::Escape,
            (Place::Escape, 'u') => Place::Unit { value: 0, digits: 0 },
            (Place::Unit { value, digits }, c) => {
                let value = value * 16 + c.to_digit(16).unwrap_or(0);
                if digits < 3 { Place::Unit { value, digits: digits + 1 } } else { self.unit(value, out) }
            }
            (Place::Inside | Place::Escape, c) => {
                self.end_pair(out);
                out.push(if matches!(self.place, Place::Escape) { escaped(c) } else { c });
                if c == '"' && matches!(self.place, Place::Inside) { Place::Outside } else { Place::Inside }
            }
        };
    }

    fn unit(&mut self, unit: u32, out: &mut String) -> Place {
        match (self.high, unit) {
            (Some(high), 0xDC00..=0xDFFF) => {
                self.high = None;
                out.extend(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00)));
            }
            (_, 0xD800..=0xDBFF) => {
                self.end_pair(out);
                self.high = Some(unit);
            }
            _ => {
                self.end_pair(out);
                out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Place::Inside
    }

    /// Ends a pair of code units whose second half is missing.
    fn end_pair(&mut self, out: &mut String) {
        if self.high.take().is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Returns the character that follows a backslash in writing.
fn escaped(c: char) -> char {
    match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' | 'f' => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_as_written() {
        let json = r#"{"b":[1,2.50,{}],"a":"x,\"{y\\","c":[]}"#;
        let expected =
            "{\n  \"b\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"a\": \"x,\"{y\\\",\n  \"c\": []\n}";
        assert_eq!(Indented::new(json).collect::<String>(), expected);
    }

    #[test]
    fn strings_are_written_as_their_values() {
        let json =
            r#"{"K\u00fcche": "a\/b \"c\"\nd\te \\u00fc", "x": ["\ud83d\ude00", "\ud83dx\ude00", "\ud83d"]}"#;
        let expected =
            "{\"Küche\": \"a/b \"c\"\nd\te \\u00fc\", \"x\": [\"😀\", \"\u{FFFD}x\u{FFFD}\", \"\u{FFFD}\"]}";
        assert_eq!(values(json), expected);
        let indented = Indented::new(json).collect::<String>();
        assert!(indented.contains("\"Küche\": \"a/b \"c\"\nd\te \\u00fc\"") && indented.contains("\"😀\""));
    }

    #[test]
    fn indentation_is_bounded_by_the_size_of_what_is_indented() {
        let values = format!("{}{}1{}", "[".repeat(60), "1,".repeat(50_000), "]".repeat(60));
        let indented = Indented::new(&values).collect::<String>();
        assert!(indented.len() < values.len() * 6, "{} bytes from {}", indented.len(), values.len());
        assert_eq!(indented.split_whitespace().collect::<String>(), values);
    }

    #[test]
    fn brackets_in_strings_are_not_nested() {
        assert!(check_depth(r#"{"a": "[[[\\\"[[[", "b": [[1], [2]]}"#, 3).is_ok());
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(check_depth(&deep(512), 512).is_ok());
        let error = check_depth(&deep(1_250_000), 512).unwrap_err();
        assert_eq!(error.message(), "the document is damaged: its values are nested more than 512 deep");
    }
}
