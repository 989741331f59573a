//! Lifetimes of cache entries, and the threshold of the semantic cache: [`CacheSettings`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Cache use of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// The call reads and writes the cache.
    #[default]
    Allowed,
    /// The call bypasses the cache: the model is called, and its answer is not cached.
    Bypassed,
}

impl CacheUse {
    /// Returns whether this is the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Threshold of the semantic cache: the minimum cosine of two questions' vectors, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Similarity(f64);

impl Similarity {
    /// Parses a threshold.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_SIMILARITY`.
    pub fn new(threshold: f64) -> Result<Self> {
        if threshold > 0.0 && threshold <= 1.0 {
            Ok(Self(threshold))
        } else {
            Err(Error::invalid("a similarity is above 0 and at most 1").with_code("INVALID_SIMILARITY"))
        }
    }

    /// Returns the threshold.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Similarity {
    type Error = Error;
    fn try_from(threshold: f64) -> Result<Self> {
        Self::new(threshold)
    }
}

impl From<Similarity> for f64 {
    fn from(similarity: Similarity) -> Self {
        similarity.0
    }
}

/// Settings of the cache. A lifetime of zero turns its kind off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheSettings {
    /// Lifetime of an answer.
    pub answer_ttl: Duration,
    /// Lifetime of a vector.
    pub embedding_ttl: Duration,
    /// Threshold of the semantic cache; `None` turns it off, and only an equal question hits.
    ///
    /// No similarity proves that two questions mean the same: "in 2024" and "in 2025" are nearer than many
    /// paraphrases. Set a threshold only after measuring it on questions of your own.
    pub semantic_threshold: Option<Similarity>,
}

impl Default for CacheSettings {
    /// Returns an hour for answers, a day for vectors, and no semantic cache.
    fn default() -> Self {
        Self {
            answer_ttl: Duration::from_hours(1),
            embedding_ttl: Duration::from_hours(24),
            semantic_threshold: None,
        }
    }
}

impl CacheSettings {
    /// Returns settings that turn the cache off.
    pub const fn off() -> Self {
        Self { answer_ttl: Duration::ZERO, embedding_ttl: Duration::ZERO, semantic_threshold: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_everything_or_nothing_reaches_is_refused() {
        for refused in [0.0, -0.5, 1.000_001, f64::NAN, f64::INFINITY] {
            assert_eq!(Similarity::new(refused).unwrap_err().code(), "INVALID_SIMILARITY", "{refused}");
        }
        assert!(Similarity::new(1.0).is_ok_and(|similarity| similarity.get() >= 1.0));
    }
}
