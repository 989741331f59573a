//! Parser of a file of variables: `NAME=value`, `export NAME=value`, quotes, comments. Nothing is substituted.
//!
//! Values are literal: `${OTHER}` stays `${OTHER}`, so that no file can send one variable as a part of another.

/// Line that is neither empty nor a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Variable with its value.
    Variable {
        /// Name.
        name: String,
        /// Value, without quotes.
        value: String,
    },
    /// Malformed line, by its number from 1.
    Unknown(usize),
}

/// Parses the lines of `bytes` that are neither empty nor comments.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let all: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let mut lines = Vec::new();
    let mut rest = all.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let number = all.len() - rest.len() + 1;
        rest = after;
        let text = std::str::from_utf8(first).map(|text| text.trim_start().trim_end_matches('\r'));
        if text.is_ok_and(|text| text.is_empty() || text.starts_with('#')) {
            continue;
        }
        let variable = text.ok().and_then(assignment).and_then(|(name, value)| {
            let (value, used) = read(value, after)?;
            rest = after.get(used..).unwrap_or_default();
            Some(Line::Variable { name: name.to_owned(), value })
        });
        lines.push(variable.unwrap_or(Line::Unknown(number)));
    }
    lines
}

/// Splits an assignment at the equals sign.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let (name, value) = exported.unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = begins && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    is_name.then_some((name, value.trim_start()))
}

/// Parses the value that begins with `text`, and counts its lines among those `below`: a quoted value may span
/// several.
fn read(text: &str, below: &[&[u8]]) -> Option<(String, usize)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let comment = text.find(" #").or_else(|| text.find("\t#")).or(text.starts_with('#').then_some(0));
        let value = comment.map_or(text, |at| text.get(..at).unwrap_or_default()).trim_end();
        return (!value.contains('\0')).then(|| (value.to_owned(), 0));
    };
    let mut value = String::new();
    let mut line = text.strip_prefix(quote)?;
    for used in 0..=below.len() {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\0' => return None,
                c if c == quote => {
                    let after = chars.as_str().trim_start();
                    return (after.is_empty() || after.starts_with('#')).then_some((value, used));
                }
                '\\' if quote == '"' => match chars.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => value.push('\\'),
                },
                c => value.push(c),
            }
        }
        value.push('\n');
        line = std::str::from_utf8(below.get(used)?).ok()?.trim_end_matches('\r');
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variable(name: &str, value: &str) -> Line {
        Line::Variable { name: name.to_owned(), value: value.to_owned() }
    }

    #[track_caller]
    fn check(text: &str, expected: &[Line]) {
        assert_eq!(lines(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn the_usual_forms_are_read() {
        check(
            "A=1\n\n# no\n  export B = two words  # why\nC='a # b'\r\nD=\"x\\ny\\\"\" # z\nE=\n",
            &[
                variable("A", "1"),
                variable("B", "two words"),
                variable("C", "a # b"),
                variable("D", "x\ny\""),
                variable("E", ""),
            ],
        );
        check("\u{feff}A=a#b", &[variable("A", "a#b")]);
        check("exported=1", &[variable("exported", "1")]);
    }

    #[test]
    fn nothing_is_substituted() {
        check(
            "A=${HOME}/$HOME\nB=\"${A}\"\nC='$A'\nD=`id`$(id)",
            &[
                variable("A", "${HOME}/$HOME"),
                variable("B", "${A}"),
                variable("C", "$A"),
                variable("D", "`id`$(id)"),
            ],
        );
    }

    #[test]
    fn a_quoted_value_may_have_several_lines_and_hides_what_looks_like_a_variable() {
        check(
            "PEM=\"-----\nOPENAI_API_KEY=x\n-----\"\nA=1",
            &[variable("PEM", "-----\nOPENAI_API_KEY=x\n-----"), variable("A", "1")],
        );
    }

    #[test]
    fn a_line_of_another_form_costs_itself_only() {
        check(
            "hello world\nA='open\nB=1\n1C=2\nD='a' b\nE=1",
            &[
                Line::Unknown(1),
                Line::Unknown(2),
                variable("B", "1"),
                Line::Unknown(4),
                Line::Unknown(5),
                variable("E", "1"),
            ],
        );
        assert_eq!(lines(b"A=\xff\nB=1\nC=a\0b"), [Line::Unknown(1), variable("B", "1"), Line::Unknown(3)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_one_pass_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let read = lines(&bytes);
            prop_assert!(read.len() <= bytes.split(|byte| *byte == b'\n').count());
        }

        #[test]
        fn a_quoted_value_reads_back(value in "[a-zA-Z0-9 #=$'{}\\n]{0,40}") {
            let text = format!("A=\"{value}\"");
            prop_assert_eq!(lines(text.as_bytes()), [variable("A", &value)]);
        }
    }
}
