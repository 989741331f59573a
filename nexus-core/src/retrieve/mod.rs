//! Retrieval: the question ([`Query`]), what comes back ([`Retrieved`]), and the [`Retriever`] port.
//!
//! Text analysis, fusion and the filter language are pure code here, so that every store ranks alike.

pub mod analysis;
pub mod config;
pub mod embed;
pub mod filter;
pub mod fusion;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::Authorised;
use crate::clock::Timestamp;
use crate::document::Passage;
use crate::error::Result;
use crate::id::{CorpusId, DocumentId};
use crate::principal::TenantId;

pub use analysis::Language;
pub use config::CorpusConfig;
pub use embed::{EmbedRole, Embedded, Embedder, HashingEmbedder, ModelId, check_vector};
pub use filter::Filter;
pub use fusion::{Fusion, Weights};

/// How many candidates each arm contributes to the fusion. Fixed, so that the order of the first `k` hits does
/// not depend on `k`.
pub const CANDIDATE_POOL: usize = 100;

/// The most passages one search returns.
pub const MAX_TOP_K: usize = CANDIDATE_POOL;

/// The longest question, in characters.
pub const MAX_QUESTION_CHARS: usize = 10_000;

/// A vector that stands for the question, and the model that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryVector {
    /// The model; only passages embedded by the same one are compared.
    pub model: ModelId,
    /// The vector, in the model's dimension.
    pub values: Vec<f32>,
}

/// Whose passages the word statistics of a corpus count: how many passages there are, how long, and how many hold a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordStatistics {
    /// All passages of the corpus. A passage has the same score for everybody, so a score tells a little about passages
    /// that its reader may not read.
    #[default]
    Corpus,
    /// The passages that the caller may read. A score tells nothing about others, and differs between callers.
    Own,
}

/// A search within one corpus.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where to search.
    pub corpus: CorpusId,
    /// The question; empty to search by vector alone.
    pub text: String,
    /// The question's vector; without one the search is lexical.
    pub vector: Option<QueryVector>,
    /// How many passages to return, 1 to [`MAX_TOP_K`].
    pub top_k: usize,
    /// Only documents whose metadata satisfy this.
    pub filter: Option<Filter>,
    /// Only documents with all of these tags.
    pub tags: Vec<String>,
    /// Only these documents; all if empty.
    pub documents: Vec<DocumentId>,
    /// How the arms are fused.
    pub fusion: Fusion,
    /// How much each arm counts.
    pub weights: Weights,
    /// Whose passages the word statistics count.
    pub statistics: WordStatistics,
    /// Whether each hit says which words made its lexical score.
    pub explain: bool,
    /// The present, for grants that expire.
    pub now: Timestamp,
}

/// Where a hit stood in one arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentScore {
    /// The arm's own score: BM25, or the inner product with the question's vector.
    pub score: f32,
    /// The place among the arm's candidates, from 1.
    pub rank: u32,
    /// What the arm added to the fused score.
    pub contribution: f32,
}

/// What one word of the question added to a hit's lexical score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermScore {
    /// The word as the index knows it.
    pub term: String,
    /// How often the question says it.
    pub query_weight: f32,
    /// How many of the passages that this search may find hold it.
    pub passages: u64,
    /// How often the hit says it.
    pub frequency: u32,
    /// What it added.
    pub score: f32,
}

/// A passage that was found, and why it ranks where it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The passage: document, version, text, span, page, heading path.
    #[serde(flatten)]
    pub passage: Passage,
    /// What people call its document.
    pub source_name: String,
    /// The fused score. Comparable within one search only.
    pub score: f32,
    /// Where it stood in the lexical arm, if it did.
    pub lexical: Option<ComponentScore>,
    /// Where it stood in the vector arm, if it did.
    pub vector: Option<ComponentScore>,
    /// What each word of the question added, if [`Query::explain`] asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub terms: Vec<TermScore>,
}

/// Which arms a search used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// Words only: there was no vector for the question, or none for the passages.
    Lexical,
    /// Vectors only: the question had no words.
    Vector,
    /// Both, fused.
    Hybrid,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrieved {
    /// The hits, best first; ties in order of passage key.
    pub hits: Vec<Hit>,
    /// Which arms were used.
    pub mode: SearchMode,
    /// How many passages the principal may see under the query's filters.
    pub permitted: u64,
    /// Whether fewer passages are permitted than were asked for.
    pub under_filled: bool,
    /// The corpus's state that was searched: grows with every change to what can be found. Not told to callers, because it
    /// counts changes to documents that they may not read.
    #[serde(skip_serializing, default)]
    pub watermark: u64,
}

/// Finds passages.
///
/// # Contract
/// - Only passages of the caller's tenant, the query's corpus and searchable versions are found.
/// - A principal finds only passages of documents it may read, and gets `top_k` of them when there are so many
///   that match: permissions, tags, ids and filters apply inside the search, never after it.
/// - A revocation, a deletion and an expiry bind the next search; so does a publication.
/// - The first `k` hits of a search for `k + 1` are the hits of a search for `k`.
/// - Equal queries on an unchanged corpus give equal results, also after the index was rebuilt.
/// - Word statistics are those of the corpus: another tenant's or corpus's documents do not move a score.
/// - Word statistics of the caller's own passages are not moved by a passage that the caller may not read.
/// - Counts in an explanation are those of the permitted passages.
/// - `under_filled` says that fewer passages are permitted than asked.
/// - A query without a vector is answered lexically and says so; so is one whose vector no passage's vector compares with.
/// - A vector of another length than the others of its model is compared with none of them, and disables none of them.
/// - The watermark grows with every change to what can be found, or by whom.
#[async_trait]
pub trait Retriever: Send + Sync {
    /// Searches.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for a vector that is no vector, and for one that compares with none where there are no words to search by;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with `INDEX_BUILDING` while the corpus's index is made anew.
    async fn retrieve(&self, query: &Authorised<Query>) -> Result<Retrieved>;

    /// The watermark of a corpus: that of [`Retrieved`] if it were searched now.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus.
    async fn revision(&self, tenant: &TenantId, corpus: &CorpusId) -> Result<u64>;
}
