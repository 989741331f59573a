//! Model output: text and citations, which continue where a run was interrupted, and the end of the answer. The words of
//! a strict corpus are held until then.

use super::speech::answered;
use super::{Changes, State, close};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::grounding::Citation;
use crate::llm::{CompletionEvent, FinishReason, ReplyVerdict, judge};
use crate::run::event::{Answer, EventBody};
use crate::run::model::{Outcome, Phase};

/// Applies the next event of the model's output.
pub(super) fn said(state: &mut State, piece: CompletionEvent, now: Timestamp, changes: &mut Changes) {
    if state.run.phase != Phase::Retrieved {
        return;
    }
    let fits = match piece {
        CompletionEvent::Text(text) => said_text(state, &text, changes),
        CompletionEvent::Citation(citation) => said_citation(state, citation, changes),
        CompletionEvent::Usage(usage) => {
            state.answer.usage = Some(usage);
            Ok(())
        }
        // Reasoning is stored with the call, and runs give the model no tools.
        CompletionEvent::Reasoning(_) | CompletionEvent::ToolCall(_) => Ok(()),
        CompletionEvent::Finish(finish) => finished(state, &finish, now, changes),
    };
    if let Err(error) = fits {
        close(state, Outcome::Failed { failure: Failure::from(&error) }, now, changes);
    }
}

fn said_text(state: &mut State, text: &str, changes: &mut Changes) -> Result<()> {
    state.answer.text.push_str(text);
    if state.is_withheld() {
        return Ok(());
    }
    let (answer, shown) = (&state.answer.text, &state.shown.text);
    if shown.starts_with(answer.as_str()) {
        return Ok(());
    }
    let fresh = answer.strip_prefix(shown.as_str()).ok_or_else(diverged)?.to_owned();
    state.shown.text.push_str(&fresh);
    changes.events.push(EventBody::Delta { text: fresh });
    Ok(())
}

fn said_citation(state: &mut State, citation: Citation, changes: &mut Changes) -> Result<()> {
    citation.check(&state.evidence)?;
    let place = state.answer.citations.len();
    state.answer.citations.push(citation.clone());
    if state.is_withheld() {
        return Ok(());
    }
    match state.shown.citations.get(place) {
        Some(shown) if *shown == citation => Ok(()),
        Some(_) => Err(diverged()),
        None => {
            state.shown.citations.push(citation.clone());
            changes.events.push(EventBody::Citation(citation));
            Ok(())
        }
    }
}

fn diverged() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the answer was interrupted, and the model gave another answer on retry",
    )
    .with_code("RUN_INTERRUPTED")
    .with_hint("ask again")
}

fn finished(state: &mut State, finish: &FinishReason, now: Timestamp, changes: &mut Changes) -> Result<()> {
    if state.shown.text.len() > state.answer.text.len() {
        return Err(diverged());
    }
    let Answer { text, citations, .. } = &state.answer;
    let outcome = match judge(text, citations, finish, &state.evidence)? {
        ReplyVerdict::Answered => {
            release(state, changes);
            if state.run.ask.options.speak {
                answered(state, now, changes);
                return Ok(());
            }
            Outcome::Answered
        }
        ReplyVerdict::Abstained(reason) => Outcome::Abstained { reason },
        ReplyVerdict::Incomplete(reason) => Outcome::Incomplete { reason },
        ReplyVerdict::Uncited => Outcome::Uncited,
        ReplyVerdict::Blocked => {
            Outcome::Blocked { reason: "the model's vendor withheld the answer".to_owned() }
        }
    };
    close(state, outcome, now, changes);
    Ok(())
}

/// Emits an answer that was withheld up to its end.
fn release(state: &mut State, changes: &mut Changes) {
    if !state.is_withheld() {
        return;
    }
    let Answer { text, citations, .. } = state.answer.clone();
    state.shown = Answer { text: text.clone(), citations: citations.clone(), ..Answer::default() };
    changes.events.push(EventBody::Delta { text });
    changes.events.extend(citations.into_iter().map(EventBody::Citation));
}
