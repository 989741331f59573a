//! Takes tags with thousands of attributes for text: the parser compares each attribute of a tag with all others.

use std::borrow::Cow;

/// The most attributes of a tag. People write a dozen.
const MOST: usize = 1_000;

/// `html` with the tags that have more attributes than any page needs turned into text.
pub(super) fn bounded(html: &str) -> Cow<'_, str> {
    let (mut kept, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(start) = next_tag(html, at) {
        let (attributes, end) = attributes(html.as_bytes(), start + 1);
        if attributes > MOST {
            kept.push_str(html.get(copied..start).unwrap_or_default());
            kept.push_str("&lt;");
            copied = start + 1;
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    kept.push_str(html.get(copied..).unwrap_or_default());
    Cow::Owned(kept)
}

/// Where the next start tag begins.
fn next_tag(html: &str, mut from: usize) -> Option<usize> {
    loop {
        let start = from + html.get(from..)?.find('<')?;
        if html.as_bytes().get(start + 1).is_some_and(u8::is_ascii_alphabetic) {
            return Some(start);
        }
        from = start + 1;
    }
}

/// How many attributes a tag has, and where it ends.
fn attributes(html: &[u8], start: usize) -> (usize, usize) {
    let (mut count, mut at, mut between) = (0, start, false);
    while let Some(byte) = html.get(at) {
        match byte {
            b'>' => return (count, at + 1),
            b' ' | b'\t' | b'\n' | b'\r' | 0x0C | b'/' => between = true,
            b'=' if count > 0 => {
                at = value(html, at + 1);
                between = true;
                continue;
            }
            _ => {
                count += usize::from(between);
                between = false;
            }
        }
        at += 1;
    }
    (count, html.len())
}

/// The end of the value that begins after an equals sign.
fn value(html: &[u8], start: usize) -> usize {
    let rest = html.get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = rest.get(blank..).unwrap_or_default();
    let length = match rest.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let inner = rest.iter().skip(1).position(|byte| byte == quote);
            inner.map_or(rest.len(), |inner| inner + 2)
        }
        _ => rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'>').count(),
    };
    start + blank + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: usize) {
        assert_eq!(attributes(html.as_bytes(), 1).0, expected, "{html:.80}");
    }

    #[test]
    fn attributes_are_counted_as_the_parser_separates_them() {
        check("<p>", 0);
        check("<p a b=c d = 'e f' g=\"h>i\"/j>text and more", 5);
        check("<img src=\"data:image/png;base64,ab/cd/ef==\" alt=x/y/z>", 2);
        check("<p a/b/c/>", 3);
    }

    #[test]
    fn a_tag_with_thousands_of_attributes_becomes_text() {
        let many = (0..=MOST).fold(String::new(), |many, index| many + &format!(" a{index}=1"));
        assert_eq!(bounded(&format!("<b>x</b><p{many}>y")), format!("<b>x</b>&lt;p{many}>y"));
        assert!(matches!(bounded("<p a=1>x<p b=2>"), Cow::Borrowed(_)));
    }
}
