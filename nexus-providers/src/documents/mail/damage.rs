//! Mail that is cut off, and parts that are encrypted or signed.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::{Message, MessagePart, MimeHeaders};

/// Start of a text that is encrypted with PGP.
const ARMOUR: &str = "-----BEGIN PGP MESSAGE-----";

/// Returns whether a mail ends before its last part does.
pub(super) fn is_cut_off(message: &Message<'_>) -> bool {
    let Some(root) = message.parts.first() else { return false };
    let raw = message.raw_message();
    let boundary = root.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart"));
    match boundary.and_then(|kind| kind.attribute("boundary")) {
        Some(boundary) => !contains(raw, format!("--{boundary}--").as_bytes()),
        None => is_base64(root) && !is_whole(raw_body(root, message).unwrap_or_default()),
    }
}

/// Searches from the end, where the last boundary stands.
fn contains(raw: &[u8], mark: &[u8]) -> bool {
    raw.windows(mark.len()).rev().any(|window| window == mark)
}

fn raw_body<'m>(part: &MessagePart<'_>, message: &'m Message<'_>) -> Option<&'m [u8]> {
    let place = usize::try_from(part.offset_body).ok()?..usize::try_from(part.offset_end).ok()?;
    message.raw_message.get(place)
}

fn is_base64(part: &MessagePart<'_>) -> bool {
    part.content_transfer_encoding().is_some_and(|name| name.eq_ignore_ascii_case("base64"))
}

/// Returns whether base64 ends with a group of four characters.
fn is_whole(raw: &[u8]) -> bool {
    raw.iter().filter(|byte| is_digit(**byte) || **byte == b'=').count() % 4 == 0
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Returns the bytes of a part in base64 that is cut off or damaged, as far as they can be decoded.
pub(super) fn salvaged(part: &MessagePart<'_>, message: &Message<'_>) -> Option<Vec<u8>> {
    if !part.is_encoding_problem || !is_base64(part) {
        return None;
    }
    let digits: Vec<u8> = raw_body(part, message)?.iter().copied().filter(|byte| is_digit(*byte)).collect();
    base64_decode(&digits)
}

/// Returns whether a mail as a whole is encrypted.
pub(super) fn is_encrypted(message: &Message<'_>) -> bool {
    let kind = message.parts.first().and_then(MimeHeaders::content_type);
    kind.and_then(|kind| kind.subtype()).is_some_and(|kind| kind.eq_ignore_ascii_case("encrypted"))
}

/// Kind of a part that is encrypted or signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secured {
    /// Text that cannot be read without a key.
    Encrypted,
    /// Data on the encryption or the signature of another part.
    About,
}

/// Returns whether a part is encrypted, or belongs to a part that is encrypted or signed.
pub(super) fn secured(part: &MessagePart<'_>) -> Option<Secured> {
    let kind = part.content_type().map(|kind| kind.subtype().unwrap_or_default().to_ascii_lowercase());
    match kind.as_deref() {
        Some("pgp-encrypted" | "pgp-signature" | "pkcs7-signature" | "x-pkcs7-signature" | "pgp-keys") => {
            Some(Secured::About)
        }
        Some("pkcs7-mime" | "x-pkcs7-mime") => Some(Secured::Encrypted),
        _ => part.contents().trim_ascii_start().starts_with(ARMOUR.as_bytes()).then_some(Secured::Encrypted),
    }
}
