//! `nexus corpora`.

use nexus_core::document::store::{CorpusPatch, DocumentQuery};
use nexus_core::document::{ChunkConfig, Corpus};
use nexus_core::retrieve::CorpusConfig;
use nexus_core::{CorpusId, Error, Result};
use serde_json::json;

use super::removal::{Target, may_go_on};
use super::table::Table;
use super::{batch, docs};
use crate::args::{Corpora, CorpusSettings};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::size;

pub(super) async fn run(context: &Context<'_>, command: Corpora) -> Result<Exit> {
    match command {
        Corpora::List => context.with_reader(async |opened| list(context, opened).await).await,
        Corpora::Show { corpus } => {
            context.with_reader(async |opened| show(context, opened, &corpus).await).await
        }
        Corpora::Create { corpus, settings } => {
            context
                .with_writer_or_create(async |opened| {
                    create(context, opened, corpus.clone(), &settings).await
                })
                .await
        }
        Corpora::Set { corpus, settings } => {
            context.with_writer(async |opened| set(context, opened, &corpus, &settings).await).await
        }
        Corpora::Rm { corpus, removal } => {
            let targets = async |opened: &OpenStore| targets(context, opened, &corpus).await;
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            context.with_writer(async |opened| remove(context, opened, &corpus).await).await
        }
        Corpora::Reindex { corpus, chunking } => {
            let chunking = chunking.config()?;
            context
                .with_writer(async |opened| {
                    Box::pin(reindex(context, opened, corpus.clone(), chunking)).await
                })
                .await
        }
    }
}

async fn list(context: &Context<'_>, opened: &OpenStore) -> Result<Exit> {
    let corpora = opened.nexus.corpora(&context.caller).await?;
    if context.output.is_json() {
        context.output.json(&corpora)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["CORPUS", "MADE", "NAME"]);
    for corpus in corpora {
        table.row([corpus.id.to_string(), corpus.created_at.to_string(), corpus.name]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
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
        return Err(Error::invalid("no setting to change").hint("give `--name` or `--config`"));
    }
    let corpus = opened.nexus.update_corpus(&context.caller, id, patch).await?;
    print(context, &corpus)
}

/// Returns the corpus and the documents in it that the caller may read, as targets of a removal.
async fn targets(context: &Context<'_>, opened: &OpenStore, id: &CorpusId) -> Result<Vec<Target>> {
    opened.nexus.removable_corpus(&context.caller, id).await?;
    let query = DocumentQuery { corpus: Some(id.clone()), ..DocumentQuery::default() };
    let documents = docs::all(context, &opened.nexus, query).await?;
    let passages: u64 = documents.iter().map(|document| u64::from(document.passages)).sum();
    let bytes: u64 = documents.iter().map(|document| document.size_bytes).sum();
    let (count, bytes_in_words) = (documents.len(), size(bytes));
    let words = format!("the corpus {id} (documents: {count}, passages: {passages}, size: {bytes_in_words})");
    let json = json!({ "corpus": id, "documents": count, "passages": passages, "size_bytes": bytes });
    Ok(vec![Target { words, json }])
}

async fn remove(context: &Context<'_>, opened: &OpenStore, id: &CorpusId) -> Result<Exit> {
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
    let documents = docs::all(context, &opened.nexus, query).await?;
    let documents = documents.into_iter().map(|document| document.id).collect();
    batch::reindex(context, &opened.nexus, documents, chunking).await
}
