//! Rendering of a run: follows its events to the end and prints its answer.

use nexus_core::ask::RunHandle;
use nexus_core::grounding::Citation;
use nexus_core::llm::TextMark;
use nexus_core::policy::APPROVAL_REQUIRED;
use nexus_core::run::{Answer, Event, EventBody, Metadata, Outcome};
use nexus_core::{Error, ErrorKind, Nexus, Result};

use crate::context::Context;
use crate::output::Output;
use crate::terminal::one_line;

/// Longest quotation that is printed whole, in characters.
const QUOTE: usize = 300;

/// Collected events of a run.
#[derive(Debug)]
pub(super) struct RunReport {
    pub(super) outcome: Outcome,
    pub(super) answer: Answer,
    pub(super) metadata: Option<Metadata>,
    /// Result of text-to-speech: the media type, or the reason of the failure.
    pub(super) audio: Option<std::result::Result<String, String>>,
    /// Whether words of the answer were streamed.
    pub(super) streamed: bool,
    /// Whether the user interrupted the run.
    pub(super) interrupted: bool,
}

/// Passes each event of a run to `tell` until the last one. The first interrupt cancels the run, and its end is awaited
/// as usual.
pub(super) async fn follow(
    context: &Context<'_>,
    nexus: &Nexus,
    run: &RunHandle,
    mut tell: impl FnMut(&Event) -> Result<()>,
) -> Result<RunReport> {
    let mut listener = context.interrupts.listen();
    let mut events = run.events();
    let (outcome, answer) = (Outcome::Cancelled, Answer::default());
    let mut told =
        RunReport { outcome, answer, metadata: None, audio: None, streamed: false, interrupted: false };
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = listener.interrupted(), if !told.interrupted => {
                told.interrupted = true;
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
            EventBody::Delta { .. } => told.streamed = true,
            EventBody::Accepted { .. } | EventBody::Retrieval { .. } | EventBody::Citation(_) => {}
        }
    }
}

/// Cancels a run. One that ends before the cancellation keeps its own outcome.
async fn cancel(context: &Context<'_>, nexus: &Nexus, run: &RunHandle) -> Result<()> {
    match nexus.cancel(&context.caller, run.id()).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        cancelled => cancelled,
    }
}

/// Prints an answer as it streams.
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

/// Prints the outcome of a run, after its answer.
pub(super) fn end(output: &Output, told: &RunReport) -> Result<()> {
    outcome(output, told)?;
    let in_flight = told.metadata.as_ref().map_or(0, |metadata| metadata.documents_in_flight);
    tell_of_documents_in_flight(output, in_flight);
    Ok(())
}

fn outcome(output: &Output, told: &RunReport) -> Result<()> {
    match &told.outcome {
        Outcome::Answered => {
            output.lines("\n")?;
            sources(output, &told.answer.citations)?;
        }
        Outcome::Uncited | Outcome::Incomplete { .. } => {
            let is_shown = !told.answer.text.is_empty();
            if is_shown {
                output.lines("\n")?;
                sources(output, &told.answer.citations)?;
            }
            let name = if told.outcome == Outcome::Uncited { "Uncited" } else { "Incomplete" };
            output.line(format_args!("{name}: {}.", told.outcome.reply_sentence().unwrap_or_default()))?;
            output.note(if is_shown {
                "hint: check it against the documents; `nexus search` finds their passages"
            } else {
                "hint: the corpus withholds what is no answer (`answers: strict`)"
            });
        }
        Outcome::Abstained { reason } => {
            if told.streamed {
                output.lines("\n")?;
            }
            output.line(format_args!("No answer: {}.", reason.sentence()))?;
            if let Some(nearest) = &told.answer.nearest {
                let (place, quote) =
                    (place(&nearest.source_name, nearest.page), one_line(&nearest.quote, QUOTE));
                output.line(format_args!(
                    "nearest passage, not an answer: [{}] {place} — “{quote}”",
                    nearest.number
                ))?;
            }
            output
                .note("hint: `nexus search --explain` shows what was found; use the words of the documents");
        }
        Outcome::Refused { decision } => {
            let code = decision.code().unwrap_or(ErrorKind::Denied.code());
            output.failure(code, &decision.message, None);
        }
        Outcome::NeedsApproval { decision } => {
            output.failure(
                APPROVAL_REQUIRED,
                &decision.message,
                Some("ask for the approval of a user with that right"),
            );
        }
        Outcome::Blocked { reason } => output.failure("BLOCKED", reason, None),
        Outcome::OverQuota { reason } => output.failure("OVER_QUOTA", reason, None),
        Outcome::Cancelled => output.note("cancelled"),
        Outcome::Failed { failure } => {
            output.failure(&failure.code, &failure.message, failure.hint.as_deref());
        }
    }
    Ok(())
}

/// Prints the citations of an answer, with their findings.
pub(super) fn sources(output: &Output, citations: &[Citation]) -> Result<()> {
    citations.iter().try_for_each(|citation| {
        let place = place(&citation.source_name, citation.page);
        let quote = one_line(&citation.quote, QUOTE);
        let quote = if quote.is_empty() { quote } else { format!(" — “{quote}”") };
        output.line(format_args!("[{}] {place}{quote}", citation.number))?;
        citation.findings.iter().try_for_each(|finding| {
            output.line(format_args!("    finding: {}", one_line(&finding.sentence(), QUOTE)))
        })
    })
}

/// Returns the words for the mark of a text that is no answer.
pub(super) fn mark(mark: TextMark) -> &'static str {
    match mark {
        TextMark::Incomplete => "incomplete: the reply was cut off",
        TextMark::Uncited => "uncited: the reply cites no passage",
    }
}

/// Warns of documents of the corpus that were not searchable yet, in text mode; JSON has their number in a field.
pub(super) fn tell_of_documents_in_flight(output: &Output, documents: u64) {
    let (what, are) = if documents == 1 { ("document", "is") } else { ("documents", "are") };
    if documents > 0 {
        output.note(format_args!("{documents} {what} of the corpus {are} not searchable yet"));
    }
}

/// Formats a document and the page in it.
pub(super) fn place(source: &str, page: Option<u32>) -> String {
    page.map_or_else(|| source.to_owned(), |page| format!("{source}, p. {page}"))
}
