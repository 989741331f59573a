//! Corpus settings: the typed form of `provider_config_json`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::ChunkConfig;
use crate::error::{Error, Result};
use crate::language::Language;
use crate::retrieve::{CANDIDATE_POOL, Fusion, MAX_TOP_K, Weights, WordStatistics};

/// Settings of a corpus. `{}` means [`CorpusConfig::default`]; an unknown field is an error, so that no accepted field
/// is ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorpusConfig {
    /// Retrieval settings.
    pub retrieval: RetrievalConfig,
    /// Chunking of documents without settings of their own.
    pub chunking: Option<ChunkConfig>,
    /// Language of all documents; detected for each when absent.
    pub language: Option<Language>,
    /// Release of a model's words.
    pub answers: AnswerRelease,
}

/// Release of a model's words before they are known to be an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerRelease {
    /// Words are streamed as they come; the final event marks those that are no answer.
    #[default]
    Lenient,
    /// Nothing is shown before the end, and only an answer is shown, stored with its session, cached or spoken.
    Strict,
}

impl AnswerRelease {
    /// Returns whether this is the default.
    pub fn is_lenient(&self) -> bool {
        *self == Self::Lenient
    }
}

/// Retrieval settings of a corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrievalConfig {
    /// Retrieval provider.
    pub provider: RetrievalProvider,
    /// Default number of passages of a search.
    pub top_k_default: usize,
    /// Fusion of the components.
    pub fusion: Fusion,
    /// Weight of each component.
    pub weights: Weights,
    /// Passages behind the word statistics.
    pub statistics: WordStatistics,
}

impl Default for RetrievalConfig {
    fn default() -> Self {
        Self {
            provider: RetrievalProvider::default(),
            top_k_default: 5,
            fusion: Fusion::default(),
            weights: Weights::default(),
            statistics: WordStatistics::default(),
        }
    }
}

/// Retrieval provider of a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrievalProvider {
    /// Nexus's own store, whichever is configured. Existing clients send this name.
    #[default]
    LocalPgvector,
}

impl CorpusConfig {
    /// Parses a corpus's settings.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_CORPUS_CONFIG`, naming the invalid part.
    pub fn parse(json: &Value) -> Result<Self> {
        if !json.is_object() {
            return Err(invalid("the corpus settings are not an object".to_owned()));
        }
        let config: Self = serde_json::from_value(json.clone())
            .map_err(|error| invalid(format!("cannot parse the corpus settings: {error}")))?;
        if !(1..=MAX_TOP_K).contains(&config.retrieval.top_k_default) {
            return Err(invalid(format!("`top_k_default` is 1 to {CANDIDATE_POOL}")));
        }
        config.retrieval.weights.check()?;
        Ok(config)
    }
}

fn invalid(message: String) -> Error {
    Error::invalid(message).with_code("INVALID_CORPUS_CONFIG")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_empty_object_means_the_documented_default() {
        let spelled = json!({"retrieval": {"provider": "local_pgvector", "top_k_default": 5}});
        assert_eq!(CorpusConfig::parse(&json!({})).unwrap(), CorpusConfig::parse(&spelled).unwrap());
    }

    #[test]
    fn word_statistics_are_of_the_corpus_or_the_callers_own() {
        let statistics = |json| CorpusConfig::parse(&json).map(|config| config.retrieval.statistics);
        assert_eq!(statistics(json!({})).unwrap(), WordStatistics::Corpus);
        assert_eq!(
            statistics(json!({"retrieval": {"statistics": "corpus"}})).unwrap(),
            WordStatistics::Corpus
        );
        assert_eq!(statistics(json!({"retrieval": {"statistics": "own"}})).unwrap(), WordStatistics::Own);
        let unknown = statistics(json!({"retrieval": {"statistics": "mine"}})).unwrap_err();
        assert_eq!(unknown.code(), "INVALID_CORPUS_CONFIG");
    }

    #[test]
    fn the_release_of_answers_is_lenient_unless_it_is_strict() {
        let release = |json| CorpusConfig::parse(&json).map(|config| config.answers);
        assert_eq!(release(json!({})).unwrap(), AnswerRelease::Lenient);
        assert_eq!(release(json!({"answers": "lenient"})).unwrap(), AnswerRelease::Lenient);
        assert_eq!(release(json!({"answers": "strict"})).unwrap(), AnswerRelease::Strict);
        let unknown = release(json!({"answers": "verified"})).unwrap_err();
        assert_eq!(unknown.code(), "INVALID_CORPUS_CONFIG");
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        for bad in [
            json!({"retreival": {}}),
            json!({"retrieval": {"topk": 3}}),
            json!([]),
            json!({"retrieval": {"top_k_default": 0}}),
        ] {
            assert_eq!(CorpusConfig::parse(&bad).unwrap_err().code(), "INVALID_CORPUS_CONFIG", "{bad}");
        }
    }
}
