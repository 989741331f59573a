//! Encodings in mail: what a message declares is often wrong or missing, so the bytes decide.

use std::borrow::Cow;
use std::io::Cursor;

use encoding_rs::Encoding;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::{Encoding as Transfer, Message, MessagePart, MimeHeaders};
use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::charset::{Charset, check_replaced};
use super::super::lines::whole;
use super::damage;

/// Returns the bytes of a part of text before their conversion, and the encoding that the part declares. Returns
/// nothing where the encoding is one that only the mail parser knows.
pub(super) fn bytes(
    part: &MessagePart<'_>,
    message: &Message<'_>,
) -> Option<(Vec<u8>, Option<&'static Encoding>)> {
    if !part.is_text() {
        return None;
    }
    if let Some(bytes) = damage::salvaged(part, message) {
        return Some((bytes, None));
    }
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let declared = label.map(|label| Encoding::for_label(label.trim().as_bytes()));
    if declared == Some(None) && !label.is_some_and(|label| label.to_ascii_lowercase().contains("unknown")) {
        return None;
    }
    let place = usize::try_from(part.offset_body).ok()?..usize::try_from(part.offset_end).ok()?;
    let raw = message.raw_message().get(place)?;
    let bytes = match part.encoding {
        Transfer::None => raw.to_vec(),
        Transfer::QuotedPrintable => quoted_printable(raw),
        Transfer::Base64 => base64_decode(raw)?,
    };
    Some((bytes, declared.flatten()))
}

/// Returns the text of a part; `parsed` is the text as the mail parser read it.
pub(super) fn text(
    part: &MessagePart<'_>,
    message: &Message<'_>,
    parsed: &str,
    out: &mut Output<'_>,
) -> Result<String> {
    let Some((bytes, declared)) = bytes(part, message) else { return Ok(parsed.to_owned()) };
    let mut source = Cursor::new(bytes);
    let charset = Charset::detect(&mut source, declared)?;
    let text = whole(&mut source, charset, out)?;
    check_replaced(&text)?;
    Ok(text)
}

/// Decodes quoted-printable. An escape that is none stays as it stands.
fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(raw.len()), raw);
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'=' {
            bytes.push(*first);
            rest = tail;
        } else if let Some(after) = soft_break(tail) {
            rest = after;
        } else {
            let escaped = hex(tail);
            bytes.push(escaped.unwrap_or(b'='));
            rest = tail.get(2..).filter(|_| escaped.is_some()).unwrap_or(tail);
        }
    }
    bytes
}

/// Returns the bytes after a line end that is none of the text, with the blanks that a program left before it.
fn soft_break(tail: &[u8]) -> Option<&[u8]> {
    let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let tail = tail.get(blanks..)?;
    tail.strip_prefix(b"\r\n")
        .or_else(|| tail.strip_prefix(b"\n"))
        .or_else(|| tail.is_empty().then_some(tail))
}

fn hex(bytes: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(bytes.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

/// Returns the message with a header in UTF-8. Bytes and encoded words of the header in another encoding than they
/// declare are converted.
pub(super) fn readable_header(message: &[u8]) -> Result<Cow<'_, [u8]>> {
    let end = message.windows(2).position(|pair| pair == b"\n\n");
    let other = message.windows(4).position(|quad| quad == b"\r\n\r\n");
    let end = end.into_iter().chain(other).min().unwrap_or(message.len());
    let (header, body) = message.split_at_checked(end).unwrap_or((message, b""));
    let text = decode(header, None)?;
    let text = encoded_words(&text)?;
    if text.as_bytes() == header {
        return Ok(Cow::Borrowed(message));
    }
    Ok(Cow::Owned([text.as_bytes(), body].concat()))
}

/// Decodes bytes in the declared encoding, or in another one if that is wrong.
fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> Result<String> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && declared.is_none()
    {
        return Ok(text.to_owned());
    }
    match Charset::detect(&mut Cursor::new(bytes), declared)? {
        Charset::Web(encoding) => Ok(encoding.decode_without_bom_handling(bytes).0.into_owned()),
        Charset::Dos(page) => Ok(page.decode(bytes)),
        Charset::Utf32 { .. } => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// Replaces encoded words that their declared encoding cannot decode: `=?utf-8?Q?F=E6rge?=`.
fn encoded_words(header: &str) -> Result<String> {
    /// Maximum length of an encoded word that is looked at; programs write at most 75 characters.
    const LONGEST_WORD: usize = 2_000;
    let (mut text, mut rest) = (String::new(), header);
    while let Some((before, after)) = rest.split_once("=?") {
        text.push_str(before);
        let near = after.get(..after.floor_char_boundary(LONGEST_WORD)).unwrap_or_default();
        let mut parts = near.splitn(3, '?');
        let word = parts.next().zip(parts.next()).zip(parts.next());
        let word = word.and_then(|((charset, kind), tail)| Some((charset, kind, tail.split_once("?=")?.0)));
        let Some((charset, kind, content)) = word else {
            text.push_str("=?");
            rest = after;
            continue;
        };
        match wrong_word(charset, kind, content)? {
            Some(word) => text.push_str(&word),
            None => text.extend(["=?", charset, "?", kind, "?", content, "?="]),
        }
        // Both question marks between the parts, and the end of the word.
        let length = charset.len() + kind.len() + content.len() + 4;
        rest = after.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(text)
}

/// Returns an encoded word in UTF-8 for one that declares a wrong encoding.
fn wrong_word(charset: &str, kind: &str, content: &str) -> Result<Option<String>> {
    let bytes = match kind {
        "q" | "Q" => Some(quoted_printable(content.replace('_', " ").as_bytes())),
        "b" | "B" => base64_decode(content.as_bytes()),
        _ => None,
    };
    let (Some(bytes), Some(declared)) = (bytes, Encoding::for_label(charset.as_bytes())) else {
        return Ok(None);
    };
    if !declared.decode_without_bom_handling(&bytes).1 {
        return Ok(None);
    }
    let decoded = decode(&bytes, Some(declared))?;
    let mut word = "=?utf-8?Q?".to_owned();
    for byte in decoded.bytes() {
        word.extend(["=", &format!("{byte:02X}")]);
    }
    Ok(Some(word + "?="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_escapes_stay_as_they_stand() {
        assert_eq!(quoted_printable(b"a=3Db =\r\nc=ZZ d= \n=e5=4"), b"a=b c=ZZ d\xE5=4");
    }

    #[test]
    fn headers_in_another_encoding_become_utf_8() {
        let fix = |header: &[u8]| String::from_utf8(readable_header(header).unwrap().into_owned()).unwrap();
        let latin = encoding_rs::WINDOWS_1252.encode("Subject: Gebühren für Öffnungen\n\nbody").0;
        assert_eq!(fix(&latin), "Subject: Gebühren für Öffnungen\n\nbody");
        assert_eq!(fix(b"Subject: =?utf-8?Q?T=FCr?=\n\n"), "Subject: =?utf-8?Q?=54=C3=BC=72?=\n\n");
        let fine = "Subject: =?utf-8?Q?T=C3=BCr?= =? x\r\n\r\nbody";
        assert_eq!(fix(fine.as_bytes()), fine);
    }
}
