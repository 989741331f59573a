//! Text-to-speech: [`Gateway::speak`].

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{
    Answered, AttemptContext, AttemptEnd, AttemptResult, ModelOperation, await_unary, fingerprint,
    record_error,
};
use crate::error::{Error, Result};
use crate::gateway::call::Admission;
use crate::gateway::call_task::CallTask;
use crate::gateway::plan::PlannedAttempt;
use crate::gateway::routing::{Candidate, Route, Routing};
use crate::gateway::{Gateway, Origin};
use crate::ledger::Operation;
use crate::llm::ProviderErrorKind;
use crate::principal::Principal;
use crate::speech::{MAX_SPEECH_BYTES, Speech, SpeechSynthesizer, check_text};
use crate::usage::Usage;

/// A text to speak.
#[derive(Debug)]
struct SpeechRequest {
    synthesizer: Arc<dyn SpeechSynthesizer>,
    text: String,
}

impl Gateway {
    /// Speaks `text`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `SPEECH_UNAVAILABLE` without a text-to-speech provider, and as
    /// [`check_text`]; those of [`SpeechSynthesizer::speak`].
    pub(crate) async fn speak(
        &self,
        caller: &Principal,
        origin: &Origin,
        text: String,
    ) -> Result<Admission<Speech>> {
        let synthesizer = self.models().speech_synthesizer.ok_or_else(no_speech_synthesizer)?;
        check_text(&text)?;
        CallTask::new(self, caller, origin.clone(), SpeechRequest { synthesizer, text }).run_unary().await
    }
}

fn no_speech_synthesizer() -> Error {
    Error::invalid("answers are not spoken here")
        .with_code("SPEECH_UNAVAILABLE")
        .with_hint("set `speech.provider`, or `TTS_PROVIDER`, to `openai` or `fake`")
}

#[async_trait]
impl ModelOperation for SpeechRequest {
    const OPERATION: Operation = Operation::Speak;
    const SERVICE: &'static str = "speech";

    type Provider = Arc<dyn SpeechSynthesizer>;
    type Answer = Speech;

    fn candidates(&self, _route: &Route, _routing: &Routing) -> Result<Vec<Candidate<Self::Provider>>> {
        Ok(vec![Candidate {
            name: self.synthesizer.name().to_owned(),
            kind: self.synthesizer.name().to_owned(),
            provider: Arc::clone(&self.synthesizer),
            model: self.synthesizer.model().to_owned(),
            is_local: self.synthesizer.is_local(),
        }])
    }

    fn digest(&self, caller: &Principal) -> Result<String> {
        let (provider, model) = (self.synthesizer.name(), self.synthesizer.model());
        fingerprint(&("nexus/speak/v1", caller.tenant(), caller.subject(), provider, model, &self.text))
    }

    /// The characters: the unit that speech is priced by.
    fn max_input_tokens(&self) -> u64 {
        u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX)
    }

    async fn attempt(
        &self,
        planned: &PlannedAttempt<Self::Provider>,
        context: &AttemptContext,
    ) -> AttemptResult<Speech> {
        await_unary(context, self.request_speech(&planned.candidate)).await
    }
}

impl SpeechRequest {
    async fn request_speech(
        &self,
        candidate: &Candidate<Arc<dyn SpeechSynthesizer>>,
    ) -> Result<AttemptEnd<Speech>> {
        let span = tracing::info_span!(
            "gen_ai.speech",
            gen_ai.operation.name = "speech",
            gen_ai.provider.name = candidate.kind.as_str(),
            gen_ai.request.model = candidate.model.as_str(),
            error.type = Empty,
        );
        let synthesizer = &candidate.provider;
        let speech = record_error(&span, synthesizer.speak(&self.text).instrument(span.clone()).await)?;
        // Characters are usage only for a vendor that bills them; otherwise they are a bound.
        let is_counted = synthesizer.bills_characters() || synthesizer.is_local();
        let usage = is_counted.then(|| Usage { input_uncached: self.max_input_tokens(), ..Usage::default() });
        Ok(if speech.bytes.len() > MAX_SPEECH_BYTES {
            let error = ProviderErrorKind::Protocol.error("the speech is too long to be kept");
            AttemptEnd::Unusable { error, usage }
        } else {
            AttemptEnd::Answered(Answered { answer: speech, usage })
        })
    }
}
