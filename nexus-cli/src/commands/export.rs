//! `nexus export`.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use nexus_core::Result;
use serde_json::json;

use super::stdout_pipe::{STANDARD_OUTPUT, StdoutPipe};
use super::user_files::{create, remove_if_made};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

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
    let lines = context
        .with_reader(async |OpenStore { nexus, store }| {
            let all = nexus.authorise_export(&context.caller).await?;
            if piped {
                return store.export(&all, BufWriter::new(StdoutPipe::default())).await;
            }
            let out = create(&file)?;
            let made = out.metadata().ok();
            let exported = store.export(&all, BufWriter::new(out)).await;
            if exported.is_err() {
                remove_if_made(&file, made.as_ref());
            }
            exported
        })
        .await?;
    if piped {
        return Ok(Exit::Done);
    }
    let json = json!({ "exported": file, "lines": lines });
    context.output.json_or_line(&json, format_args!("exported {lines} lines"))?;
    Ok(Exit::Done)
}
