//! `nexus sessions`.

use clap::Subcommand;
use nexus_core::llm::MessageRole;
use nexus_core::{Result, SessionId};

use super::render_answer;
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List conversations, latest first: yours, or those of all users for an admin
    List {
        /// Maximum number of entries
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print the messages of a conversation
    Show {
        /// The conversation
        session: SessionId,
        /// Maximum number of messages, counted from the last
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
    },
}

pub(super) async fn run(context: &Context<'_>, command: SessionsCommand) -> Result<Exit> {
    context
        .with_reader(async |opened| match &command {
            SessionsCommand::List { limit } => list(context, opened, *limit).await,
            SessionsCommand::Show { session, limit } => show(context, opened, session, *limit).await,
        })
        .await
}

async fn list(context: &Context<'_>, opened: &OpenStore, limit: usize) -> Result<Exit> {
    let sessions = opened.nexus.sessions(&context.caller, limit).await?;
    if context.output.is_json() {
        context.output.json(&sessions)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["SESSION", "LAST", "OWNER", "TITLE"]);
    for session in sessions {
        let title = one_line(&session.title, 60);
        table.row([session.id.to_string(), session.updated_at.to_string(), session.owner.to_string(), title]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}

async fn show(context: &Context<'_>, opened: &OpenStore, session: &SessionId, limit: usize) -> Result<Exit> {
    let messages = opened.nexus.messages(&context.caller, session, limit).await?;
    if context.output.is_json() {
        context.output.json(&messages)?;
        return Ok(Exit::Done);
    }
    for message in messages {
        match message.role {
            MessageRole::User => context.output.line(format_args!("> {}", message.text))?,
            MessageRole::Assistant => {
                context.output.line(format_args!("{}\n", message.text))?;
                render_answer::sources(context.output, &message.citations)?;
                context.output.line("")?;
            }
        }
    }
    Ok(Exit::Done)
}
