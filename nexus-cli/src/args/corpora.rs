//! `nexus corpora`.

use clap::{Args, Subcommand};
use nexus_core::CorpusId;
use serde_json::Value;

use super::{Chunking, Removal};

const SETTINGS: &str = "\
Settings are one JSON object; `{}` means the defaults, an unknown field is refused:
  {
    \"retrieval\": {\"provider\": \"local_pgvector\", \"top_k_default\": 5},
    \"chunking\": {\"size\": {\"tokens\": 512}, \"overlap\": 64},
    \"language\": \"en\"
  }

Examples:
  nexus corpora create handbook --name \"The handbook\"
  nexus corpora set handbook --config '{\"retrieval\": {\"top_k_default\": 8}}'
  nexus corpora set handbook --config @settings.json";

#[derive(Debug, Subcommand)]
pub(crate) enum Corpora {
    /// List the corpora of the tenant
    List,
    /// Show a corpus and its effective settings
    Show {
        /// The corpus
        corpus: CorpusId,
    },
    /// Create an empty corpus
    #[command(after_long_help = SETTINGS)]
    Create {
        /// Its id
        corpus: CorpusId,
        #[command(flatten)]
        settings: CorpusSettings,
    },
    /// Change a corpus's name or settings
    ///
    /// New settings replace all of the old. How documents are cut changes for documents that come later; `nexus
    /// corpora reindex` cuts those that are there.
    #[command(after_long_help = SETTINGS)]
    Set {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        settings: CorpusSettings,
    },
    /// Remove a corpus with all its documents
    Rm {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        removal: Removal,
    },
    /// Chunk all documents of a corpus again, from their raw bytes
    ///
    /// Documents stay searchable with their old passages until the new ones are published.
    Reindex {
        /// The corpus
        corpus: CorpusId,
        #[command(flatten)]
        chunking: Chunking,
    },
}

/// Settings of a corpus.
#[derive(Debug, Args)]
pub(crate) struct CorpusSettings {
    /// Display name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its settings: a JSON object, or `@FILE` to read them from a file
    #[arg(long, value_name = "JSON", value_parser = settings)]
    pub(crate) config: Option<Value>,
}

/// Reads a file of settings, up to a limit of bytes.
fn read(path: &str) -> std::io::Result<String> {
    const LONGEST: u64 = 1024 * 1024;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, LONGEST + 1), &mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(std::io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    Ok(text)
}

fn settings(text: &str) -> Result<Value, String> {
    let json = match text.strip_prefix('@') {
        Some(path) => read(path).map_err(|error| format!("`{path}`: {error}"))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&json).map_err(|error| format!("this is not JSON: {error}"))
}
