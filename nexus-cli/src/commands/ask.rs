//! `nexus ask`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_core::ask::{AskBuilder, RunHandle};
use nexus_core::run::Budget;
use nexus_core::{Error, ErrorKind, NanoUsd, Nexus, Result, SessionId};
use serde_json::{Value, json};

use super::filters::Filters;
use super::render_answer::{self, RunReport};
use super::standard_input;
use super::user_files::{create, exists};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::output::Output;

const ABOUT: &str = "\
Answers a question from the documents of a corpus, word by word, and lists the quotations that the answer rests on.

Only documents that you may read are searched. When the passages do not hold the answer, Nexus says so and the exit \
code is 3. Of a language model's reply, one that cites no passage ends with the code 9, and one that was cut off with 10. Every question is recorded and signed: see `nexus runs verify`.

Ctrl-C cancels the question; its record shows that, and the exit code is 130.";

const EXAMPLES: &str = "\
Examples:
  nexus ask --corpus handbook \"How many unused days of annual leave carry over to the next year?\"
  nexus ask --corpus handbook --filter 'year >= 2025 and department = \"people\"' \"How long is the probation period?\"
  nexus ask --corpus handbook --json \"May I work from another country?\" | jq .answer.text
  nexus ask --corpus handbook --provider openai --model gpt-4o --max-cost 0.05 \"What is the minimum length of a password?\"
  nexus ask --corpus handbook --speak answer.mp3 \"How long is the probation period?\"
  echo \"May I work from another country?\" | nexus ask --corpus handbook -";

/// Answer a question, with quotations
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct AskArgs {
    /// The question, 1 to 10,000 characters; `-` reads it from standard input
    question: String,
    #[command(flatten)]
    narrowing: Filters,
    /// The conversation that the question belongs to [default: a new one]
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// Title of the run [default: the beginning of the question]
    #[arg(long)]
    title: Option<String>,
    /// A label of the run; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The provider to ask [default: as configured]
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// The model to ask for [default: the provider's]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Maximum cost of the whole question, in dollars; 0 allows only free models
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    max_cost: Option<NanoUsd>,
    /// Synthesise speech of the answer, and write the audio into this file
    #[arg(long, value_name = "FILE")]
    speak: Option<PathBuf>,
    /// Ask the model even if it answered an equal question before
    #[arg(long)]
    no_cache: bool,
    /// With `--json`: print every event on a line of its own, as it comes, instead of the whole at the end
    #[arg(long, requires = "json")]
    events: bool,
}

pub(super) async fn run(context: &Context<'_>, ask: AskArgs) -> Result<Exit> {
    if let Some(file) = ask.speak.as_ref().filter(|file| file.symlink_metadata().is_ok()) {
        return Err(exists(file));
    }
    let question = standard_input::question(ask.question.clone()).await?;
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
            Ok(exit(&ask, &told))
        })
        .await
}

/// Returns the exit status. An interrupt during text-to-speech cancels the speech, and leaves a complete answer.
fn exit(ask: &AskArgs, told: &RunReport) -> Exit {
    let has_speech = matches!(told.audio, Some(Ok(_)));
    if told.interrupted && ask.speak.is_some() && !has_speech {
        return Exit::Cancelled;
    }
    Exit::from(&told.outcome)
}

/// Reports the result of text-to-speech.
fn spoken(output: &Output, ask: &AskArgs, told: &RunReport) {
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
            .with_code("FILE_UNWRITABLE")
            .because(error)
    })
}

fn put(nexus: &Nexus, context: &Context<'_>, ask: &AskArgs, question: String) -> AskBuilder {
    let mut builder = ask.narrowing.apply(nexus.ask(&context.caller, question));
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

/// Returns the report of a run as one JSON document.
fn document(run: &RunHandle, told: &RunReport) -> Value {
    let RunReport { outcome, answer, metadata, audio, .. } = told;
    let mut document = json!({
        "run_id": run.id(),
        "session_id": run.session_id(),
        "request_id": run.request_id(),
        "answer": answer,
        "message": outcome.reply_sentence(),
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
