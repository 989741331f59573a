//! Options that narrow a search: of `nexus ask`, `nexus search` and `nexus chat`.

use clap::Args;
use nexus_core::ask::AskBuilder;
use nexus_core::retrieve::Filter;
use nexus_core::{CorpusId, DocumentId};

/// Filters of a search.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Where to look")]
pub(crate) struct Filters {
    /// The corpus
    #[arg(long, short, value_name = "ID")]
    pub(super) corpus: CorpusId,
    /// How many passages to look at, 1 to 100 [default: the corpus's own, 5 unless set]
    #[arg(long, value_name = "N")]
    pub(super) top_k: Option<usize>,
    /// Only documents whose metadata match, such as `year >= 2025 and not draft = true`
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) filter: Option<Filter>,
    /// Only documents with this label; may be repeated
    #[arg(long = "doc-tag", value_name = "TAG")]
    pub(super) document_tags: Vec<String>,
    /// Only this document; may be repeated
    #[arg(long = "document", value_name = "ID")]
    pub(super) documents: Vec<DocumentId>,
}

impl Filters {
    /// Applies the filters to a question.
    pub(super) fn apply(&self, question: AskBuilder) -> AskBuilder {
        let mut question = question
            .corpus(self.corpus.as_str())
            .document_tags(self.document_tags.clone())
            .documents(self.documents.clone());
        if let Some(top_k) = self.top_k {
            question = question.top_k(top_k);
        }
        if let Some(filter) = &self.filter {
            question = question.filter(filter.clone());
        }
        question
    }
}
