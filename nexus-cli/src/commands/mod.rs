//! Commands, one module for each verb with its arguments and its `run`: arguments become calls of
//! [`nexus_core::Nexus`], and results become text.
//!
//! Verbs share `filters`, `chunking` and `removal` (options), `standard_input`, `stdout_pipe` and `user_files` (input and
//! output), `discover_files`, `batch` and `folders` (documents), `render_answer`, `table` and `warnings` (text).

mod ask;
mod backup;
mod batch;
mod budget;
mod chat;
mod chunking;
mod completions;
mod config;
mod corpora;
mod discover_files;
mod docs;
mod export;
mod filters;
mod folders;
mod ignored;
mod import;
mod ingest;
mod kill_switch;
mod ledger;
mod models;
mod pages;
mod parse_worker;
mod pricing;
mod providers;
mod removal;
mod render_answer;
mod resources;
mod retention;
mod runs;
mod search;
mod sessions;
mod standard_input;
mod status;
mod stdout_pipe;
mod table;
mod usage;
mod user_files;
mod warnings;

use clap::Subcommand;
use nexus_core::Result;

use crate::context::Context;
use crate::exit::Exit;
use crate::output::Output;

/// Commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ingest(ingest::IngestArgs),
    Ask(ask::AskArgs),
    Search(search::SearchArgs),
    Chat(chat::ChatArgs),
    /// Sets of documents that are searched together
    #[command(subcommand)]
    Corpora(corpora::CorporaCommand),
    /// Documents, and who may use them
    #[command(subcommand)]
    Docs(docs::DocsCommand),
    /// Questions that were asked, and their signed records
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Conversations
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Providers of models
    #[command(subcommand)]
    Providers(providers::ProvidersCommand),
    /// Available models: their role, context length and price
    ///
    /// Lists the providers that are configured, and those whose key is known, with the model that each is asked for
    /// unless a question names another. A model without a price is not called; `nexus pricing set` gives it one.
    Models,
    /// Effective configuration and its sources
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Usage(usage::UsageArgs),
    /// Cost of each attempt to call a vendor
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Prices of models
    #[command(subcommand)]
    Pricing(pricing::PricingCommand),
    /// Limits of consumption
    #[command(subcommand)]
    Budget(budget::BudgetCommand),
    /// Kill switch for all calls to models
    #[command(subcommand, visible_alias = "shutoff")]
    KillSwitch(kill_switch::KillSwitchCommand),
    /// Retention periods of records
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    #[command(flatten)]
    Resources(resources::ResourceCommand),
    /// Contents of the store, and its search mode
    ///
    /// Says where the data is, who you are, how questions are answered, whether search is lexical, and how much there
    /// is of everything. Works while another process uses the data directory.
    Status,
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Backup(backup::BackupArgs),
    Completions(completions::CompletionsArgs),
    /// Reads documents for another process, on standard input and output
    #[command(hide = true)]
    ParseWorker,
}

impl Command {
    /// Returns the providers that the command names.
    pub(crate) fn providers(&self) -> Vec<String> {
        if let Self::Ask(ask) = self {
            ask.provider.iter().cloned().collect()
        } else if let Self::Providers(providers::ProvidersCommand::Check(check)) = self {
            check.providers.clone()
        } else {
            Vec::new()
        }
    }

    /// Returns whether the command ingests, which needs several threads.
    pub(crate) fn is_parallel(&self) -> bool {
        matches!(
            self,
            Self::Ingest(_)
                | Self::Docs(docs::DocsCommand::Reindex { .. })
                | Self::Corpora(corpora::CorporaCommand::Reindex { .. })
        )
    }

    /// Runs a command that needs neither configuration nor runtime; returns `None` for all others.
    pub(crate) fn run_alone(&self, output: &Output) -> Option<Result<Exit>> {
        if let Self::ParseWorker = self {
            Some(parse_worker::run())
        } else if let Self::Completions(completions) = self {
            Some(completions::run(output, completions))
        } else {
            None
        }
    }
}

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
        Command::Providers(providers) => Box::pin(providers::run(context, providers)).await,
        Command::Models => Box::pin(models::run(context)).await,
        Command::Config(config) => config::run(context, &config),
        Command::Usage(usage) => usage::run(context, usage).await,
        Command::Ledger(ledger) => ledger::run(context, ledger).await,
        Command::Pricing(pricing) => Box::pin(pricing::run(context, pricing)).await,
        Command::Budget(budget) => Box::pin(budget::run(context, budget)).await,
        Command::KillSwitch(switch) => Box::pin(kill_switch::run(context, switch)).await,
        Command::Retention(retention) => Box::pin(retention::run(context, retention)).await,
        Command::Resources(command) => Box::pin(resources::run(context, command)).await,
        Command::Status => status::run(context).await,
        Command::Export(export) => export::run(context, export).await,
        Command::Import(import) => import::run(context, import).await,
        Command::Backup(backup) => backup::run(context, backup).await,
        // `run_alone` runs both.
        Command::Completions(_) | Command::ParseWorker => Ok(Exit::Done),
    }
}
