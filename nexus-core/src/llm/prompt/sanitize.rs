//! Sanitising: removes invisible text and everything that could end the enclosing structure.

use serde_json::Value;

use super::control::break_control_tokens;

/// Returns `text` with control tokens and delimiters broken up, invisible characters removed and control characters
/// shown.
///
/// Words stay as they are; a text without any of these stays as it is. The function is idempotent.
pub(super) fn clean_text(text: &str) -> String {
    let broken = break_control_tokens(&visible(text));
    // A joiner beside a space that was just inserted joins nothing.
    if broken.chars().any(is_joiner) { visible(&broken) } else { broken }
}

/// Returns `text` as [`clean_text`] does, on one line and without a quotation mark that could end it.
pub(super) fn clean_line(text: &str) -> String {
    // By lines first: a word that begins a turn does so at the beginning of one.
    clean_text(&clean_text(text).replace(['\n', '\t'], " ").replace('"', "'"))
}

/// Returns JSON with every string sanitised by [`clean_text`], however escaped; invalid JSON is cleaned as text.
pub(super) fn clean_json(json: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return clean_text(json) };
    let cleaned = clean_texts(&value);
    if cleaned == value { json.to_owned() } else { cleaned.to_string() }
}

fn clean_texts(value: &Value) -> Value {
    match value {
        Value::String(text) => clean_text(text).into(),
        Value::Array(items) => items.iter().map(clean_texts).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (clean_text(name), clean_texts(field))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Returns a JSON schema with titles and descriptions sanitised by [`clean_text`]. Names, patterns and values stay:
/// answers are checked against them.
pub(super) fn clean_schema(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(clean_schema).collect(),
        Value::Object(fields) => {
            let clean = |(name, field): (&String, &Value)| {
                let is_text = matches!(name.as_str(), "title" | "description");
                let field = match field.as_str().filter(|_| is_text) {
                    Some(text) => clean_text(text).into(),
                    None => clean_schema(field),
                };
                (name.clone(), field)
            };
            fields.iter().map(clean).collect()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => schema.clone(),
    }
}

/// Returns `text` without invisible characters, and with control characters shown.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if is_joiner(c) {
            let after = chars.as_str().chars().find(|c| !is_ignorable(*c));
            let selects = matches!(c, '\u{FE00}'..='\u{FE0F}');
            let other = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
            if other(before) && (selects || other(after)) {
                visible.push(c);
            }
            continue;
        }
        match c {
            '\n' | '\t' => visible.push(c),
            c if is_ignorable(c) => continue,
            c if c.is_control() || is_direction(c) => {
                visible.extend(format!("[U+{:04X}]", u32::from(c)).chars());
            }
            c => visible.push(c),
        }
        before = Some(c);
    }
    visible
}

/// Returns whether `c` is invisible: direction marks, zero widths, fillers, tags that spell text without showing it.
pub(super) fn is_ignorable(c: char) -> bool {
    is_joiner(c)
        || matches!(
            u32::from(c),
            0x000D
                | 0x00AD
                | 0x034F
                | 0x061C
                | 0x115F..=0x1160
                | 0x17B4..=0x17B5
                | 0x180B..=0x180F
                | 0x200B
                | 0x200E
                | 0x200F
                | 0x2060..=0x2065
                | 0x206A..=0x206F
                | 0x3164
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0x1_BCA0..=0x1_BCA3
                | 0x1_D173..=0x1_D17A
                | 0xE_0000..=0xE_0FFF
        )
}

/// Returns whether `c` is an invisible joiner or variation selector: scripts and emoji need them, ASCII does not.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// Returns whether `c` changes the text direction, or is a separator that looks like the end of a line.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
