//! Everything in Nexus that speaks someone else's wire or format: models, embeddings, tools, document formats.
//!
//! Each lives behind a Cargo feature of its own and implements ports of [`nexus_core`]; nothing here decides a rule
//! of the house.
//!
//! | feature | what it brings | default |
//! | --- | --- | --- |
//! | `anthropic` | Claude over Anthropic's Messages API | no |
//! | `documents` | readers for text, HTML, PDF, Office, mail, JSON and source code | yes |
//! | `http` | the HTTP client that all vendors share; their features bring it | no |
//! | `shell` | environment, configuration file and audit key of the programs that people run | no |

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(feature = "documents")]
pub mod documents;
#[cfg(feature = "shell")]
pub mod shell;
#[cfg(feature = "http")]
mod wire;

#[cfg(feature = "http")]
pub use wire::{HttpClient, HttpOptions, Proxy, Secret};
