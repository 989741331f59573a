//! Key of the installation that seals secrets of administrative resources, from the environment.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use nexus_core::admin::SealKey;
use nexus_core::{Error, Result, hex};
use zeroize::Zeroizing;

use super::Environment;

const VARIABLE: &str = "NEXUS_SEAL_KEY";
const KEY_BYTES: usize = 32;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the key of `NEXUS_SEAL_KEY`: 32 bytes in base64 or in hexadecimal digits. Without it, resources hold no secrets.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `SEAL_KEY` for a variable that is no key.
pub fn seal_key(env: &Environment) -> Result<Option<SealKey>> {
    let Some(text) = env.text(VARIABLE)?.map(Zeroizing::new) else { return Ok(None) };
    let text = text.trim();
    let bytes = hex::decode(text).or_else(|| BASE64.decode(text).ok()).map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
    key.map(|key| Some(SealKey::new(Zeroizing::new(key)))).ok_or_else(|| {
        Error::invalid(format!("`{VARIABLE}` is no key of {KEY_BYTES} bytes"))
            .with_code("SEAL_KEY")
            .with_hint("make one with `openssl rand -base64 32`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Result<Option<String>> {
        let key = seal_key(&Environment::from([(VARIABLE, text)]))?;
        Ok(key.map(|key| key.id().to_owned()))
    }

    #[test]
    fn a_key_is_read_in_base64_and_in_hexadecimal_digits() {
        let hex = id(&"07".repeat(32)).unwrap();
        assert!(hex.is_some());
        assert_eq!(id("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap(), hex);
        assert_eq!(id(" BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n").unwrap(), hex);
        assert_eq!(id("").unwrap(), None);
        for unfit in ["hunter2", "0707", "BwcH"] {
            let error = id(unfit).unwrap_err();
            assert_eq!(error.code(), "SEAL_KEY");
            assert!(!error.report().contains(unfit), "{error}");
        }
    }
}
