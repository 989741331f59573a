//! OpenAI's wire: chat completions, embeddings and speech, of OpenAI itself and of servers that speak like it.
//!
//! A [`Service`] says where such an API is and how it deviates; it makes the [`OpenAi`] that answers, the
//! [`OpenAiEmbedder`] and the [`OpenAiSpeech`]. Servers differ by a value, never by code of their own.
//!
//! - `service`: addresses, keys and the [`Dialect`] of each server; `models`: what is known of OpenAI's models.
//! - `chat`: the provider; `request` and `reply`: its wire; `stream`: pieces from chunks; `calls`: tools from parts.
//! - `usage`: buckets that do not overlap; `refusal`: which fault a code means.
//! - `embedder` and `speech`.

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
