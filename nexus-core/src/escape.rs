//! Escapes of foreign text in a line of a log or an error message.
//!
//! Unescaped, a line break in a name would forge a line, an escape sequence would move a terminal's cursor, and a
//! bidirectional override would reverse the displayed text.

use std::borrow::Cow;

/// Returns whether ids and names refuse `c`: a control character, a bidirectional override or isolate, or a line or
/// paragraph separator.
pub fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Returns `text` on one line: line ends, other control characters and bidirectional overrides are escaped, as `\n`
/// and `\u{1b}`. A text without any stays as it is.
///
/// ```
/// use nexus_core::escape::escape_line;
///
/// assert_eq!(escape_line("a\u{1b}[31m\nINFO forged"), r"a\u{1b}[31m\nINFO forged");
/// ```
pub fn escape_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_refused) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => escaped.extend(c.escape_default()),
            c if is_refused(c) => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_seen_is_written_out_and_the_rest_stays() {
        assert_eq!(
            escape_line("a\r\n\tb\u{9b}\u{202e}\u{2028}\u{7}"),
            r"a\r\n\tb\u{9b}\u{202e}\u{2028}\u{7}"
        );
        assert!(matches!(escape_line("Übersicht – 表 🙂 \\n"), Cow::Borrowed("Übersicht – 表 🙂 \\n")));
    }

    proptest! {
        #[test]
        fn nothing_refused_is_left_and_escaping_twice_is_escaping_once(text in "(.|\n|\u{1b}|\u{202e}){0,40}") {
            let once = escape_line(&text).into_owned();
            prop_assert!(!once.chars().any(is_refused));
            prop_assert_eq!(escape_line(&once), once.as_str());
        }
    }
}
