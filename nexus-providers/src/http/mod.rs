//! How every vendor's adapter speaks HTTP: one client, one reading of refusals, decoders that take bytes as they come.
//!
//! Owns the transport, its limits and the translation of its failures to [`Fault`](nexus_core::llm::Fault)s. Refuses
//! to own what a vendor's frames mean, and never tries again: the gateway decides on retries, fallbacks and every
//! deadline but that of connecting.
//!
//! - `client`: [`HttpClient`] and its [`HttpOptions`]; `tls`: whom it trusts.
//! - `secret`: keys, and taking them out of what is logged.
//! - `endpoint`: where a vendor is and with which headers; `vendor`: its name in errors.
//! - `refusal`: answers that are not 2xx; `retry`: what a vendor says about trying again.
//! - `answer`: bodies, within limits; `sse` and `ndjson`: frames from bytes; `completion`: pieces from frames.
//! - `calls`, `turns` and `numbers`: what several wires have in common.

#![cfg_attr(
    not(all(feature = "anthropic", feature = "gemini", feature = "ollama", feature = "openai")),
    allow(dead_code, unused_imports, reason = "what one vendor does not use, another does")
)]

mod client;
mod completion;
mod endpoint;
mod error_response;
pub(crate) mod messages;
mod ndjson;
pub(crate) mod parameters;
#[cfg(test)]
pub(crate) mod replay;
mod response;
mod retry_after;
mod secret;
mod sse;
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
