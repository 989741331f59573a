//! Profile NXJ-1: a canonical form of JSON, a strict subset of
//! [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785).
//!
//! - No whitespace; object keys sorted and unique, 1 to 64 printable ASCII characters without quote or backslash.
//! - Numbers are integers within ±(2^53 − 1), without exponent, leading zeros or negative zero.
//! - Strings are UTF-8 as given; only `"`, `\` and U+0000 to U+001F are escaped, by the short form where
//!   there is one, else `\u00xx` in lower case.
//! - At most 32 containers deep and 65,535 bytes long.
//!
//! So two equal values have equal bytes, and [`check`] accepts nothing that a canonical writer would write
//! differently.

use std::fmt::Write;

/// Maximum length of a body, in bytes.
pub const MAX_BYTES: usize = 65_535;
/// Maximum depth of nested containers.
pub const MAX_DEPTH: usize = 32;
/// Largest integer, 2^53 − 1. The smallest is its negative.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;
/// Maximum length of an object key, in bytes.
pub const MAX_KEY_BYTES: usize = 64;

/// Violation of profile NXJ-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at byte {at}")]
pub struct Noncanonical {
    /// The violated rule.
    pub rule: &'static str,
    /// The offset in bytes.
    pub at: usize,
}

/// Checks that `body` is one JSON value in profile NXJ-1.
///
/// ```
/// use nexus_core::audit::canonical::check;
///
/// assert!(check(br#"{"a":1,"b":["x",null]}"#).is_ok());
/// assert!(check(br#"{"b":1,"a":2}"#).is_err());
/// assert!(check(br#"{"a":1.0}"#).is_err());
/// ```
///
/// # Errors
/// The first violated rule, with its offset.
pub fn check(body: &[u8]) -> Result<(), Noncanonical> {
    let mut reader = Reader::new(body)?;
    reader.value()?;
    reader.end()
}

/// Appends `text` as a string.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut tail = tail.chars();
        if let Some(c) = tail.next() {
            write_escape(out, c);
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Appends an integer. One outside of ±[`MAX_INTEGER`] is written too, and [`check`] refuses it.
pub fn write_integer(out: &mut String, number: i64) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{number}");
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        other => {
            let _ = write!(out, "\\u{:04x}", u32::from(other));
        }
    }
}

/// Reader of NXJ-1 from left to right, without a tree.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Self, Noncanonical> {
        if body.len() > MAX_BYTES {
            return Err(Noncanonical { rule: "the body is longer than 65535 bytes", at: MAX_BYTES });
        }
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0, depth: 0 }),
            Err(error) => Err(Noncanonical { rule: "the body is not UTF-8", at: error.valid_up_to() }),
        }
    }

    /// Counts an enclosing object whose fields the caller reads by itself, without [`value`](Self::value).
    pub(super) fn inside_an_object(mut self) -> Self {
        self.depth += 1;
        self
    }

    /// Returns the error that `rule` is violated here.
    pub(super) fn broken<T>(&self, rule: &'static str) -> Result<T, Noncanonical> {
        Err(Noncanonical { rule, at: self.at })
    }

    /// Reads exactly `expected`.
    pub(super) fn literal(&mut self, expected: &str) -> Result<(), Noncanonical> {
        if !self.rest().starts_with(expected.as_bytes()) {
            return self.broken("the format requires another character here");
        }
        self.at += expected.len();
        Ok(())
    }

    /// Reads any value and returns its text.
    pub(super) fn value(&mut self) -> Result<&'a str, Noncanonical> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            _ => {
                self.integer()?;
            }
        }
        Ok(self.since(start))
    }

    /// Reads a string and returns it as written, quotes included. Equal strings are written equally, so this
    /// is what to compare.
    pub(super) fn string(&mut self) -> Result<&'a str, Noncanonical> {
        let start = self.at;
        self.literal("\"")?;
        loop {
            let Some(plain) = self.rest().iter().position(|&byte| needs_escape(byte)) else {
                return self.broken("a string does not end");
            };
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(self.since(start));
                }
                Some(b'\\') => self.escape()?,
                _ => return self.broken("a control character is not escaped"),
            }
        }
    }

    /// Reads an integer.
    pub(super) fn integer(&mut self) -> Result<i64, Noncanonical> {
        let start = self.at;
        let negative = self.take(b'-');
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let leading_zero = self.peek() == Some(b'0') && (digits > 1 || negative);
        if digits == 0 || leading_zero {
            return self.broken("a value is not written as NXJ-1 writes it");
        }
        self.at += digits;
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return self.broken("a number is not an integer");
        }
        match self.since(start).parse::<i64>() {
            Ok(number) if number.abs() <= MAX_INTEGER => Ok(number),
            _ => self.broken("an integer is beyond 2^53 - 1"),
        }
    }

    /// Checks that nothing follows.
    pub(super) fn end(&self) -> Result<(), Noncanonical> {
        if self.rest().is_empty() { Ok(()) } else { self.broken("something follows the value") }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), Noncanonical>,
    ) -> Result<(), Noncanonical> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.broken("more than 32 containers stand inside each other");
        }
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), Noncanonical> {
        if self.take(b'}') {
            return Ok(());
        }
        let mut previous = "";
        loop {
            let key = self.key()?;
            match previous.cmp(key) {
                std::cmp::Ordering::Less => previous = key,
                std::cmp::Ordering::Equal => return self.broken("a key stands twice"),
                std::cmp::Ordering::Greater => return self.broken("keys are not in order"),
            }
            self.literal(":")?;
            self.value()?;
            if self.take(b'}') {
                return Ok(());
            }
            self.literal(",")?;
        }
    }

    fn array(&mut self) -> Result<(), Noncanonical> {
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value()?;
            if self.take(b']') {
                return Ok(());
            }
            self.literal(",")?;
        }
    }

    fn key(&mut self) -> Result<&'a str, Noncanonical> {
        self.literal("\"")?;
        let start = self.at;
        let length = self.rest().iter().take_while(|&&byte| is_key_byte(byte)).count();
        if length == 0 || length > MAX_KEY_BYTES {
            return self.broken("a key does not have 1 to 64 plain ASCII characters");
        }
        self.at += length;
        let key = self.since(start);
        self.literal("\"")?;
        Ok(key)
    }

    fn escape(&mut self) -> Result<(), Noncanonical> {
        let mut after = self.rest().iter().skip(1).copied();
        let length = match after.next() {
            Some(b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r') => 2,
            Some(b'u') if is_control_escape([after.next(), after.next(), after.next(), after.next()]) => 6,
            _ => return self.broken("a character is escaped in another way than NXJ-1's"),
        };
        self.at += length;
        Ok(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

fn is_key_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Returns whether four digits after `\u` are the canonical escape of a control character. Characters with a short
/// form (backspace, tab, line feed, form feed, carriage return) have no other.
fn is_control_escape(digits: [Option<u8>; 4]) -> bool {
    let [Some(b'0'), Some(b'0'), Some(high @ (b'0' | b'1')), Some(low)] = digits else { return false };
    match (high, low) {
        (b'0', b'8' | b'9' | b'a' | b'c' | b'd') => false,
        (_, b'0'..=b'9' | b'a'..=b'f') => true,
        _ => false,
    }
}
