//! OpenAI's wire: chat completions, embeddings and speech, of OpenAI itself and of servers that speak like it.
//!
//! A [`Service`] says where such an API is and how it deviates; it makes the [`OpenAi`] that answers, the
//! [`OpenAiEmbedder`] and the [`OpenAiSpeech`]. Servers differ by a value, never by code of their own.
//!
//! - `service`: addresses, keys and the [`Dialect`] of each server; `models`: what is known of OpenAI's models.
//! - `chat`: the provider; `request` and `reply`: its wire; `stream`: pieces from chunks; `calls`: tools from parts.
//! - `usage`: buckets that do not overlap; `refusal`: which fault a code means.
//! - `embedder` and `speech`.

mod calls;
mod chat;
mod embedder;
mod models;
mod refusal;
mod reply;
mod request;
mod service;
mod speech;
mod stream;
mod usage;

pub use chat::OpenAi;
pub use embedder::OpenAiEmbedder;
pub use service::{Dialect, Service};
pub use speech::OpenAiSpeech;
