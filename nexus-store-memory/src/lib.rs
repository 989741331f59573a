//! The embedded store of Nexus, in RAM or on disk, although its name says memory: every store port on SQLite and
//! tantivy.
//!
//! [`MemoryStore::default`] lives in RAM; [`MemoryStore::open`] is durable: every acknowledged write is on the disk.
//! Both run the same code. One process writes a directory, and others may read beside it with
//! [`MemoryStore::open_read_only`].
//!
//! This crate owns tables, files and threads. The contracts of the ports are written in `nexus-core`. From the top:
//! `ports` implements them on the handles that `store` opens; most modules own the rows of one concept and depend on
//! neither; `db`, `migrations`, `convert` and `error` are the ground floor.

mod cache;
mod convert;
mod db;
mod error;
mod files;
mod migrations;
#[cfg(test)]
mod plans;
mod ports;
mod rows;
mod search;
mod stats;
mod store;
mod transfer;

pub use cache::MemoryCache;
pub use files::directory::Swept;
pub use store::MemoryStore;
