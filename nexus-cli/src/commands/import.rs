//! `nexus import`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use clap::Args;
use nexus_core::Result;
use nexus_core::transfer::ImportSource;
use serde_json::json;

use super::standard_input::STANDARD_INPUT;
use super::user_files::unusable;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const ABOUT: &str = "\
Imports a file that `nexus export` wrote, whole or not at all. The tenant must be empty, so that nothing is mixed. Text \
indexes are built again.";

const EXAMPLES: &str = "\
Examples:
  nexus --data ./copy import all.jsonl
  gunzip -c all.jsonl.gz | nexus --data ./copy import -";

/// Import a file that `nexus export` wrote
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// The file; `-` is standard input
    file: PathBuf,
}

pub(super) async fn run(context: &Context<'_>, ImportArgs { file }: ImportArgs) -> Result<Exit> {
    let source: ImportSource = if file.as_os_str() == STANDARD_INPUT {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(&file).map_err(|error| unusable(&file, "open", error))?))
    };
    let import = async |OpenStore { nexus, .. }: &OpenStore| nexus.import(&context.caller, source).await;
    let lines = context.with_writer_or_create(import).await?;
    let json = json!({ "imported": file, "lines": lines });
    context.output.json_or_line(&json, format_args!("imported {lines} lines"))?;
    Ok(Exit::Done)
}
