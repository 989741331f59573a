//! Format detection by content. Names and declared media types decide only between text formats.

use std::io::{Read, SeekFrom};

use nexus_core::Result;
use nexus_core::document::parser::{FileHints, Source};

use super::charset::{Charset, Utf8Reader};
use super::format::Format;
use super::{archive, error, ole, pdf};

/// Number of bytes inspected.
const HEAD: u64 = 16 * 1024;

/// Number of bytes within which the signature of a PDF counts by itself, and number of last bytes that confirm a later
/// one.
const PDF_WITHIN: usize = 1024;
const PDF_TAIL: u64 = 1024;

/// Detects the format of `source` and rewinds it.
pub(super) fn format(source: &mut dyn Source, hints: &FileHints) -> Result<Format> {
    let mut head = Vec::new();
    source.rewind().map_err(error::unreadable)?;
    Read::take(&mut *source, HEAD).read_to_end(&mut head).map_err(error::unreadable)?;
    let found = if head.is_empty() {
        Err(error::empty("text/plain", None))
    } else {
        by_content(source, &head, hints)
    };
    source.rewind().map_err(error::unreadable)?;
    found
}

fn by_content(source: &mut dyn Source, head: &[u8], hints: &FileHints) -> Result<Format> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return archive::format(source);
    }
    if head.starts_with(&ole::MAGIC) {
        return ole::format(source);
    }
    if has_signature(head.get(..PDF_WITHIN.min(head.len())).unwrap_or_default()) {
        return Ok(Format::Pdf);
    }
    if head.starts_with(b"{\\rtf") {
        return Ok(Format::Rtf);
    }
    if ends_as_pdf(source)? {
        return Ok(Format::Pdf);
    }
    let charset = Charset::of_head(head);
    if charset.is_none() && is_binary(head) {
        return Err(error::unsupported(binary_kind(head)));
    }
    by_text(&decode_head(source, charset)?, hints)
}

fn has_signature(bytes: &[u8]) -> bool {
    bytes.windows(5).any(|bytes| bytes == b"%PDF-")
}

/// Returns whether a file ends as a PDF does and holds the signature of one behind other bytes, such as the header of
/// a transfer.
fn ends_as_pdf(source: &mut dyn Source) -> Result<bool> {
    let size = source.seek(SeekFrom::End(0)).map_err(error::unreadable)?;
    let tail = part(source, size.saturating_sub(PDF_TAIL), PDF_TAIL)?;
    let tail = tail.trim_ascii_end();
    let ends = tail.ends_with(b"%%EOF") && tail.windows(9).any(|bytes| bytes == b"startxref");
    Ok(ends && has_signature(&part(source, 0, pdf::SIGNATURE_WITHIN)?))
}

/// Returns at most `length` bytes from `start` on.
fn part(source: &mut dyn Source, start: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.seek(SeekFrom::Start(start)).map_err(error::unreadable)?;
    Read::take(source, length).read_to_end(&mut bytes).map_err(error::unreadable)?;
    Ok(bytes)
}

/// Returns whether the bytes hold more control characters than text does.
fn is_binary(head: &[u8]) -> bool {
    let control = |byte: &&u8| matches!(byte, 0..=8 | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F);
    let controls = head.iter().filter(control).count();
    controls * 30 > head.len() && (controls > 3 || controls * 4 > head.len())
}

fn binary_kind(head: &[u8]) -> &'static str {
    match head {
        [0x89, b'P', b'N', b'G', ..]
        | [0xFF, 0xD8, 0xFF, ..]
        | [b'G', b'I', b'F', b'8', ..]
        | [b'B', b'M', ..] => "an image",
        [0x1F, 0x8B, ..] | [b'B', b'Z', b'h', ..] | [0xFD, b'7', b'z', ..] | [b'7', b'z', ..] => {
            "a compressed file"
        }
        [0x7F, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => "a program",
        _ => "in a binary format",
    }
}

