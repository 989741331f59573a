//! Commands, one module for each group: arguments become calls of [`nexus_core::Nexus`], and results become text.

mod ask;
mod batch;
mod budget;
mod chat;
mod config;
mod corpora;
mod discover_files;
mod docs;
mod ignored;
mod ingest;
mod ledger;
mod models;
mod pricing;
mod providers;
mod removal;
mod render_answer;
mod retention;
mod runs;
mod search;
mod sessions;
mod shutoff;
mod status;
mod table;
mod usage;
mod verify;
mod warnings;
mod whole;

use std::io::Read as _;

use nexus_core::retrieve::MAX_QUESTION_CHARS;
use nexus_core::{Error, ErrorKind, Result};

use crate::args::{Command, ConfigCommand, Providers};
use crate::context::Context;
use crate::exit::Exit;

/// Runs a command.
pub(crate) async fn run(context: &Context<'_>, command: Command) -> Result<Exit> {
    match command {
        Command::Ingest(ingest) => Box::pin(ingest::run(context, ingest)).await,
        Command::Ask(ask) => ask::run(context, ask).await,
        Command::Search(search) => search::run(context, search).await,
        Command::Chat(chat) => chat::run(context, chat).await,
        Command::Corpora(corpora) => Box::pin(corpora::run(context, corpora)).await,
        Command::Docs(docs) => Box::pin(docs::run(context, docs)).await,
        Command::Runs(runs) => runs::run(context, runs).await,
        Command::Sessions(sessions) => sessions::run(context, sessions).await,
        Command::Providers(Providers::Check(check)) => Box::pin(providers::check(context, check)).await,
        Command::Models => Box::pin(models::run(context)).await,
        Command::Config(ConfigCommand::Show(show)) => config::show(context, &show),
        Command::Usage(usage) => usage::run(context, usage).await,
        Command::Ledger(ledger) => ledger::run(context, ledger).await,
        Command::Pricing(pricing) => Box::pin(pricing::run(context, pricing)).await,
        Command::Budget(budget) => Box::pin(budget::run(context, budget)).await,
        Command::Shutoff(shutoff) => Box::pin(shutoff::run(context, shutoff)).await,
        Command::Retention(retention) => Box::pin(retention::run(context, retention)).await,
        Command::Status => status::run(context).await,
        Command::Export(export) => whole::export(context, &export.file).await,
        Command::Import(import) => whole::import(context, &import.file).await,
        Command::Backup(backup) => whole::backup(context, &backup.directory).await,
        // Both end before a context exists.
        Command::Completions(_) | Command::ParseWorker => Ok(Exit::Done),
    }
}

/// Parses documents for the parent process until that process ends.
pub(crate) fn parse_worker() -> Result<Exit> {
    nexus_providers::documents::serve().map(|()| Exit::Done).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "lost the connection to the parent process").because(error)
    })
}

/// Read limit of a question, in bytes: twice the longest question in the longest characters, as a search allows.
const LONGEST_QUESTION: u64 = MAX_QUESTION_CHARS as u64 * 2 * 4 + 16;

/// Returns the question of an argument or of standard input, and of one over the limit only as much as is needed to
/// refuse it.
async fn question(given: String) -> Result<String> {
    if given == "-" { off_thread(read_question).await } else { Ok(given) }
}

/// Runs blocking I/O on a thread of its own, so that it does not delay interrupts.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::unexpected("a blocking task failed").because(error))?
}

fn read_question() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(LONGEST_QUESTION)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot read standard input").because(error))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
