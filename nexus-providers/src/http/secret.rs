//! Keys and tokens: [`Secret`] is never printed, and [`redact`] removes it from vendors' messages.

use std::fmt;

use nexus_core::{Error, Result};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Length of a substring that reveals a secret, in bytes.
const TELLING: usize = 6;
/// Length of a fingerprint, in characters.
const FINGERPRINT_CHARS: usize = 6;
/// Replacement of a secret.
const HIDDEN: &str = "[hidden]";

/// Key or token. It is erased from memory when dropped, and is neither printed nor serialised.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret from `text`, trimmed of the white space that files and shells leave behind.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Whether the secret is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the first six characters of the SHA-256, which distinguish secrets in messages.
    pub fn fingerprint(&self) -> String {
        nexus_core::hex::sha256(self.0.as_bytes()).chars().take(FINGERPRINT_CHARS).collect()
    }

    /// Returns the secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the secret, after `prefix`, as a sensitive header value.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue> {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let unfit = || {
            Error::invalid("the provider's key is empty or has characters that no header can carry")
                .with_code("PROVIDER_KEY")
                .with_hint("copy the key again")
        };
        if self.is_empty() {
            return Err(unfit());
        }
        // The cause is omitted, since it adds nothing to the message.
        let mut value = HeaderValue::from_str(&text).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether `word` contains the secret, or a substring that reveals it.
    fn is_revealed_by(&self, word: &str) -> bool {
        let secret = self.0.as_bytes();
        let telling = secret.len().min(TELLING);
        telling > 0
            && secret.windows(telling).any(|part| word.as_bytes().windows(telling).any(|shown| shown == part))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Returns `text` on one line, at most `limit` characters, with [`HIDDEN`] for each word that reveals one of
/// `secrets` or that a vendor has masked with asterisks.
pub(crate) fn redact(text: &str, secrets: &[Secret], limit: usize) -> String {
    let mut clean = String::new();
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        let telling = word.contains("**") || secrets.iter().any(|secret| secret.is_revealed_by(word));
        clean.push_str(if telling { HIDDEN } else { word });
    }
    match clean.char_indices().nth(limit) {
        Some((end, _)) => clean.get(..end).unwrap_or_default().to_owned(),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test-0123456789abcdef";

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret = Secret::new(KEY);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(format!("{:?}", secret.header("Bearer ").unwrap()), "Sensitive");
    }

    #[test]
    fn a_fingerprint_is_of_the_digest_and_not_of_the_characters() {
        assert_eq!(Secret::new("abc").fingerprint(), "ba7816");
        assert!(!KEY.contains(&Secret::new(KEY).fingerprint()));
    }

    #[test]
    fn white_space_around_a_key_is_left_out() {
        assert_eq!(Secret::new(" key\n").header("Bearer ").unwrap(), "Bearer key");
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
        for unfit in ["", " ", "two\nlines"] {
            let error = Secret::new(unfit).header("Bearer ").unwrap_err();
            assert_eq!(error.code(), "PROVIDER_KEY");
            assert!(!error.report().contains("lines"));
        }
    }

    #[test]
    fn a_key_that_a_vendor_echoes_is_hidden_whole_masked_or_in_part() {
        let secrets = [Secret::new(KEY)];
        let echoed = format!("bad key: {KEY}, sk-test-0***cdef, \"9abcdef\" and zz**zz; see the docs");
        let kept = "bad key: [hidden] [hidden] [hidden] and [hidden] see the docs";
        assert_eq!(redact(&echoed, &secrets, 500), kept);
    }

    #[test]
    fn what_is_kept_is_one_line_and_short() {
        assert_eq!(redact("a\r\nb\u{1b}[31m  é", &[], 500), "a b [31m é");
        assert_eq!(redact(&"é".repeat(900), &[], 500).chars().count(), 500);
    }
}
