//! `nexus sessions`.

use clap::Subcommand;
use nexus_core::llm::MessageRole;
use nexus_core::{Result, SessionId};

use super::pages::PageArgs;
use super::render_answer;
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::one_line;

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
    if context.output.is_json() {
        context.output.json(&messages.entries)?;
        return Ok(Exit::Done);
    }
    for message in &messages.entries {
        match message.role {
            MessageRole::User => context.output.line(format_args!("> {}", message.text))?,
            MessageRole::Assistant => {
                context.output.line(format_args!("{}\n", message.text))?;
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
