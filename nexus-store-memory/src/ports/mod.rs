//! The ports of `nexus-core` that a [`MemoryStore`](crate::MemoryStore) fills: each method hands one transaction, or one
//! reading, to the engine. What it does there is the business of the modules that own the rows.

mod audit;
mod blobs;
mod documents;
mod grants;
mod jobs;
mod ledger;
mod quota;
mod retention;
mod retriever;
mod runs;
mod sessions;
