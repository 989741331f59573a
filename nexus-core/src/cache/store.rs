//! The port behind which a cache is kept: [`CacheStore`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::CacheDigest;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::RunId;
use crate::principal::TenantId;

/// What is kept.
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

    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Embedding => "embedding",
        }
    }
}

/// Within what an entry may serve: everything that must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheScope {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is.
    pub kind: CacheKind,
    /// Everything else that must be equal, as a digest.
    pub digest: CacheDigest,
}

/// The name of an entry: its scope, and what was asked within it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The scope.
    pub scope: CacheScope,
    /// What was asked.
    pub content: CacheDigest,
}

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// What is kept, in a form of its owner's.
    pub body: Arc<[u8]>,
    /// A vector by which it can be found, of at least one finite number.
    pub vector: Option<Vec<f32>>,
    /// The run that it was made for, with which it is forgotten.
    pub run: Option<RunId>,
    /// When it was made.
    pub made_at: Timestamp,
    /// The first moment at which it no longer serves.
    pub expires_at: Timestamp,
}

/// An entry that was found by its vector.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarEntry {
    /// The cosine of its vector and the one that was looked for.
    pub similarity: f64,
    /// What is kept.
    pub body: Arc<[u8]>,
}

/// Keeps what may serve again. Losing an entry is no error: every method may find less than was put.
///
/// # Contract
/// - An entry is found under its own key only: tenant, kind, scope and content are all equal.
/// - A later entry takes the place of an earlier one with the same key.
/// - An entry is found from the moment it was made until it expires, by the clock of whoever asks.
/// - Near entries are those of the very scope at or above the threshold, nearest first, and at most as many as asked.
/// - An entry without a vector, or with one of another length, is near to nothing.
/// - All entries together take no more room than the cache was given; what was used longest ago makes room.
/// - One kind makes no room for another.
/// - What was made for a run is forgotten with it, whatever its kind, and nothing else is.
/// - What is larger than an eighth of the room is not kept.
#[async_trait]
pub trait CacheStore: Send + Sync + fmt::Debug + 'static {
    /// What is kept under each of `keys`, in their order.
    ///
    /// # Errors
    /// Those of a store. Callers treat them as if nothing were kept.
    async fn get(&self, keys: &[CacheKey], now: Timestamp) -> Result<Vec<Option<Arc<[u8]>>>>;

    /// Keeps entries.
    ///
    /// # Errors
    /// Those of a store. Callers go on as if they were kept.
    async fn put(&self, entries: Vec<(CacheKey, CacheEntry)>, now: Timestamp) -> Result<()>;

    /// Forgets what was made for a run, and leaves nothing of it behind.
    ///
    /// # Errors
    /// Those of a store: then something may still be kept.
    async fn forget_run(&self, tenant: &TenantId, run: &RunId) -> Result<()>;

    /// The entries of `scope` whose vectors have a [`cosine`] with `vector` of at least `threshold`: at most `limit`,
    /// nearest first. Of a scope with very many entries it may look only at those that were used last.
    ///
    /// # Errors
    /// Those of a store. Callers treat them as if nothing were near.
    async fn nearest(
        &self,
        scope: &CacheScope,
        vector: &[f32],
        threshold: f64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<SimilarEntry>>;
}

/// The cosine of the angle between two vectors; nothing where they differ in length, or where one has no direction.
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
