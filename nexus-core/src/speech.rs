//! Answers aloud: the [`SpeechSynthesizer`] port and the [`Speech`] it makes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};

/// The most characters that are spoken at once; what is longer is refused.
pub const MAX_SPOKEN_CHARS: usize = 4_096;

/// The most bytes of a speech, about half an hour of MP3: what is longer was not asked for, and is not kept.
pub const MAX_SPEECH_BYTES: usize = 16 << 20;

/// Something spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The sound, as a whole file.
    pub bytes: Vec<u8>,
    /// Its media type, such as `audio/mpeg`.
    pub mime: String,
}

/// Refuses a text that cannot be spoken: one that is empty, or has more than [`MAX_SPOKEN_CHARS`] characters.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_SPEECH`.
pub fn check_text(text: &str) -> Result<()> {
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

/// Speaks texts. What it consumes are characters: they are priced and counted as tokens of a prompt are.
///
/// # Contract
/// - The result is a whole file of the media type it names.
/// - A text of more than [`MAX_SPOKEN_CHARS`] characters, or of none, is refused before anything is sent.
/// - An error carries the [`Fault`](crate::llm::Fault) that tells what may be done about it.
#[async_trait]
pub trait SpeechSynthesizer: Send + Sync + fmt::Debug {
    /// The provider's name, such as `openai`.
    fn name(&self) -> &str;

    /// The model that speaks.
    fn model(&self) -> &str;

    /// Whether it runs on hardware of the operator's own, so that its characters have no price.
    fn is_local(&self) -> bool {
        false
    }

    /// Whether the vendor bills this model by the character. Other models are billed in units that their answers do not
    /// tell, such as tokens of sound: their characters are an estimate, which an admin can reconcile with the bill.
    fn bills_characters(&self) -> bool {
        false
    }

    /// Speaks `text`.
    ///
    /// # Errors
    /// As [`Fault::error`](crate::llm::Fault::error) makes them; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// with `INVALID_SPEECH` for a text that is refused.
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
            assert_eq!(check_text(unfit).unwrap_err().stable_code(), "INVALID_SPEECH");
        }
    }
}
