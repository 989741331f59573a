//! `[cache]`: what is kept that may serve again, for how long, and in how much room.

use std::num::NonZeroU32;
use std::time::Duration;

use nexus_core::cache::{CacheSettings, Similarity};
use serde::{Deserialize, Deserializer, de};

/// How much room there is unless told.
const MEGABYTES: u32 = 512;

/// What is kept that may serve again.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Whether there is a cache; there is unless told.
    pub enabled: Option<bool>,
    /// How much room it has, in MB of 2^20 bytes; 512 unless told.
    pub max_mb: Option<NonZeroU32>,
    /// How long an answer serves, in seconds; 3,600 unless told, 0 keeps none.
    pub answers_seconds: Option<u32>,
    /// How long a vector serves, in seconds; 86,400 unless told, 0 keeps none.
    pub embeddings_seconds: Option<u32>,
    /// How near a question must be to get the answer of another, above 0 and at most 1; only an equal one does unless
    /// told.
    #[serde(deserialize_with = "similarity")]
    pub semantic_threshold: Option<Similarity>,
}

impl CacheConfig {
    /// How much room the cache has, in bytes; nothing where there is to be none.
    pub fn room(&self) -> Option<u64> {
        let megabytes = self.max_mb.map_or(MEGABYTES, NonZeroU32::get);
        self.enabled.unwrap_or(true).then_some(u64::from(megabytes) << 20)
    }

    pub(super) fn settings(&self) -> CacheSettings {
        if self.room().is_none() {
            return CacheSettings::off();
        }
        let usual = CacheSettings::default();
        let told = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        CacheSettings {
            answer_ttl: told(self.answers_seconds).unwrap_or(usual.answer_ttl),
            embedding_ttl: told(self.embeddings_seconds).unwrap_or(usual.embedding_ttl),
            semantic_threshold: self.semantic_threshold,
        }
    }
}

/// A variable is a text, a file may have a number; both are read.
fn similarity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Similarity>, D::Error> {
    let threshold = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text.trim().parse().ok(),
        toml::Value::Float(threshold) => Some(threshold),
        toml::Value::Integer(whole) => i32::try_from(whole).ok().map(f64::from),
        toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    };
    let read = threshold.and_then(|threshold| Similarity::new(threshold).ok());
    read.map(Some).ok_or_else(|| de::Error::custom("a similarity is above 0 and at most 1"))
}
