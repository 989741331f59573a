//! Cancel requests: how a process that only reads tells the one that writes to end a run.
//!
//! On disk each request is a small file that appears whole or not at all; in RAM it is an entry of a queue.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nexus_core::run::CancelRequest;
use nexus_core::{IdSource, Principal, Result, RunId, UuidV7};
use serde::{Deserialize, Serialize};

use crate::error::file;
use crate::private;
use crate::row::to_json;

/// Where requests wait.
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

/// Writes a file that appears under its name whole or not at all.
fn write_whole(dir: &Path, name: &str, body: &[u8]) -> Result<()> {
    let (draft, path) = (dir.join(format!(".{name}")), dir.join(name));
    let written = private::create_dir(dir)
        .and_then(|()| private::create(&draft))
        .and_then(|mut file| file.write_all(body).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(|source| file("write", &path, source))
}

fn take_files(dir: &Path) -> Result<Vec<CancelRequest>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file("read", dir, source)),
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cancel-")))
        .collect();
    paths.sort();
    let mut requests = Vec::new();
    for path in paths {
        // One that cannot be taken now stays for the next time, and does not lose those that were.
        let read = fs::read_to_string(&path).and_then(|read| fs::remove_file(&path).map(|()| read));
        let request = read
            .map_err(|error| error.to_string())
            .and_then(|read| serde_json::from_str::<Cancel>(&read).map_err(|error| error.to_string()));
        match request {
            Ok(Cancel { principal, run }) => requests.push(CancelRequest { principal, run }),
            Err(error) => {
                tracing::warn!(error, path = %path.display(), "a cancel request could not be read");
            }
        }
    }
    Ok(requests)
}
