//! PostgreSQL store of Nexus: a placeholder in the workspace.
//!
//! This crate holds no code yet. It will implement [`Store`](nexus_core::Store) on PostgreSQL with pgvector, with forced
//! row-level security, and pass the same conformance suite as the embedded store, file by file beside it. Until
//! then a program that needs a store uses `nexus-store-memory`; nothing falls back to this crate.
