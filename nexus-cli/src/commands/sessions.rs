//! `nexus sessions`.

use std::collections::BTreeSet;

use clap::Subcommand;
use nexus_core::llm::MessageRole;
use nexus_core::run::Outcome;
use nexus_core::session::Message;
use nexus_core::{ErrorKind, Result, RunId, SessionId};
use serde::Serialize;

use super::pages::PageArgs;
use super::render_answer;
use super::runs::reason;
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::one_line;

/// Message of a conversation, and for a question the outcome of its run.
#[derive(Serialize)]
struct ShownMessage<'a> {
    #[serde(flatten)]
    message: &'a Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List conversations, latest first: yours, or those of all users for an admin
    List {
        #[command(flatten)]
        page: PageArgs<50>,
    },
    /// Print the last messages of a conversation, oldest first
    ///
    /// The list is read from its end: `--after` continues with the messages before the one with that key.
    Show {
        /// The conversation
        session: SessionId,
        #[command(flatten)]
        page: PageArgs<1_000>,
    },
}

pub(super) async fn run(context: &Context<'_>, command: SessionsCommand) -> Result<Exit> {
    context
        .with_reader(async |opened| match &command {
            SessionsCommand::List { page } => list(context, opened, page).await,
            SessionsCommand::Show { session, page } => show(context, opened, session, page).await,
        })
        .await
}

async fn list(context: &Context<'_>, opened: &OpenStore, page: &PageArgs<50>) -> Result<Exit> {
    let read = |page| opened.nexus.sessions(&context.caller, page);
    let sessions = page.read(read, |_, session| session.key()).await?;
    if context.output.is_json() {
        context.output.json(&sessions.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["SESSION", "LAST", "OWNER", "TITLE"]);
    for session in &sessions.entries {
        let title = one_line(&session.title, 60);
        table.row([session.id.to_string(), session.updated_at.to_string(), session.owner.to_string(), title]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    sessions.tell(context.output);
    Ok(Exit::Done)
}

async fn show(
    context: &Context<'_>,
    opened: &OpenStore,
    session: &SessionId,
    page: &PageArgs<1_000>,
) -> Result<Exit> {
    let read = |page| opened.nexus.messages(&context.caller, session, page);
    let mut messages = page.read(read, |_, message| message.key()).await?;
    messages.entries.reverse();
    let replies = messages.entries.iter().filter(|message| message.role == MessageRole::Assistant);
    let replied: BTreeSet<&RunId> = replies.map(|message| &message.run).collect();
    let mut shown = Vec::with_capacity(messages.entries.len());
    for message in &messages.entries {
        let is_question = message.role == MessageRole::User;
        let outcome = if is_question { outcome(context, opened, &message.run).await? } else { None };
        shown.push(ShownMessage { message, outcome });
    }
    if context.output.is_json() {
        context.output.json(&shown)?;
        return Ok(Exit::Done);
    }
    for ShownMessage { message, outcome } in &shown {
        match message.role {
            MessageRole::User => {
                context.output.lines(format_args!("> {}", message.text))?;
                if let Some(outcome) = outcome.as_ref().filter(|_| !replied.contains(&message.run)) {
                    let reason = reason(outcome).map_or_else(String::new, |reason| format!(": {reason}"));
                    context.output.line(format_args!("({}{reason})", outcome.as_str().replace('_', " ")))?;
                    context.output.line("")?;
                }
            }
            MessageRole::Assistant => {
                context.output.lines(format_args!("{}\n", message.text))?;
                render_answer::sources(context.output, &message.citations)?;
                if let Some(mark) = message.mark {
                    context.output.line(format_args!("({})", render_answer::mark(mark)))?;
                }
                context.output.line("")?;
            }
        }
    }
    messages.tell(context.output);
    Ok(Exit::Done)
}

/// Returns the outcome of a run; `None` while it goes on, and where retention removed it.
async fn outcome(context: &Context<'_>, opened: &OpenStore, run: &RunId) -> Result<Option<Outcome>> {
    match opened.nexus.run(&context.caller, run).await {
        Ok(run) => Ok(run.outcome().cloned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
