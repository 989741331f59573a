//! What every speaker refuses, and [`OfflineSpeech`], which needs no vendor.

mod offline;

use nexus_core::speech::MAX_SPOKEN_CHARS;
use nexus_core::{Error, Result};

pub use offline::OfflineSpeech;

/// Refuses a text that is empty or too long.
pub(crate) fn check(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid("there is nothing to say").code("INVALID_SPEECH"));
    }
    if text.chars().nth(MAX_SPOKEN_CHARS).is_some() {
        return Err(Error::invalid(format!("at most {MAX_SPOKEN_CHARS} characters are spoken at once"))
            .code("INVALID_SPEECH")
            .hint("have the text spoken in parts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_spoken_unless_it_is_empty_or_too_long() {
        for fine in ["a", &"é".repeat(MAX_SPOKEN_CHARS)] {
            assert!(check(fine).is_ok());
        }
        for unfit in ["", " \n", &"é".repeat(MAX_SPOKEN_CHARS + 1)] {
            assert_eq!(check(unfit).unwrap_err().stable_code(), "INVALID_SPEECH");
        }
    }
}
