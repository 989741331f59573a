//! Cancel requests: a read-only process asks the writing process to cancel a run.
//!
//! On disk each request is a small file that appears as a whole or not at all; in RAM it is an entry of a queue.

use std::fs::{self, DirEntry, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nexus_core::run::CancelRequest;
use nexus_core::{IdSource, Principal, Result, RunId, UuidV7};
use serde::{Deserialize, Serialize};

use crate::convert::to_json;
use crate::error::file;
use crate::files::{directory, file_permissions};

/// Upper bound on the bytes of a request.
const MAX_BYTES: u64 = 1 << 20;

/// Queue of requests.
#[derive(Debug)]
pub(crate) enum Requests {
    Ram(Mutex<Vec<CancelRequest>>),
    Disk(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Cancel {
    principal: Principal,
    run: RunId,
}

impl Requests {
    pub(crate) fn ask(&self, request: CancelRequest) -> Result<()> {
        match self {
            Self::Ram(queue) => {
                queue.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                Ok(())
            }
            Self::Disk(dir) => {
                let body = to_json(&Cancel { principal: request.principal, run: request.run })?;
                write_whole(dir, &format!("cancel-{}.json", UuidV7.next()), body.as_bytes())
            }
        }
    }

    pub(crate) fn take(&self) -> Result<Vec<CancelRequest>> {
        match self {
            Self::Ram(queue) => {
                Ok(std::mem::take(&mut *queue.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Self::Disk(dir) => take_files(dir),
        }
    }
}

/// Writes a file that appears under its name as a whole or not at all.
fn write_whole(dir: &Path, name: &str, body: &[u8]) -> Result<()> {
    let (draft, path) = (dir.join(format!(".{name}")), dir.join(name));
    if directory::is_link(dir) {
        return Err(directory::linked(dir));
    }
    let written = file_permissions::create_dir(dir)
        .and_then(|()| file_permissions::options().write(true).create_new(true).open(&draft))
        .and_then(|mut file| file.write_all(body).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(|source| file("write", &path, source))
}

/// Takes the pending requests in `dir`. A file that cannot be parsed stays, since it may not be a request.
fn take_files(dir: &Path) -> Result<Vec<CancelRequest>> {
    if directory::is_link(dir) {
        return Ok(Vec::new());
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file("read", dir, source)),
    };
    let is_request = |entry: &DirEntry| {
        entry.file_name().to_str().is_some_and(directory::is_cancel_request)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    let mut paths: Vec<PathBuf> = entries.flatten().filter(is_request).map(|entry| entry.path()).collect();
    paths.sort();
    let mut requests = Vec::new();
    for path in paths {
        // A request that cannot be taken now stays for the next time, and does not lose the others.
        match take_file(&path) {
            Ok(request) => requests.push(request),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "a cancel request could not be read");
            }
        }
    }
    Ok(requests)
}

/// Reads a request and removes it.
fn take_file(path: &Path) -> std::io::Result<CancelRequest> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    let Cancel { principal, run } = serde_json::from_str(&text)?;
    fs::remove_file(path)?;
    Ok(CancelRequest { principal, run })
}
