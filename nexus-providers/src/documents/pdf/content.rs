//! Operators of a content stream with their operands, read in one pass over its bytes.

use std::borrow::Cow;

/// Maximum nesting depth of arrays and dictionaries in operands.
const NESTING: usize = 32;

/// Maximum number of operands kept for one operator. Further ones are counted and dropped; a line of text is one
/// array of hundreds.
const OPERANDS: usize = 200_000;

/// Operand of an operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand<'a> {
    /// Number.
    Number(f64),
    /// Name without its slash.
    Name(Cow<'a, [u8]>),
    /// Bytes of a string.
    String(Vec<u8>),
    /// Array.
    Array(Vec<Self>),
    /// Dictionary in its original order.
    Dict(Vec<(Vec<u8>, Self)>),
    /// Boolean or null.
    Other,
}

impl Operand<'_> {
    /// Returns the number, if the operand is one.
    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// Returns the bytes of a name.
    pub(super) fn name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    /// Returns the bytes of a string.
    pub(super) fn string(&self) -> Option<&[u8]> {
        if let Self::String(string) = self { Some(string) } else { None }
    }
}

/// Operator reader of a content stream.
#[derive(Debug)]
pub(super) struct Operators<'a> {
    bytes: &'a [u8],
    at: usize,
    kept: usize,
    /// Operands of the last operator read.
    pub(super) operands: Vec<Operand<'a>>,
}

impl<'a> Operators<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, kept: 0, operands: Vec::new() }
    }

    /// Returns the next operator. An inline image is skipped, and only its `BI` is reported.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        self.operands.clear();
        self.kept = 0;
        loop {
            self.skip_blank();
            let first = self.peek()?;
            if is_operator(first) {
                let word = self.word();
                match word {
                    b"true" | b"false" | b"null" => self.keep(Operand::Other),
                    b"BI" => {
                        self.inline_image();
                        return Some(word);
                    }
                    _ => return Some(word),
                }
            } else if let Some(operand) = self.operand(first, 0) {
                self.keep(operand);
            } else {
                self.at += 1;
            }
        }
    }

    fn keep(&mut self, operand: Operand<'a>) {
        if self.kept < OPERANDS {
            self.kept += 1;
            self.operands.push(operand);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
            } else if is_blank(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Returns the bytes up to the next blank or delimiter.
    fn word(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
        self.at += end.max(1);
        rest.get(..end).unwrap_or_default()
    }

    fn operand(&mut self, first: u8, depth: usize) -> Option<Operand<'a>> {
        match first {
            b'0'..=b'9' | b'+' | b'-' | b'.' => Some(Operand::Number(self.number())),
            b'/' => {
                self.at += 1;
                Some(Operand::Name(unescape(self.word_or_nothing())))
            }
            b'(' => Some(Operand::String(self.string())),
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.dict(depth),
            b'<' => Some(Operand::String(self.hex())),
            b'[' => self.array(depth),
            _ => None,
        }
    }

    fn word_or_nothing(&mut self) -> &'a [u8] {
        if self.peek().is_some_and(is_regular) { self.word() } else { &[] }
    }

    fn number(&mut self) -> f64 {
        let (mut value, mut scale, mut negative) = (0.0_f64, 0.0_f64, false);
        while let Some(byte) = self.peek() {
            match byte {
                b'-' if value == 0.0 && scale == 0.0 => negative = true,
                b'+' if value == 0.0 => {}
                b'.' if scale == 0.0 => scale = 1.0,
                b'0'..=b'9' if scale == 0.0 => value = value * 10.0 + f64::from(byte - b'0'),
                b'0'..=b'9' => {
                    scale /= 10.0;
                    value += f64::from(byte - b'0') * scale;
                }
                _ if is_regular(byte) => {
                    // `12abc` is a number followed by an operator only where the rest cannot be a number.
                    if !matches!(byte, b'-' | b'.' | b'+') {
                        break;
                    }
                }
                _ => break,
            }
            self.at += 1;
        }
        if negative { -value } else { value }
    }

    fn string(&mut self) -> Vec<u8> {
        let mut string = Vec::new();
        let mut depth = 0_usize;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b'\\' => {
                    self.escape(&mut string);
                    continue;
                }
                _ => {}
            }
            string.push(byte);
        }
        string
    }

    fn escape(&mut self, string: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => string.push(b'\n'),
            b'r' => string.push(b'\r'),
            b't' => string.push(b'\t'),
            b'b' => string.push(8),
            b'f' => string.push(12),
            b'\n' => {}
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                string.push(u8::try_from(code & 0xFF).unwrap_or_default());
            }
            other => string.push(other),
        }
    }

    fn hex(&mut self) -> Vec<u8> {
        let mut string = Vec::new();
        let mut high = None;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
                continue;
            };
            match high.take() {
                Some(high) => string.push(high << 4 | digit),
                None => high = Some(digit),
            }
        }
        string.extend(high.map(|high| high << 4));
        string
    }

    fn array(&mut self, depth: usize) -> Option<Operand<'a>> {
        if depth >= NESTING {
            return None;
        }
        let mut array = Vec::new();
        self.at += 1;
        loop {
            self.skip_blank();
            let Some(first) = self.peek() else { break };
            if first == b']' {
                self.at += 1;
                break;
            }
            if is_operator(first) {
                self.word();
                continue;
            }
            match self.operand(first, depth + 1) {
                Some(operand) if self.kept < OPERANDS => {
                    self.kept += 1;
                    array.push(operand);
                }
                Some(_) => {}
                None => self.at += 1,
            }
        }
        Some(Operand::Array(array))
    }

    fn dict(&mut self, depth: usize) -> Option<Operand<'a>> {
        if depth >= NESTING {
            return None;
        }
        let mut dict = Vec::new();
        let mut key: Option<Vec<u8>> = None;
        self.at += 2;
        loop {
            self.skip_blank();
            let Some(first) = self.peek() else { break };
            if first == b'>' {
                self.at += 1;
                if self.peek() == Some(b'>') {
                    self.at += 1;
                    break;
                }
                continue;
            }
            let operand = if is_operator(first) {
                self.word();
                Operand::Other
            } else if let Some(operand) = self.operand(first, depth + 1) {
                operand
            } else {
                self.at += 1;
                continue;
            };
            match (key.take(), operand) {
                (Some(key), operand) if self.kept < OPERANDS => {
                    self.kept += 1;
                    dict.push((key, operand));
                }
                (None, Operand::Name(name)) => key = Some(name.into_owned()),
                _ => {}
            }
        }
        Some(Operand::Dict(dict))
    }

    /// Skips from behind `BI` to behind `EI`. The end is a separate word that is followed by plausible content.
    fn inline_image(&mut self) {
        loop {
            self.skip_blank();
            let Some(first) = self.peek() else { return };
            if is_operator(first) {
                if self.word() == b"ID" {
                    break;
                }
            } else if self.operand(first, 0).is_none() {
                self.at += 1;
            }
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end =
            rest.windows(3).position(|window| matches!(window, [before, b'E', b'I'] if is_blank(*before)));
        let mut from = end;
        while let Some(start) = from {
            let after = rest.get(start + 3..).unwrap_or_default();
            let plain = after.iter().take(12).all(|byte| is_blank(*byte) || (32..127).contains(byte));
            if plain && after.first().is_none_or(|byte| is_blank(*byte)) {
                self.at += start + 3;
                return;
            }
            from = after
                .windows(3)
                .position(|window| matches!(window, [before, b'E', b'I'] if is_blank(*before)))
                .map(|next| start + 3 + next);
        }
        self.at = self.bytes.len();
    }
}

