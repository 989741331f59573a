//! Cost of searching a file for its objects, which the library does when their table is lost or wrong.
//!
//! The library looks ahead over a whole object at each position where one may begin, and continues from that
//! position. In a file of strings or comments that are opened and never closed, each look-ahead goes to the end, so
//! the cost is measured first, by the same steps, up to a limit.

use nexus_core::Result;

use crate::documents::error;

/// Maximum number of passes over a file. Ordinary files take one or two passes, compressed data a few more.
const TIMES: usize = 64;

/// Work allowed for a file of any size.
const LEAST: usize = 16 << 20;

/// Maximum nesting depth of objects. The library stops there too.
const NESTING: usize = 512;

/// Refuses a file whose search exceeds the limit.
pub(super) fn check_scan(bytes: &[u8]) -> Result<()> {
    let limit = bytes.len().saturating_mul(TIMES).saturating_add(LEAST);
    let mut cost = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let next = skip(bytes, at, |byte| !is_blank(byte)).max(at + 1);
        if byte.is_ascii_digit() {
            let (found, end) = header(bytes, at);
            cost = cost.saturating_add(end - at);
            at = if found { end } else { next };
            if found {
                cost = cost.saturating_add(object(bytes, end).1 - end);
            }
        } else if bytes.get(at..).is_some_and(|rest| rest.starts_with(b"<<")) {
            let (whole, end) = object(bytes, at);
            cost = cost.saturating_add(end - at);
            at = if whole { end.max(at + 1) } else { next };
        } else {
            at = next;
        }
        if cost > limit {
            return Err(error::malformed("the search for its objects exceeds the limit"));
        }
    }
    Ok(())
}

/// Returns whether an object's number begins here, and where the look-ahead ended.
fn header(bytes: &[u8], at: usize) -> (bool, usize) {
    let digits = |at| skip(bytes, at, |byte| byte.is_ascii_digit());
    let number = digits(at);
    let generation = blank(bytes, number);
    let end = blank(bytes, digits(generation));
    let found = bytes.get(end..).is_some_and(|rest| rest.starts_with(b"obj"));
    (found, if found { end + b"obj".len() } else { end })
}

/// Returns whether a whole object begins here, and where the look-ahead ended.
fn object(bytes: &[u8], from: usize) -> (bool, usize) {
    let mut depth = 0_usize;
    let mut at = blank(bytes, from);
    loop {
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { return (false, bytes.len()) };
        match rest {
            [b'<', b'<', ..] | [b'[', ..] => {
                depth += 1;
                at += if rest.starts_with(b"[") { 1 } else { 2 };
            }
            [b'>', b'>', ..] | [b']', ..] => {
                depth = depth.saturating_sub(1);
                at += if rest.starts_with(b"]") { 1 } else { 2 };
            }
            [b'(', ..] => {
                let Some(end) = string(rest) else { return (false, bytes.len()) };
                at += end;
            }
            [b'<', ..] => {
                at = skip(bytes, at + 1, |byte| byte.is_ascii_hexdigit() || is_blank(byte));
                if bytes.get(at) != Some(&b'>') {
                    return (false, at);
                }
                at += 1;
            }
            [b'/', ..] => at = skip(bytes, at + 1, is_regular),
            [first, ..] if is_regular(*first) => at = skip(bytes, at, is_regular),
            _ => return (false, at),
        }
        if depth == 0 || depth >= NESTING {
            return (depth == 0, at);
        }
        at = blank(bytes, at);
    }
}

/// Returns the length of the string that begins here.
fn string(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the end of blanks and comments.
fn blank(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = skip(bytes, at, is_blank);
        if bytes.get(at) != Some(&b'%') {
            return at;
        }
        at = skip(bytes, at, |byte| !matches!(byte, b'\n' | b'\r'));
    }
}

fn skip(bytes: &[u8], at: usize, over: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| !over(*byte)).map_or(bytes.len().max(at), |end| at + end)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_closed_is_refused_and_what_is_closed_is_not() {
        let check = |unit: &str| check_scan(unit.repeat(20_000).as_bytes()).is_ok();
        assert!(!check("1 0 obj (\n") && !check("<< /A (\n") && !check("1 0 obj % ") && !check("1 % "));
        assert!(
            check("1 0 obj (a)\nendobj\n") && check("<< /A (\\() /B [1 <00>] >>\n") && check("1 0 obj %\n")
        );
    }

    #[test]
    fn objects_end_where_they_close() {
        let ends = |object_at: &str| object(object_at.as_bytes(), 0);
        assert_eq!(ends("<</A(()) /B[<00>/C]>> x"), (true, 21));
        assert_eq!(ends(" /Name x"), (true, 6));
        assert_eq!(ends("<</A ) >>"), (false, 5));
        assert_eq!(ends(&"[".repeat(1_000)), (false, 512));
    }
}
