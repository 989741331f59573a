//! Cancel requests: a read-only process asks the writing process to cancel a run.
//!
//! On disk each request is a small file that appears as a whole or not at all; in RAM it is an entry of a queue.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nexus_core::system::CancelRequest;
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
    Ram(Mutex<BTreeMap<String, CancelRequest>>),
    Disk(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Cancel {
    principal: Principal,
    run: RunId,
}

impl Requests {
    pub(crate) fn ask(&self, request: CancelRequest) -> Result<()> {
        let name = format!("cancel-{}.json", UuidV7.next());
        match self {
            Self::Ram(queue) => {
                queue.lock().unwrap_or_else(PoisonError::into_inner).insert(name, request);
                Ok(())
            }
            Self::Disk(dir) => {
                let body = to_json(&Cancel { principal: request.principal, run: request.run })?;
                write_whole(dir, &name, body.as_bytes())
            }
        }
    }

    /// Returns the pending requests with their names, oldest first.
    pub(crate) fn pending(&self) -> Result<Vec<(String, CancelRequest)>> {
        match self {
            Self::Ram(queue) => {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(queue.iter().map(|(name, request)| (name.clone(), request.clone())).collect())
            }
            Self::Disk(dir) => pending_files(dir),
        }
    }

    /// Removes a request, and returns whether this call did.
    pub(crate) fn remove(&self, name: &str) -> bool {
        match self {
            Self::Ram(queue) => queue.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some(),
            Self::Disk(dir) => fs::remove_file(dir.join(name)).is_ok(),
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

/// Returns the pending requests in `dir`. A file that cannot be parsed is left out, since it may not be a request.
fn pending_files(dir: &Path) -> Result<Vec<(String, CancelRequest)>> {
    if directory::is_link(dir) {
        return Ok(Vec::new());
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file("read", dir, source)),
    };
    let request_name = |entry: DirEntry| {
        let name = entry.file_name().to_str().filter(|name| directory::is_cancel_request(name))?.to_owned();
        entry.file_type().is_ok_and(|kind| kind.is_file()).then_some(name)
    };
    let mut names: Vec<String> = entries.flatten().filter_map(request_name).collect();
    names.sort();
    let mut requests = Vec::new();
    for name in names {
        let path = dir.join(&name);
        // A request that cannot be read now stays for the next time, and does not lose the others.
        match read_file(&path) {
            Ok(request) => requests.push((name, request)),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "a cancel request could not be read");
            }
        }
    }
    Ok(requests)
}

fn read_file(path: &Path) -> std::io::Result<CancelRequest> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    let Cancel { principal, run } = serde_json::from_str(&text)?;
    Ok(CancelRequest { principal, run })
}
