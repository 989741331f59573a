//! The book of Nexus. Each chapter is a Markdown file in `docs/`; its Rust blocks are compiled and run as tests, so
//! what the book shows works.
#![expect(clippy::doc_markdown, reason = "chapters are prose for people, with the names of products in it")]

#[doc = include_str!("../README.md")]
pub mod readme {}

#[doc = include_str!("getting-started.md")]
pub mod getting_started {}

#[doc = include_str!("cli.md")]
pub mod cli {}

#[doc = include_str!("documents.md")]
pub mod documents {}

#[doc = include_str!("retrieval.md")]
pub mod retrieval {}

#[doc = include_str!("answering.md")]
pub mod answering {}

#[doc = include_str!("audit.md")]
pub mod audit {}

#[doc = include_str!("embedded-store.md")]
pub mod embedded_store {}

#[doc = include_str!("server.md")]
pub mod server {}

#[doc = include_str!("models.md")]
pub mod models {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("configuration.md")]
pub mod configuration {}
