//! Options that cut documents into passages: of `nexus ingest`, `nexus docs reindex` and `nexus corpora reindex`.

use clap::Args;
use nexus_core::Result;
use nexus_core::document::ChunkConfig;
use nexus_core::document::chunk::ChunkSize;

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
    pub(super) fn config(self) -> Result<Option<ChunkConfig>> {
        let chars = self.chunk_size_chars.map(|size| (ChunkSize::Chars(size), self.chunk_overlap_chars));
        let tokens = self.chunk_size_tokens.map(|size| (ChunkSize::Tokens(size), self.chunk_overlap_tokens));
        chars.or(tokens).map(|(size, overlap)| ChunkConfig::new(size, overlap.unwrap_or(0))).transpose()
    }
}
