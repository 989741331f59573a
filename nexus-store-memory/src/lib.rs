//! The embedded store of Nexus: every store port on SQLite and a derived text index, in RAM or in a directory.
//!
//! [`MemoryStore::default`] lives in RAM; [`MemoryStore::open`] is durable: what was acknowledged is on the disk. Both are the
//! same code. One process writes a directory, and others may read beside it with [`MemoryStore::open_read_only`].
//!
//! This crate owns tables, files and threads. What the ports promise is written in `nexus-core`. From the top: `ports` fills them with
//! what `store` opened; most modules own the rows of one concept and know nothing of either; `engine`, `schema`, `row` and
//! `error` are the ground.

mod cache;
mod convert;
mod db;
mod error;
mod files;
mod limit_cache;
mod migrations;
#[cfg(test)]
mod plans;
mod ports;
mod rows;
mod search;
mod store;
mod transfer;

pub use cache::MemoryCache;
pub use files::directory::Swept;
pub use store::MemoryStore;
