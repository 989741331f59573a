//! `nexus ask`.

use std::io::Write as _;
use std::path::Path;

use nexus_core::run::{AskBuilder, Budget, Outcome, RunHandle};
use nexus_core::{Error, ErrorKind, Nexus, Result};
use serde_json::{Value, json};

use super::render_answer::{self, RunReport};
use super::whole::{create, exists};
use crate::args::{Ask, Filters};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::output::Output;

pub(super) async fn run(context: &Context<'_>, ask: Ask) -> Result<Exit> {
    if let Some(file) = ask.speak.as_ref().filter(|file| file.symlink_metadata().is_ok()) {
        return Err(exists(file));
    }
    let question = super::question(ask.question.clone()).await?;
    context
        .with_writer(async |OpenStore { nexus, .. }| {
            let run = put(nexus, context, &ask, question).start().await?;
            let output = context.output;
            let told =
                render_answer::follow(context, nexus, &run, |event| match (output.is_json(), ask.events) {
                    (true, true) => output.json_line(event),
                    (true, false) => Ok(()),
                    (false, _) => render_answer::stream(output, event),
                })
                .await?;
            if let (Some(file), Some(Ok(_))) = (&ask.speak, &told.audio) {
                write(file, &nexus.audio(&context.caller, run.id()).await?.bytes)?;
            }
            if output.is_json() {
                if !ask.events {
                    output.json(&document(&run, &told))?;
                }
            } else {
                render_answer::end(output, &told)?;
                spoken(output, &ask, &told);
            }
            Ok(Exit::from(&told.outcome))
        })
        .await
}

/// Reports the result of text-to-speech.
fn spoken(output: &Output, ask: &Ask, told: &RunReport) {
    match (&ask.speak, &told.audio) {
        (Some(file), Some(Ok(mime))) => output.note(format_args!("spoken: {} ({mime})", file.display())),
        (Some(_), Some(Err(reason))) => {
            let hint = "the answer is complete; `speech.provider` or `TTS_PROVIDER` names the text-to-speech provider";
            output.warning(format_args!("cannot synthesise speech of the answer: {reason}"), hint);
        }
        (Some(_), None) | (None, _) => {}
    }
}

fn write(file: &Path, sound: &[u8]) -> Result<()> {
    create(file)?.write_all(sound).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("cannot write `{}`", file.display()))
            .code("FILE_UNWRITABLE")
            .because(error)
    })
}

fn put(nexus: &Nexus, context: &Context<'_>, ask: &Ask, question: String) -> AskBuilder {
    let mut builder = narrowed(nexus.ask(&context.caller, question), &ask.narrowing);
    if let Some(session) = &ask.session {
        builder = builder.session(session.clone());
    }
    if let Some(title) = &ask.title {
        builder = builder.title(title);
    }
    if let Some(provider) = &ask.provider {
        builder = builder.provider(provider);
    }
    if let Some(model) = &ask.model {
        builder = builder.model(model);
    }
    if ask.no_cache {
        builder = builder.without_cache();
    }
    if ask.max_cost.is_some() {
        builder = builder.budget(Budget { max_cost: ask.max_cost, ..Budget::default() });
    }
    ask.tags.iter().fold(builder.speak(ask.speak.is_some()), AskBuilder::tag)
}

/// Applies `narrowing` to a question.
pub(super) fn narrowed(builder: AskBuilder, narrowing: &Filters) -> AskBuilder {
    let mut builder = builder
        .corpus(narrowing.corpus.as_str())
        .document_tags(narrowing.document_tags.clone())
        .documents(narrowing.documents.clone());
    if let Some(top_k) = narrowing.top_k {
        builder = builder.top_k(top_k);
    }
    if let Some(filter) = &narrowing.filter {
        builder = builder.filter(filter.clone());
    }
    builder
}

/// Returns the report of a run as one JSON document.
pub(super) fn document(run: &RunHandle, told: &RunReport) -> Value {
    let RunReport { outcome, answer, metadata, audio } = told;
    let sentence = match outcome {
        Outcome::Abstained { reason } => Some(reason.sentence()),
        Outcome::Answered
        | Outcome::Refused { .. }
        | Outcome::Blocked { .. }
        | Outcome::NeedsApproval { .. }
        | Outcome::OverQuota { .. }
        | Outcome::Cancelled
        | Outcome::Failed { .. } => None,
    };
    let mut document = json!({
        "run_id": run.id(),
        "session_id": run.session_id(),
        "request_id": run.request_id(),
        "answer": answer,
        "message": sentence,
        "retrieval": metadata,
    });
    if let (Some(fields), Ok(Value::Object(outcome))) =
        (document.as_object_mut(), serde_json::to_value(outcome))
    {
        fields.extend(outcome);
        if let Some(audio) = audio {
            let audio =
                audio.as_ref().map_or_else(|error| json!({"error": error}), |mime| json!({"mime": mime}));
            fields.insert("audio".to_owned(), audio);
        }
    }
    document
}
