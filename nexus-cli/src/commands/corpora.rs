//! `nexus corpora`.

use clap::{Args, Subcommand};
use nexus_core::corpus::{Corpus, CorpusConfig, CorpusPatch};
use nexus_core::document::ChunkConfig;
use nexus_core::document::store::DocumentQuery;
use nexus_core::{CorpusId, Error, Result};
use serde_json::{Value, json};

use super::chunking::Chunking;
use super::pages::{ALL, PageArgs};
use super::removal::{Removal, Target, may_go_on};
use super::table::Table;
use super::{batch, docs};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::left_jobs;
use crate::terminal::size;

const SETTINGS: &str = "\
Settings are one JSON object; `{}` means the defaults, an unknown field is refused:
  {
    \"retrieval\": {\"provider\": \"local_pgvector\", \"top_k_default\": 5},
    \"chunking\": {\"size\": {\"tokens\": 512}, \"overlap\": 64},
    \"language\": \"en\",
    \"answers\": \"lenient\"
  }

Examples:
  nexus corpora create handbook --name \"The handbook\"
  nexus corpora set handbook --config '{\"retrieval\": {\"top_k_default\": 8}}'
  nexus corpora set handbook --config @settings.json";

#[derive(Debug, Subcommand)]
pub(crate) enum CorporaCommand {
    /// List the corpora of the tenant, in order of id
    List {
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Show a corpus and its effective settings
    Show {
        /// The corpus
        corpus: CorpusId,
    },
    /// Create an empty corpus
    #[command(after_long_help = SETTINGS)]
    Create {
        /// Its id
        corpus: CorpusId,
        #[command(flatten)]
        settings: CorpusSettings,
    },
    /// Change a corpus's name or settings
    ///
    /// New settings replace all of the old. How documents are cut changes for documents that come later; `nexus
    /// corpora reindex` cuts those that are there.
    #[command(after_long_help = SETTINGS)]
    Set {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        settings: CorpusSettings,
    },
    /// Remove a corpus with all its documents
    Rm {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        removal: Removal,
    },
    /// Chunk all documents of a corpus again, from their raw bytes
    ///
    /// Documents stay searchable with their old passages until the new ones are published.
    Reindex {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        chunking: Chunking,
    },
}

/// Settings of a corpus.
#[derive(Debug, Args)]
pub(crate) struct CorpusSettings {
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// Its settings: a JSON object, or `@FILE` to read them from a file
    #[arg(long, value_name = "JSON", value_parser = parse_settings)]
    config: Option<Value>,
}

pub(super) async fn run(context: &Context<'_>, command: CorporaCommand) -> Result<Exit> {
    match command {
        CorporaCommand::List { page } => {
            context.with_reader(async |opened| list(context, opened, &page).await).await
        }
        CorporaCommand::Show { corpus } => {
            context.with_reader(async |opened| show(context, opened, &corpus).await).await
        }
        CorporaCommand::Create { corpus, settings } => {
            context
                .with_writer_or_create(async |opened| {
                    create(context, opened, corpus.clone(), &settings).await
                })
                .await
        }
        CorporaCommand::Set { corpus, settings } => {
            context.with_writer(async |opened| set(context, opened, &corpus, &settings).await).await
        }
        CorporaCommand::Rm { corpus, removal } => {
            let targets = async |opened: &OpenStore| targets(context, opened, &corpus).await;
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            context.with_writer_no_jobs(async |opened| remove(context, opened, &corpus).await).await
        }
        CorporaCommand::Reindex { corpus, chunking } => {
            let chunking = chunking.config()?;
            context
                .with_writer_no_jobs(async |opened| {
                    Box::pin(reindex(context, opened, corpus.clone(), chunking)).await
                })
                .await
        }
    }
}

async fn list(context: &Context<'_>, opened: &OpenStore, page: &PageArgs<ALL>) -> Result<Exit> {
    let read = |page| opened.nexus.corpora(&context.caller, page);
    let corpora = page.read(read, |_, corpus| corpus.id.to_string()).await?;
    if context.output.is_json() {
        context.output.json(&corpora.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["CORPUS", "MADE", "NAME"]);
    for corpus in &corpora.entries {
        table.row([corpus.id.to_string(), corpus.created_at.to_string(), corpus.name.clone()]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    corpora.tell(context.output);
    Ok(Exit::Done)
}

async fn show(context: &Context<'_>, opened: &OpenStore, id: &CorpusId) -> Result<Exit> {
    let corpus = opened.nexus.corpus(&context.caller, id).await?;
    print(context, &corpus)
}

fn print(context: &Context<'_>, corpus: &Corpus) -> Result<Exit> {
    let output = context.output;
    let in_force = CorpusConfig::parse(&corpus.provider_config_json)?;
    if output.is_json() {
        output.json(&json!({ "corpus": corpus, "settings_in_force": in_force }))?;
        return Ok(Exit::Done);
    }
    let json = serde_json::to_string(&in_force)
        .map_err(|error| Error::unexpected("cannot serialise the settings").because(error))?;
    output.line(format_args!("corpus     {}", corpus.id))?;
    output.line(format_args!("name       {}", corpus.name))?;
    output.line(format_args!("made       {}", corpus.created_at))?;
    output.line(format_args!("set        {}", corpus.provider_config_json))?;
    output.line(format_args!("in force   {json}"))?;
    Ok(Exit::Done)
}

async fn create(
    context: &Context<'_>,
    opened: &OpenStore,
    id: CorpusId,
    settings: &CorpusSettings,
) -> Result<Exit> {
    let name = settings.name.clone().unwrap_or_else(|| id.to_string());
    let config = settings.config.clone().unwrap_or_else(|| json!({}));
    let corpus = opened.nexus.create_corpus(&context.caller, id, &name, config).await?;
    print(context, &corpus)
}

async fn set(
    context: &Context<'_>,
    opened: &OpenStore,
    id: &CorpusId,
    settings: &CorpusSettings,
) -> Result<Exit> {
    let patch = CorpusPatch { name: settings.name.clone(), provider_config_json: settings.config.clone() };
    if patch == CorpusPatch::default() {
        return Err(Error::invalid("no setting to change").with_hint("give `--name` or `--config`"));
    }
    let corpus = opened.nexus.update_corpus(&context.caller, id, patch).await?;
    print(context, &corpus)
}

/// Returns the corpus and the documents in it that the caller may read, as targets of a removal.
async fn targets(context: &Context<'_>, opened: &OpenStore, id: &CorpusId) -> Result<Vec<Target>> {
    opened.nexus.removable_corpus(&context.caller, id).await?;
    let query = DocumentQuery { corpus: Some(id.clone()), ..DocumentQuery::default() };
    let documents = docs::all(context, &opened.nexus, &query).await?;
    let passages: u64 = documents.iter().map(|document| u64::from(document.passages)).sum();
    let bytes: u64 = documents.iter().map(|document| document.size_bytes).sum();
    let (count, bytes_in_words) = (documents.len(), size(bytes));
    let words = format!("the corpus {id} (documents: {count}, passages: {passages}, size: {bytes_in_words})");
    let json = json!({ "corpus": id, "documents": count, "passages": passages, "size_bytes": bytes });
    Ok(vec![Target { words, json }])
}

async fn remove(context: &Context<'_>, opened: &OpenStore, id: &CorpusId) -> Result<Exit> {
    // A corpus with a document whose job is in flight cannot be removed.
    left_jobs::before(context, &opened.nexus).await?;
    if context.interrupts.was_interrupted() {
        return Ok(Exit::Cancelled);
    }
    opened.nexus.delete_corpus(&context.caller, id).await?;
    docs::removed(context, id.as_str())
}

async fn reindex(
    context: &Context<'_>,
    opened: &OpenStore,
    id: CorpusId,
    chunking: Option<ChunkConfig>,
) -> Result<Exit> {
    // A corpus that does not exist is an error; one without documents is not.
    opened.nexus.corpus(&context.caller, &id).await?;
    let query = DocumentQuery { corpus: Some(id), ..DocumentQuery::default() };
    let documents = docs::all(context, &opened.nexus, &query).await?;
    let documents = documents.into_iter().map(|document| document.id).collect();
    batch::reindex(context, &opened.nexus, documents, chunking).await
}

/// Reads a file of settings, up to a limit of bytes.
fn read_settings(path: &str) -> std::io::Result<String> {
    const LONGEST: u64 = 1024 * 1024;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, LONGEST + 1), &mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(std::io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    Ok(text)
}

fn parse_settings(text: &str) -> Result<Value, String> {
    let json = match text.strip_prefix('@') {
        Some(path) => read_settings(path).map_err(|error| format!("`{path}`: {error}"))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&json).map_err(|error| format!("this is not JSON: {error}"))
}
