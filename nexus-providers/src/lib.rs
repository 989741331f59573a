//! Everything in Nexus that speaks someone else's wire or format: models, embeddings, tools, document formats.
//!
//! Each lives behind a Cargo feature of its own and implements ports of [`nexus_core`]; nothing here decides a rule
//! of the house.
//!
//! | feature | what it brings | default |
//! | --- | --- | --- |
//! | `documents` | [`documents`]: readers for text, HTML, PDF, Office, mail, JSON and source code | yes |

#[cfg(feature = "documents")]
pub mod documents;
