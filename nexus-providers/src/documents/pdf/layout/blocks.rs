//! Paragraphs, headings, list items and tables from lines.

use unicode_normalization::UnicodeNormalization as _;

use super::hyphens::Vocabulary;
use super::lines::Row;
use super::{Piece, tables};

/// Bullets of list items, which the kind of the block makes superfluous.
const BULLETS: [char; 12] = ['•', '◦', '▪', '‣', '·', '●', '○', '■', '□', '▶', '➢', '\u{F0B7}'];

/// Maximum length of a heading.
const HEADING: usize = 200;

/// Appends the pieces of a region.
pub(super) fn pieces(rows: &[Row], body: f64, words: &Vocabulary, pieces: &mut Vec<Piece>) {
    let leading = leading(rows);
    let right = rows.iter().map(|row| row.right).fold(f64::MIN, f64::max);
    let left = rows.iter().map(|row| row.left).fold(f64::MAX, f64::min);
    let mut block: Vec<&Row> = Vec::new();
    let mut rest = rows;
    while let Some((row, tail)) = rest.split_first() {
        if let Some(table) = tables::at(rest, words) {
            finish(&mut block, body, words, pieces);
            pieces.push(Piece::Table(table.cells));
            rest = rest.get(table.rows..).unwrap_or_default();
            continue;
        }
        if let Some(above) = block.last()
            && begins(above, row, leading, (left, right))
        {
            finish(&mut block, body, words, pieces);
        }
        block.push(row);
        rest = tail;
    }
    finish(&mut block, body, words, pieces);
}

/// Returns the most frequent distance between lines, if there are enough lines.
fn leading(rows: &[Row]) -> Option<f64> {
    let near = |(above, below): (&Row, &Row)| {
        let distance = above.up - below.up;
        (distance < 2.5 * above.size && (above.size / below.size - 1.0).abs() < 0.12).then_some(distance)
    };
    let mut distances: Vec<f64> = rows.iter().zip(rows.iter().skip(1)).filter_map(near).collect();
    distances.sort_by(f64::total_cmp);
    if distances.len() < 3 { None } else { distances.get(distances.len() / 2).copied() }
}

/// Returns whether a line begins a new block below another.
fn begins(above: &Row, row: &Row, leading: Option<f64>, (left, right): (f64, f64)) -> bool {
    let size = row.size.max(above.size);
    let distance = above.up - row.up;
    let usual = leading.map_or(1.5 * size, |leading| 1.25 * leading + 0.1 * size);
    if distance > usual.min(2.5 * size)
        || (above.size / row.size - 1.0).abs() > 0.12
        || above.is_bold() != row.is_bold()
    {
        return true;
    }
    let text = row.text.as_str();
    if item(text).is_some() || is_numbered(text) {
        return true;
    }
    let ended = above.text.trim_end().ends_with(['.', ':', '?', '!', '。', '»', '”', '"']);
    let short = |by: f64| above.right < right - by * (right - left);
    let indented = row.left - above.left > 0.8 * size && row.left - left < 4.0 * size;
    ended && (short(0.2) || indented) || short(0.45) && text.starts_with(char::is_uppercase)
}

fn finish(block: &mut Vec<&Row>, body: f64, words: &Vocabulary, pieces: &mut Vec<Piece>) {
    let lines = std::mem::take(block);
    let Some(first) = lines.first() else { return };
    let mut text = String::new();
    for line in &lines {
        words.join(&mut text, &line.text);
    }
    let text = tidy(&text);
    if text.is_empty() {
        return;
    }
    pieces.push(if let Some(item) = item(&text) {
        Piece::Item(item.to_owned())
    } else if let Some(level) = level(first, lines.len(), &text, body) {
        Piece::Heading(level, text)
    } else {
        Piece::Paragraph(text)
    });
}

/// Returns the level of a heading, if the text is larger than the rest, or bold on a line of its own.
fn level(first: &Row, lines: usize, text: &str, body: f64) -> Option<u8> {
    if text.len() > HEADING || lines > 3 || !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let ratio = first.size / body;
    if ratio >= 1.15 {
        return Some(if ratio >= 1.8 {
            1
        } else if ratio >= 1.35 {
            2
        } else {
            3
        });
    }
    let said = !text.ends_with(['.', ',', ';', ':', '!', '?']);
    (lines == 1 && first.is_bold() && said && ratio > 0.95 && text.len() <= 100).then_some(4)
}

/// Returns the text behind the mark of a list item.
fn item(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let rest = text
        .strip_prefix(BULLETS)
        .or_else(|| text.strip_prefix(['-', '–', '*', 'o']).filter(|rest| rest.starts_with(' ')))?;
    let rest = rest.trim_start();
    (!rest.is_empty()).then_some(rest)
}

/// Returns whether the text is only a bullet.
pub(super) fn is_bullet(text: &str) -> bool {
    text.strip_prefix(BULLETS).or_else(|| text.strip_prefix(['-', '–', '*'])).is_some_and(str::is_empty)
}

/// Returns whether the text begins with `1.`, `(a)`, `iv)` or the like.
fn is_numbered(text: &str) -> bool {
    let text = text.trim_start_matches('(');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (mark, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (1..=3).contains(&mark.len())
        && (mark.len() == 1 || mark.bytes().all(|byte| byte.is_ascii_digit()))
        && (rest.starts_with(") ") || rest.starts_with(". "))
}

/// Reverses typographic changes to letters: ligatures, unused soft hyphens, and forms of Arabic letters that depend
/// on their neighbours.
pub(super) fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﬀ' => tidy.push_str("ff"),
            'ﬁ' => tidy.push_str("fi"),
            'ﬂ' => tidy.push_str("fl"),
            'ﬃ' => tidy.push_str("ffi"),
            'ﬄ' => tidy.push_str("ffl"),
            'ﬅ' | 'ﬆ' => tidy.push_str("st"),
            '\u{A0}' => tidy.push(' '),
            '\u{AD}' => {}
            '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => tidy.extend([c].into_iter().nfkc()),
            _ => tidy.push(c),
        }
    }
    tidy.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_items_are_known() {
        assert_eq!(item("• one"), Some("one"));
        assert_eq!(item("- one"), Some("one"));
        assert_eq!(item("-5 degrees"), None);
        assert!(is_numbered("1. One") && is_numbered("(a) One") && is_numbered("12) One"));
        assert!(!is_numbered("the. end") && !is_numbered("1.5 km"));
    }
}
