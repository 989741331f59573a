//! Speech of an answer: the answer was emitted before, so a failure of its speech does not change the run's outcome.

use super::{Changes, Input, State, draft, emit_final_answer, end_facts};
use crate::audit::{self, Kind};
use crate::clock::Timestamp;
use crate::hex;
use crate::run::content::Fingerprints;
use crate::run::event::EventBody;
use crate::run::model::{Outcome, Phase};
use crate::speech::Speech;

/// Emits the complete answer and waits for its speech.
pub(super) fn answered(state: &mut State, now: Timestamp, changes: &mut Changes) {
    let answer = emit_final_answer(state, None, now, changes);
    let commit = Fingerprints(&state.run.salt).answer(&answer.text).to_string();
    state.run.phase = Phase::AwaitingSpeech { commit, citations: answer.citations.len() };
}

/// Ends a run whose answer was emitted, with its speech or the error of the synthesis.
pub(super) fn spoken(
    state: &mut State,
    made: std::result::Result<Speech, String>,
    commit: &str,
    citations: usize,
    now: Timestamp,
    changes: &mut Changes,
) {
    let audio_commit = made.as_ref().ok().map(|speech| Fingerprints(&state.run.salt).audio(speech));
    changes.events.push(match made {
        Ok(speech) => {
            let (id, mime) = (state.run.id.clone(), speech.mime.clone());
            changes.audio = Some(speech);
            EventBody::AudioReady { audio_url: format!("/v1/audio/{id}.mp3"), audio_id: id, mime }
        }
        Err(message) => EventBody::AudioError { code: "TTS_ERROR".to_owned(), message },
    });
    changes.events.push(EventBody::Done { outcome: Outcome::Answered });
    let commit = audit::Digest::from_stored(&hex::decode(commit).unwrap_or_default());
    let mut payload = end_facts(state, &Outcome::Answered, commit, &state.answer.citations, changes)
        .count("citations", citations)
        .flag("spoken", audio_commit.is_some());
    if let Some(audio_commit) = audio_commit {
        payload = payload.hash("audio_commit", audio_commit);
    }
    changes.audit.push(draft(&state.run, Kind::CHAIN_CLOSE, now).with_payload(payload));
    state.run.phase = Phase::Closed { outcome: Outcome::Answered };
    state.run.completed_at = Some(now);
}

/// Returns the reason for missing speech, in a sentence for the user.
pub(super) fn unspoken(input: Input) -> String {
    match input {
        Input::Failed(failure) => failure.message,
        Input::BudgetExceeded(reason) => reason,
        Input::Cancelled => "the run was cancelled before its answer was spoken".to_owned(),
        Input::Decided(_) | Input::Retrieved(_) | Input::ModelOutput(_) | Input::SpeechReady(_) => {
            "the answer could not be spoken".to_owned()
        }
    }
}
