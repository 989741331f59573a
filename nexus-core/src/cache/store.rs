//! Port of the cache: [`CacheStore`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::CacheDigest;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::RunId;
use crate::principal::TenantId;

/// Kind of a cache entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheKind {
    /// Answers of models.
    Answer,
    /// Vectors of texts.
    Embedding,
}

impl CacheKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Answer, Self::Embedding];

    /// Returns the kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Embedding => "embedding",
        }
    }
}

/// Scope of a cache entry: everything beside the request that must be equal for a hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheScope {
    /// The tenant.
    pub tenant: TenantId,
    /// The kind of entry.
    pub kind: CacheKind,
    /// Digest of everything else that must be equal.
    pub digest: CacheDigest,
}

/// Key of a cache entry: its scope and its request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The scope.
    pub scope: CacheScope,
    /// Digest of the request.
    pub content: CacheDigest,
}

/// Cache entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// The cached value, in an encoding of its writer.
    pub body: Arc<[u8]>,
    /// The vector for [`CacheStore::nearest`], of at least one finite number.
    pub vector: Option<Vec<f32>>,
    /// The run that the entry was made for. Erasure of the run removes the entry.
    pub run: Option<RunId>,
    /// The creation time.
    pub made_at: Timestamp,
    /// The expiry: the first time at which the entry is no hit.
    pub expires_at: Timestamp,
}

/// Semantic cache hit.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarEntry {
    /// The cosine of the entry's vector and the query's.
    pub similarity: f64,
    /// The cached value.
    pub body: Arc<[u8]>,
}

/// Port of the cache. Losing an entry is no error: every method may find less than was stored.
///
/// # Contract
/// - An entry is found under its own key only: tenant, kind, scope and content are all equal.
/// - A later entry replaces an earlier one with the same key.
/// - An entry is found from its creation until it expires; the reader's clock decides.
/// - Near entries are those of the same scope at or above the threshold; nearest first, at most `limit`.
/// - An entry without a vector, or with one of another length, is never near.
/// - All entries together take at most the cache's capacity.
/// - The least recently used entries are evicted first.
/// - An entry of one kind evicts none of another.
/// - The entries of a run are removed with it, whatever their kind, and no others are.
/// - An entry larger than an eighth of the capacity is not stored; the entry that it would replace is removed.
/// - Concurrent writers lose no entry that fits.
#[async_trait]
pub trait CacheStore: Send + Sync + fmt::Debug + 'static {
    /// Returns the value of each of `keys`, in their order.
    ///
    /// # Errors
    /// Those of a store. Callers treat them as misses.
    async fn get(&self, keys: &[CacheKey], now: Timestamp) -> Result<Vec<Option<Arc<[u8]>>>>;

    /// Stores entries.
    ///
    /// # Errors
    /// Those of a store. Callers ignore them.
    async fn put(&self, entries: Vec<(CacheKey, CacheEntry)>, now: Timestamp) -> Result<()>;

    /// Erases the entries of a run.
    ///
    /// # Errors
    /// Those of a store. Some entries may remain then.
    async fn forget_run(&self, tenant: &TenantId, run: &RunId) -> Result<()>;

    /// Returns the entries of `scope` whose vectors have a [`cosine`] with `vector` of at least `threshold`: at most
    /// `limit`, nearest first. In a scope with very many entries, it may search only the most recently used.
    ///
    /// # Errors
    /// Those of a store. Callers treat them as misses.
    async fn nearest(
        &self,
        scope: &CacheScope,
        vector: &[f32],
        threshold: f64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<SimilarEntry>>;
}

/// Returns the cosine of the angle between two vectors; `None` for different lengths or a zero vector.
pub fn cosine(one: &[f32], two: &[f32]) -> Option<f64> {
    if one.len() != two.len() {
        return None;
    }
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = product(one, two) / (product(one, one) * product(two, two)).sqrt();
    cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_knows_directions_and_no_lengths() {
        assert_eq!(cosine(&[3.0, 0.0], &[0.5, 0.0]), Some(1.0));
        assert_eq!(cosine(&[3.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(cosine(&[3.0, 0.0], &[-1.0, 0.0]), Some(-1.0));
        for (one, two) in [(&[1.0][..], &[1.0, 0.0][..]), (&[0.0], &[1.0]), (&[f32::NAN], &[1.0]), (&[], &[])]
        {
            assert_eq!(cosine(one, two), None, "{one:?} {two:?}");
        }
    }
}
