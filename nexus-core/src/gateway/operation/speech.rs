//! Texts aloud: [`Gateway::speak`].

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{ModelOperation, OperationOutput, record_error};
use crate::error::{Error, Result};
use crate::gateway::call::Admission;
use crate::gateway::plan::fingerprint;
use crate::gateway::{Gateway, Origin};
use crate::ledger::Operation;
use crate::llm::ProviderErrorKind;
use crate::principal::Principal;
use crate::speech::{MAX_SPEECH_BYTES, Speech, SpeechSynthesizer, check_text};
use crate::usage::Usage;

/// A text to speak.
#[derive(Debug)]
struct SpeechRequest {
    speaker: Arc<dyn SpeechSynthesizer>,
    text: String,
}

impl Gateway {
    /// Speaks `text`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `SPEECH_UNAVAILABLE` where nobody speaks, and as
    /// [`check_text`]; those of [`SpeechSynthesizer::speak`].
    pub(crate) async fn speak(
        &self,
        caller: &Principal,
        origin: &Origin,
        text: String,
    ) -> Result<Admission<Speech>> {
        let speaker = self.models().speech_synthesizer.ok_or_else(no_speech_synthesizer)?;
        check_text(&text)?;
        self.once(caller, origin, SpeechRequest { speaker, text }).await
    }
}

fn no_speech_synthesizer() -> Error {
    Error::invalid("answers are not spoken here")
        .code("SPEECH_UNAVAILABLE")
        .hint("set `speech.provider`, or `TTS_PROVIDER`, to `openai` or `fake`")
}

#[async_trait]
impl ModelOperation for SpeechRequest {
    const OPERATION: Operation = Operation::Speak;
    const SERVICE: &'static str = "speech";

    type Product = Speech;

    fn provider(&self) -> &str {
        self.speaker.name()
    }

    fn model(&self) -> &str {
        self.speaker.model()
    }

    fn is_local(&self) -> bool {
        self.speaker.is_local()
    }

    /// The characters, which are what a price of speech is for.
    fn max_input_tokens(&self) -> u64 {
        u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX)
    }

    fn digest(&self, caller: &Principal) -> Result<String> {
        let (provider, model) = (self.provider(), self.model());
        fingerprint(&("nexus/speak/v1", caller.tenant(), caller.subject(), provider, model, &self.text))
    }

    async fn attempt(&self) -> Result<OperationOutput<Speech>> {
        let span = tracing::info_span!(
            "gen_ai.speech",
            gen_ai.operation.name = "speech",
            gen_ai.provider.name = self.provider(),
            gen_ai.request.model = self.model(),
            error.type = Empty,
        );
        let made = self.speaker.speak(&self.text).instrument(span.clone()).await;
        let speech = record_error(&span, made)?;
        // Characters are what the vendor bills only where it says so; otherwise they are a bound.
        let is_counted = self.speaker.bills_characters() || self.speaker.is_local();
        let usage = is_counted.then(|| Usage { input_uncached: self.max_input_tokens(), ..Usage::default() });
        let product = if speech.bytes.len() > MAX_SPEECH_BYTES {
            Err(ProviderErrorKind::Protocol.error("the speech is too long to be kept"))
        } else {
            Ok(speech)
        };
        Ok(OperationOutput { product, usage })
    }
}
