//! Answers aloud: the [`SpeechSynthesizer`] port and the [`Speech`] it makes.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;

/// The most characters that are spoken at once; what is longer is refused.
pub const MAX_SPOKEN_CHARS: usize = 4_096;

/// Something spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The sound, as a whole file.
    pub bytes: Vec<u8>,
    /// Its media type, such as `audio/mpeg`.
    pub mime: &'static str,
}

/// Speaks texts.
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

    /// Speaks `text`.
    ///
    /// # Errors
    /// As [`Fault::error`](crate::llm::Fault::error) makes them; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// with `INVALID_SPEECH` for a text that is refused.
    async fn speak(&self, text: &str) -> Result<Speech>;
}
