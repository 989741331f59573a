//! Follows a run to its end and puts its answer into words.

use nexus_core::document::Failure;
use nexus_core::grounding::Citation;
use nexus_core::run::{Answer, Event, EventBody, Metadata, Outcome, RunHandle};
use nexus_core::{Error, ErrorKind, Nexus, Result};

use crate::context::Context;
use crate::output::Output;
use crate::terminal::one_line;

/// The longest quotation that is shown whole, in characters.
const QUOTE: usize = 300;

/// What a run told.
#[derive(Debug)]
pub(super) struct RunReport {
    pub(super) outcome: Outcome,
    pub(super) answer: Answer,
    pub(super) metadata: Option<Metadata>,
    /// What became of speaking the answer: its media type, or why it was not spoken.
    pub(super) audio: Option<std::result::Result<String, String>>,
}

/// Hands each event of a run to `tell` until the last one. The first interrupt cancels the run, whose end is then
/// awaited like any other.
pub(super) async fn follow(
    context: &Context<'_>,
    nexus: &Nexus,
    run: &RunHandle,
    mut tell: impl FnMut(&Event) -> Result<()>,
) -> Result<RunReport> {
    let mut listener = context.interrupts.listen();
    let mut events = run.events();
    let (outcome, answer) = (Outcome::Cancelled, Answer::default());
    let mut told = RunReport { outcome, answer, metadata: None, audio: None };
    let mut cancelled = false;
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = listener.interrupted(), if !cancelled => {
                cancelled = true;
                cancel(context, nexus, run).await?;
                continue;
            }
        };
        let Some(event) = event else {
            return Err(Error::unexpected("the run's events ended before the run did"));
        };
        tell(&event)?;
        match event.body {
            EventBody::Metadata(metadata) => told.metadata = Some(metadata),
            EventBody::Final(answer) => told.answer = answer,
            EventBody::AudioReady { mime, .. } => told.audio = Some(Ok(mime)),
            EventBody::AudioError { message, .. } => told.audio = Some(Err(message)),
            EventBody::Done { outcome } => return Ok(RunReport { outcome, ..told }),
            EventBody::Error(failure) => {
                return Ok(RunReport { outcome: Outcome::Failed { failure }, ..told });
            }
            EventBody::Accepted { .. }
            | EventBody::Retrieval { .. }
            | EventBody::Delta { .. }
            | EventBody::Citation(_) => {}
        }
    }
}

/// A run that is over before it can be cancelled has its own end.
async fn cancel(context: &Context<'_>, nexus: &Nexus, run: &RunHandle) -> Result<()> {
    match nexus.cancel(&context.caller, run.id()).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        cancelled => cancelled,
    }
}

/// Prints the words of an answer as they come.
pub(super) fn stream(output: &Output, event: &Event) -> Result<()> {
    match &event.body {
        EventBody::Delta { text } => output.text(text),
        EventBody::Accepted { .. }
        | EventBody::Retrieval { .. }
        | EventBody::Metadata(_)
        | EventBody::Citation(_)
        | EventBody::Final(_)
        | EventBody::AudioReady { .. }
        | EventBody::AudioError { .. }
        | EventBody::Done { .. }
        | EventBody::Error(_) => Ok(()),
    }
}

/// Prints how a run ended, after its words.
pub(super) fn end(output: &Output, told: &RunReport) -> Result<()> {
    match &told.outcome {
        Outcome::Answered => {
            output.line("\n")?;
            sources(output, &told.answer.citations)?;
        }
        Outcome::Abstained { reason } => {
            output.line(format_args!("No answer: {}.", reason.sentence()))?;
            output
                .note("hint: `nexus search --explain` shows what was found; use the words of the documents");
        }
        Outcome::Refused { decision } => output.failure(ErrorKind::Denied.code(), &decision.reason, None),
        Outcome::NeedsApproval { decision } => {
            output.failure("APPROVAL_REQUIRED", &decision.reason, Some("ask somebody who may approve it"));
        }
        Outcome::Blocked { reason } => output.failure("BLOCKED", reason, None),
        Outcome::OverQuota { reason } => output.failure("OVER_QUOTA", reason, None),
        Outcome::Cancelled => output.note("\ncancelled"),
        Outcome::Failed { failure } => failed(output, failure),
    }
    Ok(())
}

fn failed(output: &Output, failure: &Failure) {
    output.failure(&failure.code, &failure.message, failure.hint.as_deref());
}

/// Prints what an answer rests on.
pub(super) fn sources(output: &Output, citations: &[Citation]) -> Result<()> {
    citations.iter().try_for_each(|citation| {
        let place = place(&citation.source_name, citation.page);
        output.line(format_args!("[{}] {place} — “{}”", citation.number, one_line(&citation.quote, QUOTE)))
    })
}

/// A document, and the page in it.
pub(super) fn place(source: &str, page: Option<u32>) -> String {
    page.map_or_else(|| source.to_owned(), |page| format!("{source}, p. {page}"))
}
