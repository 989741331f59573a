//! The embedded store of Nexus: every store port on SQLite and a derived text index, in RAM or in a directory.
//!
//! [`MemoryStore::default`] lives in RAM; [`MemoryStore::open`] is durable: what was acknowledged is on the disk. Both are the
//! same code. One process writes a directory, and others may read beside it with [`MemoryStore::open_read_only`].
//!
//! This crate owns tables, files and threads. What the ports promise is written in `nexus-core`. From the top: `ports` fills them with
//! what `store` opened; most modules own the rows of one concept and know nothing of either; `engine`, `schema`, `row` and
//! `error` are the ground.

mod access;
mod audio;
mod audit;
mod backup;
mod best;
mod bits;
mod blob;
mod build;
mod cache;
mod catalogue;
mod census;
mod corpus;
mod directory;
mod document;
mod engine;
mod error;
mod indexes;
mod job;
mod keeper;
mod kept_sets;
mod ledger;
mod lock;
mod passage;
mod permitted;
#[cfg(test)]
mod plans;
mod ports;
mod price;
mod private;
mod publish;
mod quota;
mod request;
mod retention;
mod retrieve;
mod row;
mod run;
mod schema;
mod session;
mod store;
mod submit;
mod terms;
mod text;
mod transfer;
mod vector;
mod version;
mod wanted;

pub use cache::MemoryCache;
pub use directory::Swept;
pub use store::MemoryStore;
