//! `nexus ingest`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_core::access::{Grantee, Permission};
use nexus_core::document::store::Submitted;
use nexus_core::document::{ChunkConfig, Metadata, NewDocument};
use nexus_core::error::Failure;
use nexus_core::{CorpusId, DocumentId, Error, ErrorKind, Nexus, Result};
use serde_json::{Value, json};

use super::batch::{self, Outcome, Record};
use super::chunking::Chunking;
use super::discover_files::{self, Item};
use super::folders::Folders;
use super::standard_input::{STANDARD_INPUT, off_thread};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::left_jobs;

const ABOUT: &str = "\
Ingests files and folders into a corpus, which is created if there is none.

Folders are walked; hidden files and those that `.gitignore` or `.nexusignore` names are skipped. Each file is one document. \
Its format is recognised by its content: text, Markdown, HTML, PDF, Word, PowerPoint, Excel, CSV, e-mail, JSON and \
source code. A file that cannot be read fails by itself, with a reason, and the others go on; the exit code is then 1.

A document's id is the corpus and its path below the folder you give, such as `handbook/travel/hotels.md`, so the same \
command ingests only new files when it runs again. A file whose content or metadata changed is refused without \
`--overwrite`.

A command that was killed leaves its documents queued; the next command that writes, such as this one or `ask`, finishes them.

Each folder has one line of output, and with `-v` each file. Files that fail or have warnings are always named. The last line \
counts what was left out: hidden and ignored entries, links, pipes and devices.";

const EXAMPLES: &str = "\
Examples:
  nexus ingest ./docs --corpus handbook
  nexus ingest report.pdf notes/ --corpus work --tag 2026 --meta department=finance --meta year=2026
  nexus ingest ./docs --corpus handbook --overwrite --share role:reader
  curl -s https://example.org/page | nexus ingest - --corpus web --id page --name page.html";

/// Read files and folders into a corpus
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct IngestArgs {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The corpus
    #[arg(long, short, value_name = "ID")]
    corpus: CorpusId,
    /// A label for every document; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A fact about every document, for filters; a value that reads as JSON is taken as such; may be repeated
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = fact)]
    metadata: Vec<(String, Value)>,
    /// Grant read permission on every document: `role:reader`, `user:ID`, `group:ID`; may be repeated
    #[arg(long = "share", value_name = "WHO")]
    share: Vec<Grantee>,
    /// The document's id, for a single file
    #[arg(long, value_name = "ID")]
    id: Option<DocumentId>,
    /// The document's name, for a single file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace documents that changed
    #[arg(long)]
    overwrite: bool,
    /// Fail documents of which a part was not read, instead of warning
    #[arg(long)]
    strict: bool,
    /// Read hidden and ignored files too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    chunking: Chunking,
}

pub(super) async fn run(context: &Context<'_>, ingest: IngestArgs) -> Result<Exit> {
    let chunking = ingest.chunking.config()?;
    let except = [context.data.as_path(), context.config_dir.as_path()];
    let (mut files, left_out) = discover_files::items(&ingest.paths, &ingest.corpus, ingest.all, &except);
    name_single(&ingest, &mut files)?;
    let files = by_folder(&ingest, files, context.verbose);
    let folders = Folders::new(files.iter().filter_map(|found| found.folder.clone()));
    context
        .with_writer_no_jobs_or_create(async |OpenStore { nexus, .. }| {
            let earlier = left_jobs::before(context, nexus).await?;
            ensure_corpus(context, nexus, &ingest.corpus).await?;
            let ingest = &ingest;
            let one = |Found { path, folder, item }: Found| async move {
                let (document_id, outcome) = match item {
                    Ok(item) => ingest_file(context, nexus, ingest, chunking, item).await,
                    Err(error) => (None, Outcome::Failed { failure: Failure::from(&error) }),
                };
                Record { source: path.to_string_lossy().into_owned(), document_id, folder, outcome }
            };
            Box::pin(batch::all(context, files, folders, (earlier, left_out), one)).await
        })
        .await
}

/// File of the command, and the folder whose line stands for it.
struct Found {
    path: PathBuf,
    folder: Option<String>,
    item: Result<Item>,
}

/// Assigns files to their folders. A file that the command line names has a line of its own; with `verbose` each has.
fn by_folder(ingest: &IngestArgs, files: Vec<(PathBuf, Result<Item>)>, verbose: bool) -> Vec<Found> {
    let named: BTreeSet<&Path> = ingest.paths.iter().map(PathBuf::as_path).collect();
    let folder = |path: &Path| {
        let folder = path.parent().filter(|_| !verbose && !named.contains(path))?;
        Some(folder.to_string_lossy().into_owned())
    };
    files.into_iter().map(|(path, item)| Found { folder: folder(&path), path, item }).collect()
}

/// Applies `--id` and `--name`, which need exactly one document.
fn name_single(ingest: &IngestArgs, files: &mut [(PathBuf, Result<Item>)]) -> Result<()> {
    if ingest.id.is_none() && ingest.name.is_none() {
        return Ok(());
    }
    let [(_, item)] = files else {
        let message = format!("`--id` and `--name` need exactly one document, not {}", files.len());
        return Err(Error::invalid(message).with_hint("ingest that file alone"));
    };
    if let Ok(item) = item {
        item.id = ingest.id.clone().or(item.id.take());
        item.name = ingest.name.clone().unwrap_or_else(|| item.name.clone());
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
async fn ingest_file(
    context: &Context<'_>,
    nexus: &Nexus,
    ingest: &IngestArgs,
    chunking: Option<ChunkConfig>,
    item: Item,
) -> (Option<DocumentId>, Outcome) {
    let document = NewDocument {
        id: item.id.clone(),
        tags: ingest.tags.iter().cloned().collect(),
        metadata: ingest.metadata.iter().cloned().collect::<Metadata>(),
        chunking,
        overwrite: ingest.overwrite,
        strict: ingest.strict,
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
        off_thread(move || standard_input(limit)).await?
    } else {
        File::open(path).map_err(unreadable)?
    };
    let overwrites = document.overwrite;
    let submitted = nexus.ingest(&context.caller, document, file).await;
    submitted.map_err(|error| match error.code() {
        "DOCUMENT_EXISTS" if overwrites => error.with_hint("give it another `--id`"),
        "DOCUMENT_EXISTS" => error.with_hint(
            "give it another `--id`, or replace the document with `--overwrite` if you may write it",
        ),
        _ => error,
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
    Error::new(ErrorKind::Unavailable, what).with_code("FILE_UNREADABLE").because(error)
}

async fn share(
    context: &Context<'_>,
    nexus: &Nexus,
    ingest: &IngestArgs,
    document: &DocumentId,
) -> Result<()> {
    for grantee in &ingest.share {
        nexus.grant(&context.caller, document, grantee.clone(), Permission::Read, None).await?;
    }
    Ok(())
}

/// Parses `key=value`. `2026`, `true` and `"2026"` are JSON; any other value is plain text.
fn fact(text: &str) -> Result<(String, Value), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it like `department=finance`")?;
    if key.is_empty() {
        return Err("the key is empty");
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}
