//! `nexus export`.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use nexus_core::transfer::{ExportSink, Exported};
use nexus_core::{DocumentId, Result};
use serde_json::json;

use super::stdout_pipe::{STANDARD_OUTPUT, StdoutPipe};
use super::user_files::{create, remove_if_made};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::count;

const ABOUT: &str = "\
Exports all data of the tenant to one file of JSON lines, with raw documents and signed records. Keys are never in it. Works while another process uses the data directory.";

const EXAMPLES: &str = "\
Examples:
  nexus export all.jsonl
  nexus export | gzip > all.jsonl.gz";

/// Export all data of the tenant to a file
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// The file, which must not exist; `-` is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
}

pub(super) async fn run(context: &Context<'_>, ExportArgs { file }: ExportArgs) -> Result<Exit> {
    let piped = file.as_os_str() == STANDARD_OUTPUT;
    let Exported { lines, sha256, removed } = context
        .with_reader(async |OpenStore { nexus, .. }| {
            if piped {
                let open = || Ok(Box::new(BufWriter::new(StdoutPipe::default())) as ExportSink);
                return nexus.export(&context.caller, open).await;
            }
            let mut made = None;
            let open = || {
                let out = create(&file)?;
                made = Some(out.metadata().ok());
                Ok(Box::new(BufWriter::new(out)) as ExportSink)
            };
            let exported = nexus.export(&context.caller, open).await;
            if let (Err(_), Some(made)) = (&exported, made) {
                remove_if_made(&file, made.as_ref());
            }
            exported
        })
        .await?;
    if !removed.is_empty() {
        context.output.note(format_args!(
            "{} of {}, which runs showed, are in it: {}",
            count(removed.values().sum(), "passage"),
            count(removed.len() as u64, "removed document"),
            removed.keys().map(DocumentId::as_str).collect::<Vec<_>>().join(", "),
        ));
    }
    if piped {
        return Ok(Exit::Done);
    }
    let json = json!({ "exported": file, "lines": lines, "sha256": sha256, "removed": removed });
    context.output.json_or_line(&json, format_args!("exported {lines} lines"))?;
    Ok(Exit::Done)
}