fn unescape(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return Cow::Borrowed(name);
    }
    let mut unescaped = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        if *first == b'#'
            && let (Some(high), Some(low)) = (digit(tail.first()), digit(tail.get(1)))
        {
            unescaped.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = tail.get(2..).unwrap_or_default();
        } else {
            unescaped.push(*first);
            rest = tail;
        }
    }
    Cow::Owned(unescaped)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_operator(byte: u8) -> bool {
    is_regular(byte) && !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &[(&str, usize)]) {
        let mut operators = Operators::new(content.as_bytes());
        let mut found = Vec::new();
        while let Some(operator) = operators.next() {
            found.push((String::from_utf8_lossy(operator).into_owned(), operators.operands.len()));
        }
        let expected: Vec<_> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(found, expected, "{content}");
    }

    #[test]
    fn operators_come_with_their_operands() {
        check(
            "q 1 0 0 -1.5 .5 +2 cm /F1 12 Tf % note\n(a\\)b(c)) Tj T* Q",
            &[("q", 0), ("cm", 6), ("Tf", 2), ("Tj", 1), ("T*", 0), ("Q", 0)],
        );
        check(
            "[(a)-120(b)<4142>]TJ/Span<</ActualText(x)/N[1 2]>>BDC EMC",
            &[("TJ", 1), ("BDC", 2), ("EMC", 0)],
        );
        check("BI /W 1 /H 1 ID \u{1} EI\u{2} x EI Q", &[("BI", 0), ("Q", 0)]);
        check("(never closed Tj ET", &[]);
        check(") ] > } [[[[ 1 re", &[]);
    }

    #[test]
    fn values_are_read() {
        let mut operators = Operators::new(b"-1.25 --3 4-5 .5 /A#20B <414> (\\101\\n\\\r\nx) x");
        assert_eq!(operators.next(), Some(b"x".as_slice()));
        assert_eq!(
            operators.operands,
            [
                Operand::Number(-1.25),
                Operand::Number(-3.0),
                Operand::Number(45.0),
                Operand::Number(0.5),
                Operand::Name(Cow::Borrowed(b"A B")),
                Operand::String(b"A@".to_vec()),
                Operand::String(b"A\nx".to_vec()),
            ]
        );
    }

    #[test]
    fn deep_nesting_and_long_operands_stay_small() {
        let deep = vec![b'['; 100_000];
        let mut operators = Operators::new(&deep);
        assert_eq!(operators.next(), None);
        let long = "0 ".repeat(OPERANDS * 2) + "x";
        let mut operators = Operators::new(long.as_bytes());
        assert_eq!(operators.next(), Some(b"x".as_slice()));
        assert_eq!(operators.operands.len(), OPERANDS);
    }
}
