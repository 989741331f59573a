//! `nexus ingest`.

use clap::Args;
use nexus_core::access::Grantee;
use nexus_core::document::ChunkConfig;
use nexus_core::document::chunk::ChunkSize;
use nexus_core::{DocumentId, Result};
use serde_json::Value;

const ABOUT: &str = "\
Ingests files and folders into a corpus, which is created if there is none.

Folders are walked; hidden files and those that `.gitignore` or `.nexusignore` names are skipped. Each file is one document. \
Its format is recognised by its content: text, Markdown, HTML, PDF, Word, PowerPoint, Excel, CSV, e-mail, JSON and \
source code. A file that cannot be read fails by itself, with a reason, and the others go on; the exit code is then 1.

A document's id is the corpus and its path below the folder you give, such as `handbook/travel/hotels.md`, so the same \
command ingests only new files when it runs again. A file whose content or metadata changed is refused without \
`--overwrite`.";

const EXAMPLES: &str = "\
Examples:
  nexus ingest ./docs --corpus handbook
  nexus ingest report.pdf notes/ --corpus work --tag 2026 --meta department=finance --meta year=2026
  nexus ingest ./docs --corpus handbook --overwrite --share role:reader
  curl -s https://example.org/page | nexus ingest - --corpus web --id page --name page.html";

/// Read files and folders into a corpus
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Ingest {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<std::path::PathBuf>,
    /// The corpus
    #[arg(long, short, value_name = "ID")]
    pub(crate) corpus: nexus_core::CorpusId,
    /// A label for every document; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// A fact about every document, for filters; a value that reads as JSON is taken as such; may be repeated
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = fact)]
    pub(crate) metadata: Vec<(String, Value)>,
    /// Grant read permission on every document: `role:reader`, `user:ID`, `group:ID`; may be repeated
    #[arg(long = "share", value_name = "WHO")]
    pub(crate) share: Vec<Grantee>,
    /// The document's id, for a single file
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<DocumentId>,
    /// The document's name, for a single file
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Replace documents that changed
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Read hidden and ignored files too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) chunking: Chunking,
}

/// Chunking of documents into passages.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Passages")]
#[expect(clippy::struct_field_names, reason = "the fields are the options, which have to say what they cut")]
pub(crate) struct Chunking {
    /// The longest passage, in characters
    #[arg(long, value_name = "N", conflicts_with = "chunk_size_tokens")]
    chunk_size_chars: Option<u32>,
    /// How much of its end the next passage repeats, in characters [default: 0]
    #[arg(long, value_name = "N", requires = "chunk_size_chars")]
    chunk_overlap_chars: Option<u32>,
    /// The longest passage, in estimated tokens
    #[arg(long, value_name = "N")]
    chunk_size_tokens: Option<u32>,
    /// How much of its end the next passage repeats, in estimated tokens [default: 0]
    #[arg(long, value_name = "N", requires = "chunk_size_tokens")]
    chunk_overlap_tokens: Option<u32>,
}

impl Chunking {
    /// Returns the chunking that the options set, if any.
    pub(crate) fn config(self) -> Result<Option<ChunkConfig>> {
        let chars = self.chunk_size_chars.map(|size| (ChunkSize::Chars(size), self.chunk_overlap_chars));
        let tokens = self.chunk_size_tokens.map(|size| (ChunkSize::Tokens(size), self.chunk_overlap_tokens));
        chars.or(tokens).map(|(size, overlap)| ChunkConfig::new(size, overlap.unwrap_or(0))).transpose()
    }
}

/// Parses `key=value`. `2026`, `true` and `"2026"` are JSON; any other value is plain text.
fn fact(text: &str) -> Result<(String, Value), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it like `department=finance`")?;
    if key.is_empty() {
        return Err("the key is empty");
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}
