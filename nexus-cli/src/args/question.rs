//! `nexus ask`, `nexus search` and `nexus chat`.

use std::path::PathBuf;

use clap::Args;
use nexus_core::retrieve::Filter;
use nexus_core::{CorpusId, DocumentId, NanoUsd, SessionId};

const ABOUT_ASK: &str = "\
Answers a question from the documents of a corpus, word by word, and lists the quotations that the answer rests on.

Only documents that you may read are searched. When the passages do not hold the answer, Nexus says so and the exit \
code is 3; it never invents text. Every question is recorded and signed: see `nexus runs verify`.

Ctrl-C cancels the question; its record shows that, and the exit code is 130.";

const EXAMPLES_ASK: &str = "\
Examples:
  nexus ask --corpus handbook \"How many unused days of annual leave carry over to the next year?\"
  nexus ask --corpus handbook --filter 'year >= 2025 and department = \"people\"' \"How long is the probation period?\"
  nexus ask --corpus handbook --json \"May I work from another country?\" | jq .answer.text
  nexus ask --corpus handbook --provider openai --model gpt-4o --max-cost 0.05 \"What is the minimum length of a password?\"
  nexus ask --corpus handbook --speak answer.mp3 \"How long is the probation period?\"
  echo \"May I work from another country?\" | nexus ask --corpus handbook -";

const ABOUT_SEARCH: &str = "\
Finds the passages that match best, without answering.

Only documents that you may read are searched. `--explain` shows how a passage is ranked: its score and rank in \
each retriever, and the contribution of each word of the question. Works while another process uses the data \
directory.";

const EXAMPLES_SEARCH: &str = "\
Examples:
  nexus search --corpus handbook \"retention of invoices\"
  nexus search --corpus handbook --top-k 20 --doc-tag 2026 --explain \"retention of invoices\"";

const ABOUT_CHAT: &str = "\
Holds a conversation: each line is a question, and a short one such as \"and for managers?\" is understood together \
with the question before it.

`/sources` lists the quotations of the last answer, `/quit` or the end of input ends the conversation. The \
conversation is stored: `--session` continues it, and `nexus sessions show` prints it.";

const EXAMPLES_CHAT: &str = "\
Examples:
  nexus chat --corpus handbook
  nexus chat --corpus handbook --session 0199c2a4-…";

/// Answer a question, with quotations
#[derive(Debug, Args)]
#[command(long_about = ABOUT_ASK, after_long_help = EXAMPLES_ASK)]
pub(crate) struct Ask {
    /// The question, 1 to 10,000 characters; `-` reads it from standard input
    pub(crate) question: String,
    #[command(flatten)]
    pub(crate) narrowing: Filters,
    /// The conversation that the question belongs to [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
    /// Title of the run [default: the beginning of the question]
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// A label of the run; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// The provider to ask [default: as configured]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// The model to ask for [default: the provider's]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Maximum cost of the whole question, in dollars; 0 allows only free models
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) max_cost: Option<NanoUsd>,
    /// Synthesise speech of the answer, and write the audio into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) speak: Option<PathBuf>,
    /// Ask the model even if it answered an equal question before
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// With `--json`: print every event on a line of its own, as it comes, instead of the whole at the end
    #[arg(long, requires = "json")]
    pub(crate) events: bool,
}

/// Find passages
#[derive(Debug, Args)]
#[command(long_about = ABOUT_SEARCH, after_long_help = EXAMPLES_SEARCH)]
pub(crate) struct Search {
    /// The query; `-` reads it from standard input
    pub(crate) question: String,
    #[command(flatten)]
    pub(crate) narrowing: Filters,
    /// Show why each passage ranks where it does
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Hold a conversation
#[derive(Debug, Args)]
#[command(long_about = ABOUT_CHAT, after_long_help = EXAMPLES_CHAT)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub(crate) narrowing: Filters,
    /// The conversation to continue [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
}

/// Filters of a search.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Where to look")]
pub(crate) struct Filters {
    /// The corpus
    #[arg(long, short, value_name = "ID")]
    pub(crate) corpus: CorpusId,
    /// How many passages to look at, 1 to 100 [default: the corpus's own, 5 unless set]
    #[arg(long, value_name = "N")]
    pub(crate) top_k: Option<usize>,
    /// Only documents whose metadata match, such as `year >= 2025 and not draft = true`
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<Filter>,
    /// Only documents with this label; may be repeated
    #[arg(long = "doc-tag", value_name = "TAG")]
    pub(crate) document_tags: Vec<String>,
    /// Only this document; may be repeated
    #[arg(long = "document", value_name = "ID")]
    pub(crate) documents: Vec<DocumentId>,
}
