//! `nexus runs`.

mod verify;

use clap::Subcommand;
use nexus_core::document::PassageKey;
use nexus_core::grounding::Citation;
use nexus_core::run::{Answer, Event, EventBody, Outcome, Run, RunQuery, RunState};
use nexus_core::{DocumentId, Error, ErrorKind, Nexus, Result, RunId, SessionId};
use serde::Serialize;
use serde_json::json;

use super::pages::PageArgs;
use super::render_answer;
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::one_line;
use verify::VerifyArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, latest first: yours, or those of all users for an admin
    List {
        /// Only those of this conversation
        #[arg(long, value_name = "ID")]
        session: Option<SessionId>,
        /// Only those that are `running` or `closed`
        #[arg(long)]
        state: Option<RunState>,
        /// Only those with this label
        #[arg(long)]
        tag: Option<String>,
        #[command(flatten)]
        page: PageArgs<50>,
    },
    /// Show a run: its question, its answer and its outcome
    Show {
        /// The run
        run: RunId,
    },
    /// Print the events of a run, each on a line of its own
    ///
    /// Events are the journal of the run, in the order in which it streamed them.
    Events {
        /// The run
        run: RunId,
        /// The number of the first event to print
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        /// Follow further events until the run ends
        #[arg(long, short)]
        follow: bool,
    },
    Verify(VerifyArgs),
    /// Cancel a run
    ///
    /// When another process drives the run, that process receives the request and cancels within a second.
    Cancel {
        /// The run
        run: RunId,
    },
}

pub(super) async fn run(context: &Context<'_>, command: RunsCommand) -> Result<Exit> {
    match command {
        RunsCommand::List { session, state, tag, page } => {
            let query = RunQuery { session, state, tag, ..RunQuery::default() };
            context.with_reader(async |opened| list(context, opened, &query, &page).await).await
        }
        RunsCommand::Show { run } => {
            context.with_reader(async |opened| show(context, opened, &run).await).await
        }
        RunsCommand::Events { run, from, follow } => {
            context.with_reader(async |opened| events(context, opened, &run, from, follow).await).await
        }
        RunsCommand::Verify(verify) => verify::run(context, verify).await,
        RunsCommand::Cancel { run } => cancel(context, &run).await,
    }
}

async fn list(
    context: &Context<'_>,
    opened: &OpenStore,
    query: &RunQuery,
    page: &PageArgs<50>,
) -> Result<Exit> {
    let read = |page| opened.nexus.runs(&context.caller, RunQuery { page, ..query.clone() });
    let runs = page.read(read, |_, run| run.id.to_string()).await?;
    if context.output.is_json() {
        context.output.json(&runs.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["RUN", "BEGUN", "OUTCOME", "TITLE"]);
    for run in &runs.entries {
        let (begun, outcome) = (run.created_at.to_string(), standing(run).to_owned());
        table.row([run.id.to_string(), begun, outcome, one_line(&run.title, 60)]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    runs.tell(context.output);
    Ok(Exit::Done)
}

/// Returns the outcome of a run in a word.
fn standing(run: &Run) -> &'static str {
    run.outcome().map_or("running", Outcome::as_str)
}

/// Returns the reason of an outcome without an answer.
pub(super) fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered | Outcome::Cancelled => None,
        Outcome::Uncited | Outcome::Incomplete { .. } | Outcome::Abstained { .. } => outcome.reply_sentence(),
        Outcome::Refused { decision } | Outcome::NeedsApproval { decision } => Some(decision.message.clone()),
        Outcome::Blocked { reason } | Outcome::OverQuota { reason } => Some(reason.clone()),
        Outcome::Failed { failure } => Some(failure.message.clone()),
    }
}

