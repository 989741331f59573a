//! Adapter of OpenAI's API, and of compatible servers: chat completions, embeddings and speech.
//!
//! A [`Service`] holds the address and the [`Dialect`] of a server, and creates the [`OpenAi`] provider, the
//! [`OpenAiEmbedder`] and the [`OpenAiSpeech`]. Servers differ by values, never by code of their own.
//!
//! Files, in the order that all vendors share:
//!
//! - `mod`: public items.
//! - `models`: limits of known models.
//! - `request`: request body.
//! - `response`: unary answer.
//! - `stream`: events of a streamed answer.
//! - `usage`: token buckets.
//! - `error`: error classes.
//! - `tool_calls`: tool calls from their parts.
//! - `embeddings`: vectors.
//! - `endpoint`: addresses, keys and the [`Dialect`] of each server.
//! - `chat`: the provider; `speech`: text-to-speech.

mod chat;
mod embeddings;
mod endpoint;
mod error;
mod models;
mod request;
mod response;
mod speech;
mod stream;
mod tool_calls;
mod usage;

pub use chat::OpenAi;
pub use embeddings::OpenAiEmbedder;
pub use endpoint::{Dialect, Service};
pub use speech::OpenAiSpeech;
