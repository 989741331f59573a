//! HTTP transport of the vendors' adapters: one client, one reading of error responses, incremental decoders.
//!
//! Owns the transport, its limits and the mapping of its failures to
//! [`ProviderErrorKind`](nexus_core::llm::ProviderErrorKind). Refuses to own the meaning of a vendor's frames, and
//! never retries: the gateway decides on retries, fallbacks and every deadline but the connect timeout.
//!
//! - `client`: [`HttpClient`] and its [`HttpOptions`]; `tls`: trusted certificate authorities.
//! - `secret`: keys, and their redaction in logs.
//! - `endpoint`: address and headers of a vendor; `vendor`: its name in errors.
//! - `error_response`: responses that are not 2xx; `retry_after`: a vendor's hints on retries.
//! - `response`: bodies, within limits; `sse` and `ndjson`: frames from bytes; `completion`: events from frames.
//! - `finish`: meanings of finish reasons; `counts`: counts of usage; `thoughts`: thoughts within the content.
//! - `tool_calls`, `messages` and `parameters`: parts that several wires share.

#![cfg_attr(
    not(all(feature = "anthropic", feature = "gemini", feature = "ollama", feature = "openai")),
    allow(dead_code, unused_imports, reason = "some items serve single vendors")
)]

mod client;
mod completion;
pub(crate) mod counts;
mod endpoint;
mod error_response;
pub(crate) mod finish;
pub(crate) mod messages;
mod ndjson;
pub(crate) mod parameters;
#[cfg(test)]
pub(crate) mod replay;
mod response;
mod retry_after;
mod secret;
mod sse;
pub(crate) mod thoughts;
mod tls;
pub(crate) mod tool_calls;
mod vendor;

pub use client::{HttpClient, HttpOptions, Proxy};
pub(crate) use completion::{Assembler, Decoder, FrameTooLong, completion};
pub(crate) use endpoint::Endpoint;
pub(crate) use error_response::ErrorResponse;
pub(crate) use ndjson::NdjsonDecoder;
pub(crate) use response::VendorResponse;
pub use secret::Secret;
pub(crate) use sse::{SseDecoder, SseEvent};
pub(crate) use vendor::Vendor;
