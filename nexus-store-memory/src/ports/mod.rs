//! Ports of `nexus-core` that [`MemoryStore`](crate::MemoryStore) implements: each method runs one transaction, or
//! one read, on the engine. The modules that own the rows hold its statements.

mod audit;
mod blobs;
mod corpora;
mod documents;
mod grants;
mod jobs;
mod ledger;
mod prices;
mod quota;
mod resources;
mod retention;
mod retriever;
mod runs;
mod sessions;
mod stats;
mod system;
