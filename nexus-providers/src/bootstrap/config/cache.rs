//! `[cache]`: caching of answers and of embeddings.

use std::num::NonZeroU32;
use std::time::Duration;

use nexus_core::cache::{CacheSettings, Similarity};
use serde::{Deserialize, Deserializer, de};

/// Default size limit in MB.
const MEGABYTES: u32 = 512;

/// Cache of answers and embeddings.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Whether the cache is enabled; true by default.
    pub enabled: Option<bool>,
    /// Size limit in MB of 2^20 bytes; 512 by default.
    pub max_mb: Option<NonZeroU32>,
    /// Time to live of an answer in seconds; 3,600 by default, 0 stores none.
    pub answers_seconds: Option<u32>,
    /// Time to live of an embedding in seconds; 86,400 by default, 0 stores none.
    pub embeddings_seconds: Option<u32>,
    /// Similarity above 0 and at most 1 from which another question's answer is a hit; exact hits only by default.
    #[serde(deserialize_with = "similarity")]
    pub semantic_threshold: Option<Similarity>,
}

impl CacheConfig {
    /// Returns the size limit in bytes; `None` for a disabled cache.
    pub fn max_bytes(&self) -> Option<u64> {
        let megabytes = self.max_mb.map_or(MEGABYTES, NonZeroU32::get);
        self.enabled.unwrap_or(true).then_some(u64::from(megabytes) << 20)
    }

    pub(super) fn settings(&self) -> CacheSettings {
        if self.max_bytes().is_none() {
            return CacheSettings::off();
        }
        let usual = CacheSettings::default();
        let ttl = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        CacheSettings {
            answer_ttl: ttl(self.answers_seconds).unwrap_or(usual.answer_ttl),
            embedding_ttl: ttl(self.embeddings_seconds).unwrap_or(usual.embedding_ttl),
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
