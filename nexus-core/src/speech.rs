//! Text-to-speech: the [`SpeechSynthesizer`] port and its result, [`Speech`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};

/// Maximum length of a text for speech output, in characters. A longer text is refused.
pub const MAX_SPOKEN_CHARS: usize = 4_096;

/// Maximum size of speech output in bytes, about half an hour of MP3. Longer output is not stored.
pub const MAX_SPEECH_BYTES: usize = 16 << 20;

/// Speech output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The audio, as a whole file.
    pub bytes: Vec<u8>,
    /// The media type, such as `audio/mpeg`.
    pub mime: String,
}

/// Checks that a text for speech output is neither empty nor longer than [`MAX_SPOKEN_CHARS`] characters.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_SPEECH`.
pub fn check_text(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid("the text for speech output is empty").with_code("INVALID_SPEECH"));
    }
    if text.chars().nth(MAX_SPOKEN_CHARS).is_some() {
        return Err(Error::invalid(format!(
            "the text for speech output has more than {MAX_SPOKEN_CHARS} characters"
        ))
        .with_code("INVALID_SPEECH")
        .with_hint("split the text"));
    }
    Ok(())
}

/// Port of text-to-speech. Its usage is characters, which are priced and counted like prompt tokens.
///
/// # Contract
/// - The result is a whole file of its media type.
/// - A text that is empty or too long is refused before anything is sent; [`MAX_SPOKEN_CHARS`] is the limit.
/// - An error carries the [`ProviderErrorKind`](crate::llm::ProviderErrorKind) that decides retry and fallback.
#[async_trait]
pub trait SpeechSynthesizer: Send + Sync + fmt::Debug {
    /// Returns the provider's name, such as `openai`.
    fn name(&self) -> &str;

    /// Returns the text-to-speech model.
    fn model(&self) -> &str;

    /// Returns whether the model runs on the operator's own hardware, so that its characters are free.
    fn is_local(&self) -> bool {
        false
    }

    /// Returns whether the vendor bills this model by the character. Other models are billed in units that their
    /// responses do not report, such as audio tokens; their cost is an estimate, which an admin can reconcile with the
    /// bill.
    fn bills_characters(&self) -> bool {
        false
    }

    /// Synthesises speech of `text`.
    ///
    /// # Errors
    /// Those of [`ProviderErrorKind::error`](crate::llm::ProviderErrorKind::error);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_SPEECH` for a refused text.
    async fn speak(&self, text: &str) -> Result<Speech>;
}

#[async_trait]
impl<S: SpeechSynthesizer + ?Sized> SpeechSynthesizer for Arc<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn model(&self) -> &str {
        (**self).model()
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }

    fn bills_characters(&self) -> bool {
        (**self).bills_characters()
    }

    async fn speak(&self, text: &str) -> Result<Speech> {
        (**self).speak(text).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_spoken_unless_it_is_empty_or_too_long() {
        for fine in ["a", &"é".repeat(MAX_SPOKEN_CHARS)] {
            assert!(check_text(fine).is_ok());
        }
        for unfit in ["", " \n", &"é".repeat(MAX_SPOKEN_CHARS + 1)] {
            assert_eq!(check_text(unfit).unwrap_err().code(), "INVALID_SPEECH");
        }
    }
}
