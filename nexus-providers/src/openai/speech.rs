//! Text-to-speech: [`OpenAiSpeech`].

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::speech::{Speech, SpeechSynthesizer, check_text};
use serde::Serialize;

use crate::http::Endpoint;

const MIME: &str = "audio/mpeg";

/// Speech synthesizer of OpenAI or of a compatible server, with MP3 output, created by a [`Service`](super::Service).
#[derive(Clone, Debug)]
pub struct OpenAiSpeech {
    endpoint: Endpoint,
    model: String,
    voice: String,
    is_local: bool,
}

impl OpenAiSpeech {
    /// Default model.
    pub const DEFAULT_MODEL: &str = "gpt-4o-mini-tts";
    /// Default voice, which all of OpenAI's models have.
    pub const DEFAULT_VOICE: &str = "alloy";

    pub(super) fn new(endpoint: Endpoint, model: String, voice: String, is_local: bool) -> Self {
        Self { endpoint, model, voice, is_local }
    }
}

#[async_trait]
impl SpeechSynthesizer for OpenAiSpeech {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether the price is by the character, as for `tts-1` and its releases; later models bill tokens of text and
    /// of audio.
    fn bills_characters(&self) -> bool {
        self.model.starts_with("tts-1")
    }

    async fn speak(&self, text: &str) -> Result<Speech> {
        check_text(text)?;
        let body =
            WireRequest { model: &self.model, voice: &self.voice, input: text, response_format: "mp3" };
        let answer = self.endpoint.post("/audio/speech", MIME, &body).await?;
        if answer.is("application/json") {
            return Err(self.endpoint.vendor().protocol("JSON instead of audio"));
        }
        let bytes = answer.bytes().await?;
        if bytes.is_empty() {
            return Err(self.endpoint.vendor().protocol("empty audio"));
        }
        Ok(Speech { bytes, mime: MIME.to_owned() })
    }
}

#[derive(Serialize)]
struct WireRequest<'r> {
    model: &'r str,
    voice: &'r str,
    input: &'r str,
    response_format: &'static str,
}