fn decode_head(source: &mut dyn Source, charset: Option<Charset>) -> Result<String> {
    let charset = charset.unwrap_or(Charset::Web(encoding_rs::UTF_8));
    let mut text = Vec::new();
    Utf8Reader::new(source, charset)?.take(HEAD).read_to_end(&mut text).map_err(error::from_io)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn by_text(head: &str, hints: &FileHints) -> Result<Format> {
    let text = head.trim_start();
    if text.is_empty() && (head.len() as u64) < HEAD / 2 {
        return Err(error::empty("text/plain", None));
    }
    let hint = Format::of_name(&hints.name)
        .or_else(|| hints.content_type.as_deref().and_then(Format::of_media_type));
    Ok(markup(text, hint)
        .or_else(|| json(text, hint))
        .or_else(|| mail(text))
        .unwrap_or_else(|| plain(text, hint)))
}

/// Detects HTML and XML by their first tag.
fn markup(text: &str, hint: Option<Format>) -> Option<Format> {
    if !text.starts_with('<') || matches!(hint, Some(Format::Markdown | Format::Code)) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let has = |needle: &str| lower.contains(needle);
    if has("<!doctype html") || has("<html") {
        return Some(Format::Html);
    }
    if has("<rss") || has("<feed") || has("<rdf:rdf") {
        return Some(Format::Feed);
    }
    if lower.starts_with("<?xml") || hint == Some(Format::Xml) {
        return Some(Format::Xml);
    }
    let tags = [
        "<head", "<body", "<div", "<p>", "<p ", "<h1", "<table", "<title", "<ul", "<article", "<section",
        "<!--",
    ];
    (hint == Some(Format::Html) || tags.iter().any(|tag| lower.starts_with(tag))).then_some(Format::Html)
}

/// Detects JSON, notebooks and JSON Lines. In JSON Lines, the first line is a complete value and another one follows.
fn json(text: &str, hint: Option<Format>) -> Option<Format> {
    if !text.starts_with(['{', '[']) || hint == Some(Format::Code) {
        return None;
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let complete =
        lines.next().is_some_and(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok());
    let second = lines.next().is_some_and(|line| line.starts_with(['{', '[']));
    if complete && second || hint == Some(Format::JsonLines) {
        return Some(Format::JsonLines);
    }
    if text.contains("\"nbformat\"") || text.contains("\"cells\"") && text.contains("\"cell_type\"") {
        return Some(Format::Notebook);
    }
    let opens = text.strip_prefix(['{', '[']).unwrap_or_default().trim_start();
    let value =
        |c: char| matches!(c, '"' | '{' | '[' | '}' | ']' | '-' | 't' | 'f' | 'n') || c.is_ascii_digit();
    let looks = if text.starts_with('{') { opens.starts_with(['"', '}']) } else { opens.starts_with(value) };
    let text_hint = matches!(hint, Some(Format::Markdown | Format::Text | Format::Csv));
    (hint == Some(Format::Json) || looks && !text_hint).then_some(Format::Json)
}

/// Detects mail by its header: only fields up to the first blank line, some of them specific to mail.
fn mail(text: &str) -> Option<Format> {
    let text = match text.strip_prefix("From ") {
        Some(rest) => rest.split_once('\n')?.1,
        None => text,
    };
    let (mut known, mut fields) = (0, 0);
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        if line.starts_with([' ', '\t']) && fields > 0 {
            continue;
        }
        let (name, _) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        fields += 1;
        known += u32::from(MAIL_FIELDS.contains(&name.to_ascii_lowercase().as_str()));
    }
    (known >= 2).then_some(Format::Mail)
}

const MAIL_FIELDS: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "received",
    "return-path",
    "delivered-to",
    "content-type",
];

/// Returns the kind of other text, which the hints decide.
fn plain(text: &str, hint: Option<Format>) -> Format {
    match hint {
        Some(hint @ (Format::Markdown | Format::Code | Format::Csv | Format::Text)) => hint,
        Some(Format::JsonLines) => Format::JsonLines,
        _ if text.starts_with("#!") => Format::Code,
        _ if looks_like_markdown(text) => Format::Markdown,
        _ => Format::Text,
    }
}

/// Returns whether the text has more than one heading or fence.
fn looks_like_markdown(text: &str) -> bool {
    let heading = |line: &str| line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
    text.lines().filter(|line| heading(line) || line.starts_with("```")).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], name: &str, expected: Format) {
        let hints = FileHints { name: name.into(), content_type: None };
        assert_eq!(format(&mut Cursor::new(bytes.to_vec()), &hints).unwrap(), expected);
    }

    #[test]
    fn content_outweighs_the_name() {
        check(b"%PDF-1.4\n", "notes.txt", Format::Pdf);
        check(b"{\\rtf1 x}", "letter.doc", Format::Rtf);
        check(b"<!DOCTYPE html><p>x", "page.txt", Format::Html);
        let late = |end: &str| ["header: x\n".repeat(500).as_str(), "%PDF-1.4\nstartxref\n9\n", end].concat();
        check(late("%%EOF\n").as_bytes(), "a.pdf", Format::Pdf);
        check(late("%%EOF, the file ends.").as_bytes(), "a.pdf", Format::Text);
        check(b"plain words", "report.pdf", Format::Text);
        check(b"From: a@b.c\nSubject: hi\n\nbody", "x.txt", Format::Mail);
        check(b"{\"a\":1}\n{\"a\":2}\n", "x.json", Format::JsonLines);
    }

    #[test]
    fn the_name_decides_between_text_formats() {
        check(b"a,b\n1,2\n", "x.csv", Format::Csv);
        check(b"a,b\n1,2\n", "x", Format::Text);
        check(b"fn main() {}", "x.rs", Format::Code);
        check(b"<div>in markdown</div>", "x.md", Format::Markdown);
        check(b"note: this\nis: not mail\n\nx", "x", Format::Text);
        check(b"# One\n\n# Two\n", "", Format::Markdown);
    }
}
