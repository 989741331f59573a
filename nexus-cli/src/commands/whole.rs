//! `nexus export`, `nexus import` and `nexus backup`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::discover_files::STANDARD_INPUT;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

/// Path that means standard output.
const STANDARD_OUTPUT: &str = "-";

pub(super) async fn export(context: &Context<'_>, file: &Path) -> Result<Exit> {
    let piped = file.as_os_str() == STANDARD_OUTPUT;
    let lines = context
        .with_reader(async |OpenStore { nexus, store }| {
            let all = nexus.authorise_export(&context.caller).await?;
            if piped {
                return store.export(&all, BufWriter::new(StdoutPipe::default())).await;
            }
            let out = create(file)?;
            let made = out.metadata().ok();
            let exported = store.export(&all, BufWriter::new(out)).await;
            if exported.is_err() {
                remove_if_made(file, made.as_ref());
            }
            exported
        })
        .await?;
    if piped {
        return Ok(Exit::Done);
    }
    report(context, &json!({ "exported": file, "lines": lines }), format_args!("exported {lines} lines"))
}

pub(super) async fn import(context: &Context<'_>, file: &Path) -> Result<Exit> {
    let source: Box<dyn BufRead + Send> = if file.as_os_str() == STANDARD_INPUT {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).map_err(|error| failed(file, "open", error))?))
    };
    let import = async |OpenStore { nexus, store }: &OpenStore| {
        let all = nexus.authorise_export(&context.caller).await?;
        store.import(&all, source).await
    };
    let lines = context.with_writer_or_create(import).await?;
    report(context, &json!({ "imported": file, "lines": lines }), format_args!("imported {lines} lines"))
}

pub(super) async fn backup(context: &Context<'_>, directory: &Path) -> Result<Exit> {
    let copy = async |OpenStore { nexus, store }: &OpenStore| {
        nexus.authorise_export(&context.caller).await?;
        store.backup(directory).await
    };
    context.with_reader(copy).await?;
    let line = format!("copied the store to `{}`; the audit key is not in it", directory.display());
    report(context, &json!({ "backup": directory }), line)
}

fn report(context: &Context<'_>, json: &serde_json::Value, line: impl std::fmt::Display) -> Result<Exit> {
    let output = context.output;
    let said = if output.is_json() { output.json(json) } else { output.line(line) };
    said.map(|()| Exit::Done)
}

/// Creates a new file that only its user can read, because it holds the text of documents.
pub(super) fn create(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        failed(path, "create", error)
    })
}

/// Returns the error for an existing file, because an export never overwrites one.
pub(super) fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` exists already", path.display()))
        .code("FILE_EXISTS")
        .hint("name a new file")
}

/// Removes an incomplete export, unless another file has its name meanwhile. A failure is ignored: the error to report
/// is the one that interrupted the export.
fn remove_if_made(path: &Path, made: Option<&Metadata>) {
    let id = |file: &Metadata| (file.dev(), file.ino());
    if fs::symlink_metadata(path).ok().as_ref().map(id) == made.map(id) {
        let _ = fs::remove_file(path);
    }
}

fn failed(path: &Path, what: &str, error: io::Error) -> Error {
    let kind =
        if error.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unavailable };
    Error::new(kind, format!("cannot {what} `{}`", path.display())).code("FILE_UNUSABLE").because(error)
}

/// Standard output until its reader closes it.
#[derive(Debug, Default)]
pub(super) struct StdoutPipe {
    closed: bool,
}

impl Write for StdoutPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        match io::stdout().write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed { Ok(()) } else { io::stdout().flush() }
    }
}
