//! Cache of answers and embeddings: the [`CacheStore`] port, its keys and its settings.
//!
//! A cache may lose any entry at any time, so it is no part of a [`Store`](crate::store::Store), of a backup or of an
//! export, and every failure of a cache is a miss, never the failure of a call.
//!
//! This module owns keys and lifetimes. The gateway decides what is cacheable, and for which callers.
//!
//! - `digest`: digests of equal values are equal.
//! - `settings`: lifetimes and the threshold of similarity.
//! - `store`: the port.

mod digest;
mod settings;
mod store;

pub use digest::CacheDigest;
pub use settings::{CacheSettings, CacheUse, Similarity};
pub use store::{CacheEntry, CacheKey, CacheKind, CacheScope, CacheStore, SimilarEntry, cosine};
