//! `nexus ingest`.

use std::fs::File;
use std::io;
use std::path::Path;

use nexus_core::access::Permission;
use nexus_core::document::store::Submitted;
use nexus_core::document::{ChunkConfig, Failure, Metadata, NewDocument};
use nexus_core::{CorpusId, DocumentId, Error, ErrorKind, Nexus, Result};
use serde_json::json;

use super::batch::{self, Outcome, Record};
use super::discover_files::{self, Item, STANDARD_INPUT};
use crate::args::Ingest;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::count;

pub(super) async fn run(context: &Context<'_>, ingest: Ingest) -> Result<Exit> {
    let chunking = ingest.chunking.config()?;
    let except = [context.data.as_path(), context.config_dir.as_path()];
    let mut files = discover_files::items(&ingest.paths, &ingest.corpus, ingest.all, &except);
    name_single(&ingest, &mut files)?;
    context
        .with_writer_or_create(async |OpenStore { nexus, .. }| {
            finish_what_was_left(context, nexus).await?;
            ensure_corpus(context, nexus, &ingest.corpus).await?;
            let ingest = &ingest;
            let one = |(path, item): (std::path::PathBuf, Result<Item>)| async move {
                let (document_id, outcome) = match item {
                    Ok(item) => bring(context, nexus, ingest, chunking, item).await,
                    Err(error) => (None, Outcome::Failed { failure: Failure::from(&error) }),
                };
                Record { source: path.to_string_lossy().into_owned(), document_id, outcome }
            };
            Box::pin(batch::all(context, files, one)).await
        })
        .await
}

/// Applies `--id` and `--name`, which need exactly one document.
fn name_single(ingest: &Ingest, files: &mut [(std::path::PathBuf, Result<Item>)]) -> Result<()> {
    if ingest.id.is_none() && ingest.name.is_none() {
        return Ok(());
    }
    let [(_, item)] = files else {
        let message = format!("`--id` and `--name` need exactly one document, not {}", files.len());
        return Err(Error::invalid(message).hint("ingest that file alone"));
    };
    if let Ok(item) = item {
        item.id = ingest.id.clone().or(item.id.take());
        item.name = ingest.name.clone().unwrap_or_else(|| item.name.clone());
    }
    Ok(())
}

/// Runs the jobs that an earlier process left, before new ones are queued.
async fn finish_what_was_left(context: &Context<'_>, nexus: &Nexus) -> Result<()> {
    let done = nexus.run_pending_jobs().await?;
    if done > 0 {
        context
            .output
            .note(format_args!("finished {} left by an earlier command", count(done as u64, "document")));
    }
    Ok(())
}

async fn ensure_corpus(context: &Context<'_>, nexus: &Nexus, corpus: &CorpusId) -> Result<()> {
    match nexus.corpus(&context.caller, corpus).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            nexus.create_corpus(&context.caller, corpus.clone(), corpus.as_str(), json!({})).await.map(drop)
        }
        found => found.map(drop),
    }
}

/// Ingests one file, waits for its job, and grants access to it.
async fn bring(
    context: &Context<'_>,
    nexus: &Nexus,
    ingest: &Ingest,
    chunking: Option<ChunkConfig>,
    item: Item,
) -> (Option<DocumentId>, Outcome) {
    let document = NewDocument {
        id: item.id.clone(),
        tags: ingest.tags.iter().cloned().collect(),
        metadata: ingest.metadata.iter().cloned().collect::<Metadata>(),
        chunking,
        overwrite: ingest.overwrite,
        ..NewDocument::new(ingest.corpus.clone(), item.name)
    };
    let submitted = submit(context, nexus, document, &item.path).await;
    let id = submitted.as_ref().ok().map(|submitted| submitted.document_id.clone()).or(item.id);
    let outcome = batch::outcome(context, nexus, submitted).await;
    let searchable = matches!(outcome, Outcome::Done { .. } | Outcome::Unchanged { .. });
    let shared = match &id {
        Some(document) if searchable => share(context, nexus, ingest, document).await,
        Some(_) | None => Ok(()),
    };
    let failed = |error| Outcome::Failed { failure: Failure::from(&error) };
    (id, shared.map_or_else(failed, |()| outcome))
}

async fn submit(
    context: &Context<'_>,
    nexus: &Nexus,
    document: NewDocument,
    path: &Path,
) -> Result<Submitted> {
    let file = if path.as_os_str() == STANDARD_INPUT {
        let limit = context.settings.max_document_bytes;
        super::off_thread(move || standard_input(limit)).await?
    } else {
        File::open(path).map_err(unreadable)?
    };
    let submitted = nexus.ingest(&context.caller, document, file).await;
    submitted.map_err(|error| {
        let replaceable = error.stable_code() == "DOCUMENT_EXISTS";
        if replaceable {
            error.hint("replace it with `--overwrite`, or give it another `--id`")
        } else {
            error
        }
    })
}

/// Copies standard input, which cannot be read twice, into an unnamed file, up to the size at which it is refused.
fn standard_input(limit: u64) -> Result<File> {
    use io::{Read as _, Seek as _};
    let keep = || {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut io::stdin().lock().take(limit.saturating_add(1)), &mut file)?;
        file.rewind()?;
        Ok(file)
    };
    keep().map_err(unreadable)
}

fn unreadable(error: io::Error) -> Error {
    let what = if error.kind() == io::ErrorKind::PermissionDenied {
        "permission denied"
    } else {
        "cannot read the file"
    };
    Error::new(ErrorKind::Unavailable, what).code("FILE_UNREADABLE").because(error)
}

async fn share(context: &Context<'_>, nexus: &Nexus, ingest: &Ingest, document: &DocumentId) -> Result<()> {
    for grantee in &ingest.share {
        nexus.grant(&context.caller, document, grantee.clone(), Permission::Read, None).await?;
    }
    Ok(())
}
