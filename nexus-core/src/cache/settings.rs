//! For how long things are kept, and how near a question must be: [`CacheSettings`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Whether a call may be answered from the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// It may, and its answer may serve others.
    #[default]
    Allowed,
    /// It may not: the model is asked, and its answer is not kept for others.
    Bypassed,
}

impl CacheUse {
    /// Whether it is what happens unless told otherwise.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How near two questions must be to have one answer: the least cosine of their vectors, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Similarity(f64);

impl Similarity {
    /// Reads a threshold.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_SIMILARITY`.
    pub fn new(threshold: f64) -> Result<Self> {
        if threshold > 0.0 && threshold <= 1.0 {
            Ok(Self(threshold))
        } else {
            Err(Error::invalid("a similarity is above 0 and at most 1").code("INVALID_SIMILARITY"))
        }
    }

    /// The threshold.
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

/// For how long things are kept. A time of zero keeps nothing of its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheSettings {
    /// How long an answer may serve again.
    pub answer_ttl: Duration,
    /// How long a vector may.
    pub embedding_ttl: Duration,
    /// How near a question must be to get the answer of another; only an equal question does unless told.
    ///
    /// Nobody can say at which similarity two questions mean the same: "in 2024" and "in 2025" are nearer than many
    /// paraphrases. So this is for operators who have measured it on questions of their own.
    pub semantic_threshold: Option<Similarity>,
}

impl Default for CacheSettings {
    /// Answers for an hour, vectors for a day, equal questions only.
    fn default() -> Self {
        Self {
            answer_ttl: Duration::from_hours(1),
            embedding_ttl: Duration::from_hours(24),
            semantic_threshold: None,
        }
    }
}

impl CacheSettings {
    /// Keeps nothing, and answers nothing.
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
            assert_eq!(
                Similarity::new(refused).unwrap_err().stable_code(),
                "INVALID_SIMILARITY",
                "{refused}"
            );
        }
        assert!(Similarity::new(1.0).is_ok_and(|similarity| similarity.get() >= 1.0));
    }
}
