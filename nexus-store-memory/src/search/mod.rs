//! Search: text index, vectors, visible versions, and the thread that updates them.

pub(crate) mod bit_set;
pub(crate) mod build;
pub(crate) mod in_flight;
pub(crate) mod index_maintenance;
pub(crate) mod indexes;
pub(crate) mod live_versions;
pub(crate) mod retrieve;
pub(crate) mod text;
pub(crate) mod top_k;
pub(crate) mod vector;
pub(crate) mod visibility_cache;
pub(crate) mod visible_versions;
