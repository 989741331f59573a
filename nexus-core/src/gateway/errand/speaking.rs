//! Texts aloud: [`Gateway::speak`].

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{Answer, Errand, told};
use crate::error::{Error, Result};
use crate::gateway::call::Granted;
use crate::gateway::plan::fingerprint;
use crate::gateway::{Gateway, Origin};
use crate::ledger::Operation;
use crate::llm::Fault;
use crate::principal::Principal;
use crate::speech::{MAX_SPEECH_BYTES, Speech, SpeechSynthesizer, check_spoken};
use crate::usage::Usage;

/// A text to speak.
#[derive(Debug)]
struct Speaking {
    speaker: Arc<dyn SpeechSynthesizer>,
    text: String,
}

impl Gateway {
    /// Speaks `text`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `SPEECH_UNAVAILABLE` where nobody speaks, and as
    /// [`check_spoken`]; those of [`SpeechSynthesizer::speak`].
    pub(crate) async fn speak(
        &self,
        who: &Principal,
        origin: &Origin,
        text: String,
    ) -> Result<Granted<Speech>> {
        let speaker = self.models().speaker.ok_or_else(nobody_speaks)?;
        check_spoken(&text)?;
        self.once(who, origin, Speaking { speaker, text }).await
    }
}

fn nobody_speaks() -> Error {
    Error::invalid("answers are not spoken here")
        .code("SPEECH_UNAVAILABLE")
        .hint("set `speech.provider`, or `TTS_PROVIDER`, to `openai` or `fake`")
}

#[async_trait]
impl Errand for Speaking {
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
    fn bound(&self) -> u64 {
        u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX)
    }

    fn digest(&self, who: &Principal) -> Result<String> {
        let (provider, model) = (self.provider(), self.model());
        fingerprint(&("nexus/speak/v1", who.tenant(), who.subject(), provider, model, &self.text))
    }

    async fn carry_out(&self) -> Result<Answer<Speech>> {
        let span = tracing::info_span!(
            "gen_ai.speech",
            gen_ai.operation.name = "speech",
            gen_ai.provider.name = self.provider(),
            gen_ai.request.model = self.model(),
            error.type = Empty,
        );
        let made = self.speaker.speak(&self.text).instrument(span.clone()).await;
        let speech = told(&span, made)?;
        // Characters are what the vendor bills only where it says so; otherwise they are a bound.
        let is_counted = self.speaker.bills_characters() || self.speaker.is_local();
        let usage = is_counted.then(|| Usage { input_uncached: self.bound(), ..Usage::default() });
        let product = if speech.bytes.len() > MAX_SPEECH_BYTES {
            Err(Fault::Protocol.error("the speech is too long to be kept"))
        } else {
            Ok(speech)
        };
        Ok(Answer { product, usage })
    }
}
