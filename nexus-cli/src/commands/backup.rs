//! `nexus backup`.

use std::path::PathBuf;

use clap::Args;
use nexus_core::Result;
use nexus_core::transfer::BackupScope;
use serde_json::json;

use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const ABOUT: &str = "\
Copies the data directory with all its tenants to a new directory, consistently and while another process uses it. The \
copy is a data directory like any other. With `--only-tenant` it holds one tenant alone. Your audit key is not in it: keep a copy of that elsewhere.";

const EXAMPLES: &str = "\
Examples:
  nexus backup /backup/nexus-2026-03-01
  nexus --tenant acme backup --only-tenant /backup/acme-2026-03-01
  nexus --data /backup/nexus-2026-03-01 status";

/// Copy the data directory while it is in use
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct BackupArgs {
    /// The copy, a directory that must not exist or be empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Copy the tenant that you act in alone, without a row or a file of another
    #[arg(long)]
    only_tenant: bool,
}

pub(super) async fn run(
    context: &Context<'_>,
    BackupArgs { directory, only_tenant }: BackupArgs,
) -> Result<Exit> {
    let scope = if only_tenant { BackupScope::Tenant } else { BackupScope::Store };
    let copy =
        async |OpenStore { nexus, .. }: &OpenStore| nexus.backup(&context.caller, &directory, scope).await;
    context.with_reader(copy).await?;
    let copied = match scope {
        BackupScope::Tenant => format!("the tenant {}", context.caller.tenant_id()),
        BackupScope::Store => "the store".to_owned(),
    };
    let line = format!("copied {copied} to `{}`; the audit key is not in it", directory.display());
    context.output.json_or_line(&json!({ "backup": directory, "scope": scope }), line)?;
    Ok(Exit::Done)
}
