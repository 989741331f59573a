//! Bytes as lower-case hexadecimal text, as hashes are written everywhere.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The bytes as lower-case hexadecimal.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that `text` spells, or nothing when it is not hexadecimal.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The SHA-256 of `bytes`, as hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn decoding_undoes_encoding() {
        assert_eq!(super::decode(&super::encode(&[0, 15, 255])).unwrap(), [0, 15, 255]);
        assert!(super::decode("0g").is_none() && super::decode("abc").is_none());
    }
}
