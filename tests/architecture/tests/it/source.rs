//! Sources as text: their code without prose, literals and tests.

/// Returns `source` with comments and literals blanked; lines stay lines.
pub(crate) fn code(source: &str) -> String {
    let (mut out, mut rest, mut previous) = (String::with_capacity(source.len()), source, ' ');
    while let Some(first) = rest.chars().next() {
        let length = length_of_prose(rest, previous);
        let (piece, after) = rest.split_at(length.max(first.len_utf8()));
        if length > 0 {
            out.push_str(&blank(piece));
        } else {
            out.push(first);
        }
        (rest, previous) = (after, first);
    }
    out
}

/// Returns `code` with every item under `#[cfg(test)]` blanked; lines stay lines.
pub(crate) fn without_tests(code: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(code.len()), code);
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, item) = rest.split_at(start);
        let (test, after) = item.split_at(end_of_item(item));
        out.push_str(before);
        out.push_str(&blank(test));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn blank(piece: &str) -> String {
    piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// Returns the length of an item with its attributes: to its semicolon or its closing brace.
fn end_of_item(item: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in item.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Returns the length of the comment or literal at the start of `rest`, after the character `previous`; 0 for code.
fn length_of_prose(rest: &str, previous: char) -> usize {
    let to_end = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return to_end(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return to_end(rest.find("*/").map(|end| end + 2));
    }
    if rest.starts_with('"') {
        return to_end(end_of_text(rest));
    }
    if rest.starts_with('\'') {
        return length_of_character(rest);
    }
    if previous.is_alphanumeric() || previous == '_' {
        return 0;
    }
    let Some(raw) = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r')) else { return 0 };
    let body = raw.trim_start_matches('#');
    let Some(text) = body.strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(raw.len() - body.len()));
    to_end(text.find(&end).map(|at| rest.len() - text.len() + at + end.len()))
}

/// Returns the end of the quoted text at the start of `rest`.
fn end_of_text(rest: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns the length of the character literal at the start of `rest`; 0 for a lifetime.
fn length_of_character(rest: &str) -> usize {
    let mut inner = rest.chars().skip(1);
    match (inner.next(), inner.next()) {
        // The first character after the backslash may be a quotation mark itself.
        (Some('\\'), Some(_)) => rest.get(3..).and_then(|after| after.find('\'')).map_or(0, |at| 3 + at + 1),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 0,
    }
}

#[test]
fn prose_is_blanked_and_code_stays() {
    for (source, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b\n */ c", "a     \n    c"),
        (r#"f("a \" b", c)"#, "f(        , c)"),
        ("r#\"a\"b\"# c", "         c"),
        ("'\\'' '\"' 'a", "         'a"),
        ("for\"a\"", "for   "),
    ] {
        assert_eq!(code(source), expected);
    }
}

#[test]
fn test_items_are_blanked() {
    let source = "a;\n#[cfg(test)]\nmod tests {\n fn f() { g(); }\n}\n#[cfg(test)]\nmod more;\nb;\n";
    assert_eq!(without_tests(source).split_whitespace().collect::<Vec<_>>(), ["a;", "b;"]);
    assert_eq!(without_tests(source).lines().count(), source.lines().count());
}
