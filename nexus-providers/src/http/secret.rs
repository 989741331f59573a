//! Keys and tokens: [`Secret`] shows itself to nobody, and [`redact`] takes it out of what others say.

use std::fmt;

use nexus_core::{Error, Result};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

/// How many bytes in a row of a secret give it away.
const TELLING: usize = 6;
/// How many characters of a digest stand for a secret.
const FINGERPRINT_CHARS: usize = 6;
/// What stands in a secret's place.
const HIDDEN: &str = "[hidden]";

/// A key or a token. It is erased from memory when dropped, and is neither printed nor serialised.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` without the white space around it, which files and shells leave behind.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Six characters by which people tell secrets apart: the beginning of its SHA-256.
    pub fn fingerprint(&self) -> String {
        nexus_core::hex::sha256(self.0.as_bytes()).chars().take(FINGERPRINT_CHARS).collect()
    }

    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The secret as a header that is never printed, after `prefix`.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue> {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let unfit = || {
            Error::invalid("the provider's key is empty or has characters that no header can carry")
                .code("PROVIDER_KEY")
                .hint("copy the key again")
        };
        if self.is_empty() {
            return Err(unfit());
        }
        // The cause is left out: it says nothing that the sentence does not.
        let mut value = HeaderValue::from_str(&text).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether `word` holds the secret, or enough of it in a row to give it away.
    fn is_told_by(&self, word: &str) -> bool {
        let secret = self.0.as_bytes();
        let telling = secret.len().min(TELLING);
        telling > 0
            && secret.windows(telling).any(|part| word.as_bytes().windows(telling).any(|told| told == part))
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

/// `text` on one line, at most `limit` characters, without any word that tells of one of `secrets` or that a vendor
/// has masked with asterisks, as they do with keys.
pub(crate) fn redact(text: &str, secrets: &[Secret], limit: usize) -> String {
    let mut clean = String::new();
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        let telling = word.contains("**") || secrets.iter().any(|secret| secret.is_told_by(word));
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
            assert_eq!(error.stable_code(), "PROVIDER_KEY");
            assert!(!error.report().contains("lines"));
        }
    }

    #[test]
    fn a_key_that_a_vendor_echoes_is_hidden_whole_masked_or_in_part() {
        let secrets = [Secret::new(KEY)];
        let told = format!("bad key: {KEY}, sk-test-0***cdef, \"9abcdef\" and zz**zz; see the docs");
        let kept = "bad key: [hidden] [hidden] [hidden] and [hidden] see the docs";
        assert_eq!(redact(&told, &secrets, 500), kept);
    }

    #[test]
    fn what_is_kept_is_one_line_and_short() {
        assert_eq!(redact("a\r\nb\u{1b}[31m  é", &[], 500), "a b [31m é");
        assert_eq!(redact(&"é".repeat(900), &[], 500).chars().count(), 500);
    }
}
