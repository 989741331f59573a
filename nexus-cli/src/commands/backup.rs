//! `nexus backup`.

use std::path::PathBuf;

use clap::Args;
use nexus_core::Result;
use serde_json::json;

use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const ABOUT: &str = "\
Copies the data directory with all its tenants to a new directory, consistently and while another process uses it. The \
copy is a data directory like any other. Your audit key is not in it: keep a copy of that elsewhere.";

const EXAMPLES: &str = "\
Examples:
  nexus backup /backup/nexus-2026-03-01
  nexus --data /backup/nexus-2026-03-01 status";

/// Copy the data directory while it is in use
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct BackupArgs {
    /// The copy, a directory that must not exist or be empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) async fn run(context: &Context<'_>, BackupArgs { directory }: BackupArgs) -> Result<Exit> {
    let copy = async |OpenStore { nexus, store }: &OpenStore| {
        nexus.authorise_export(&context.caller).await?;
        store.backup(&directory).await
    };
    context.with_reader(copy).await?;
    let line = format!("copied the store to `{}`; the audit key is not in it", directory.display());
    context.output.json_or_line(&json!({ "backup": directory }), line)?;
    Ok(Exit::Done)
}
