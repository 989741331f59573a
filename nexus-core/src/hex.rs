//! Lower-case hexadecimal text, the form of every hash.

use sha2::{Digest, Sha256};

/// Returns the bytes as lower-case hexadecimal.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push(&mut text, bytes);
    text
}

/// Appends the bytes as lower-case hexadecimal.
pub fn push(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
}

/// Returns the bytes of a hexadecimal `text`, or `None` when it is not hexadecimal.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    // One allocation of the right size: the bytes may be a secret, and growth would leave copies of it behind.
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push(value(*high)? << 4 | value(*low)?);
    }
    Some(bytes)
}

fn digit(value: u8) -> char {
    char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 })
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Returns the SHA-256 of all that `source` yields, in lower-case hexadecimal.
///
/// # Errors
/// Those of the source.
pub fn sha256_of(source: &mut impl std::io::Read) -> std::io::Result<String> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(encode(&digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Returns the SHA-256 of `bytes`, as hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn decoding_undoes_encoding() {
        assert_eq!(super::decode(&super::encode(&[0, 15, 255])).unwrap(), [0, 15, 255]);
        assert_eq!(super::encode(&[0, 15, 255]), "000fff");
        assert_eq!(super::decode("000FfF").unwrap(), [0, 15, 255]);
        assert!(
            super::decode("0g").is_none() && super::decode("abc").is_none() && super::decode("é").is_none()
        );
    }
}