async fn show(context: &Context<'_>, opened: &OpenStore, id: &RunId) -> Result<Exit> {
    let run = opened.nexus.run(&context.caller, id).await?;
    let answer = said(context, &opened.nexus, &run).await?;
    let cited = answer.as_ref().map(|answer| answer.citations.as_slice()).unwrap_or_default();
    let documents = cited_documents(context, &opened.nexus, cited).await?;
    let output = context.output;
    if output.is_json() {
        output.json(&json!({ "run": run, "answer": answer, "documents": documents }))?;
        return Ok(Exit::Done);
    }
    let tags: Vec<&str> = run.ask.options.tags.iter().map(String::as_str).collect();
    let ended = run.completed_at.map_or_else(|| "not yet".to_owned(), |at| at.to_string());
    let rows = [
        ("run", run.id.to_string()),
        ("title", run.title.clone()),
        ("tags", tags.join(", ")),
        ("asked by", format!("{} of the tenant {}", run.principal.subject(), run.principal.tenant_id())),
        ("corpus", run.ask.corpus.to_string()),
        ("session", run.session_id.to_string()),
        ("begun", run.created_at.to_string()),
        ("over", ended),
        ("outcome", standing(&run).to_owned()),
        ("reason", run.outcome().and_then(reason).unwrap_or_default()),
        ("policy", run.policy_version.clone()),
        ("question", run.ask.question.clone()),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        output.line(format_args!("{name:<10} {value}"))?;
    }
    if let Some(answer) = answer.filter(|answer| !answer.text.is_empty()) {
        output.lines(format_args!("\n{}\n", answer.text))?;
        render_answer::sources(output, &answer.citations)?;
    }
    for CitedDocument { document, version, state } in &documents {
        match state {
            CitedState::Current => {}
            CitedState::Replaced => output.line(format_args!(
                "{document}: version {version} was shown, and the document has another version now"
            ))?,
            CitedState::Removed => {
                output
                    .line(format_args!("{document}: document removed; the run keeps what it showed of it"))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Document that an answer cites, as it stands now.
#[derive(Debug, Serialize)]
struct CitedDocument {
    document: DocumentId,
    version: u32,
    state: CitedState,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum CitedState {
    /// It has the version that was shown.
    Current,
    /// It has another version.
    Replaced,
    /// It was removed, or the caller may not see it any more.
    Removed,
}

/// Returns the cited documents, each once, in the order of their citations.
async fn cited_documents(
    context: &Context<'_>,
    nexus: &Nexus,
    citations: &[Citation],
) -> Result<Vec<CitedDocument>> {
    let mut cited: Vec<CitedDocument> = Vec::new();
    for PassageKey { document, version, .. } in citations.iter().map(|citation| &citation.passage) {
        if cited.iter().any(|known| known.document == *document && known.version == *version) {
            continue;
        }
        let state = match nexus.document(&context.caller, document).await {
            Ok(found) if found.version == *version => CitedState::Current,
            Ok(_) => CitedState::Replaced,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {
                CitedState::Removed
            }
            Err(error) => return Err(error),
        };
        cited.push(CitedDocument { document: document.clone(), version: *version, state });
    }
    Ok(cited)
}

/// Returns the answer of the run, unless it was erased.
async fn said(context: &Context<'_>, nexus: &Nexus, run: &Run) -> Result<Option<Answer>> {
    let mut answer = None;
    let told = recorded(context, nexus, run, 0, |event| {
        if let EventBody::Final(whole) = &event.body {
            answer = Some(whole.clone());
        }
        Ok(())
    })
    .await;
    match told {
        Err(error) if error.code() == "RESUME_UNSUPPORTED" => Ok(None),
        told => told.map(|()| answer),
    }
}

/// Returns the events in the journal so far.
async fn recorded(
    context: &Context<'_>,
    nexus: &Nexus,
    run: &Run,
    from: u64,
    mut tell: impl FnMut(&Event) -> Result<()>,
) -> Result<()> {
    let mut events = nexus.events(&context.caller, &run.id, from).await?;
    let mut next = from;
    while next < run.next_seq {
        let Some(event) = events.next().await? else { break };
        next = event.seq + 1;
        tell(&event)?;
    }
    Ok(())
}

async fn events(
    context: &Context<'_>,
    opened: &OpenStore,
    id: &RunId,
    from: u64,
    follow: bool,
) -> Result<Exit> {
    let nexus = &opened.nexus;
    if !follow {
        let run = nexus.run(&context.caller, id).await?;
        recorded(context, nexus, &run, from, |event| print(context, event)).await?;
        return Ok(Exit::Done);
    }
    let mut events = nexus.events(&context.caller, id, from).await?;
    while let Some(event) = events.next().await? {
        print(context, &event)?;
        if context.output.is_closed() {
            break;
        }
    }
    Ok(Exit::Done)
}

fn print(context: &Context<'_>, event: &Event) -> Result<()> {
    if context.output.is_json() {
        return context.output.json_line(event);
    }
    let value = serde_json::to_value(&event.body).unwrap_or_default();
    let data = value.get("data").map(ToString::to_string).unwrap_or_default();
    context.output.line(format_args!("{:>4}  {:<16}  {data}", event.seq, event.body.name()))
}

/// Cancels a run without a driver, or requests its cancellation from the process that owns the data directory.
async fn cancel(context: &Context<'_>, id: &RunId) -> Result<Exit> {
    let owned = context
        .with_writer_no_resume(async |OpenStore { nexus, .. }| {
            // The request comes first, so that a resumed run cannot finish before it.
            nexus.cancel(&context.caller, id).await?;
            nexus.resume().await?;
            let mut events = nexus.events(&context.caller, id, 0).await?;
            let mut end = None;
            while let Some(event) = events.next().await? {
                end = Some(event.body);
            }
            Ok(end)
        })
        .await;
    match owned {
        Ok(Some(EventBody::Done { outcome: Outcome::Cancelled })) => done(context, id, "cancelled"),
        Ok(_) => Err(over()),
        Err(error) if error.code() == "STORE_LOCKED" => {
            context
                .with_reader(async |OpenStore { nexus, .. }| nexus.cancel(&context.caller, id).await)
                .await?;
            done(context, id, "requested")
        }
        Err(error) => Err(error),
    }
}

fn over() -> Error {
    Error::new(ErrorKind::Conflict, "the run ended before it could be cancelled").with_code("RUN_CLOSED")
}

fn done(context: &Context<'_>, id: &RunId, status: &str) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.json(&json!({ "run_id": id, "cancel": status }))?;
    } else if status == "requested" {
        output.line(format_args!("asked the process that works on {id} to cancel it"))?;
    } else {
        output.line(format_args!("cancelled {id}"))?;
    }
    Ok(Exit::Done)
}
