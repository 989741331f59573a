//! `nexus parse-worker`: the worker process in which documents are parsed.

use nexus_core::{Error, ErrorKind, Result};

use crate::exit::Exit;

/// Parses documents for the parent process until that process ends.
pub(super) fn run() -> Result<Exit> {
    nexus_providers::documents::serve().map(|()| Exit::Done).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "lost the connection to the parent process").because(error)
    })
}
