//! Text that holds nothing but what a reader sees, and nothing that ends what it stands in.

/// The beginnings of what delimits: passages, and the turns of models that take their control tokens from the text.
const DELIMITERS: [(&str, &str); 2] = [("<<", "< <"), ("<|", "< |")];

/// `text` with delimiters broken up, invisible characters removed and control characters shown.
///
/// Words stay as they are; a text without any of these stays as it is.
pub(super) fn clean_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => clean.push(c),
            c if is_invisible(c) => {}
            c if c.is_control() || is_direction(c) => {
                clean.extend(format!("[U+{:04X}]", u32::from(c)).chars());
            }
            c => clean.push(c),
        }
    }
    while DELIMITERS.iter().any(|(delimiter, _)| clean.contains(delimiter)) {
        for (delimiter, broken) in DELIMITERS {
            clean = clean.replace(delimiter, broken);
        }
    }
    clean
}

/// `text` as [`clean_text`] has it, on one line and without a quotation mark that could end it.
pub(super) fn clean_line(text: &str) -> String {
    clean_text(text).replace(['\n', '\t'], " ").replace('"', "'")
}

/// Characters without a shape: marks of direction, zero widths, tags that spell text nobody sees.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0x000D | 0x061C | 0x200B | 0x200E | 0x200F | 0x2060..=0x2064 | 0xFEFF | 0xE0000..=0xE0FFF
    )
}

/// Characters that turn the direction of what follows, and separators that look like a line's end.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
