#![doc = include_str!("../README.md")]

mod answer;
mod anthropic;
mod ask;
mod call;
mod connection;
mod dialect;
mod gemini;
pub mod log;
mod ollama;
mod openai;
mod player;
mod record;
mod refusal;
mod reply;
mod router;
pub mod script;
mod server;
mod vector;
mod wire;
mod words;

pub use dialect::Dialect;
pub use log::{Billed, Entry, Outcome};
pub use record::Recorded;
pub use refusal::{Kind, RetryHints};
pub use server::Scripted;

/// Names in the lists of models. Every other name answers as well.
const MODELS: [&str; 2] = ["scripted-1", "scripted-embed-1"];
