//! What was paid for once and may serve again: the [`CacheStore`] port, its keys, and for how long things are kept.
//!
//! A cache is not the truth. It may lose anything at any time, so it is no part of a [`Store`](crate::store::Store), of
//! a backup or of an export, and whatever goes wrong with it is a miss, never the failure of a call.
//!
//! This module owns names and times. What may be kept, and who may have it again, the gateway decides.
//!
//! - `digest`: equal things have equal names.
//! - `settings`: for how long, and how near is near enough.
//! - `store`: the port.

mod digest;
mod settings;
mod store;

pub use digest::CacheDigest;
pub use settings::{CacheSettings, CacheUse, Similarity};
pub use store::{CacheEntry, CacheKey, CacheKind, CacheScope, CacheStore, SimilarEntry, cosine};
