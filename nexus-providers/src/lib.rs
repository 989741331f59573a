//! Everything in Nexus that speaks someone else's wire or format: models, embeddings, tools, document formats.
//!
//! Each lives behind a Cargo feature of its own and implements ports of [`nexus_core`]; nothing here decides a rule
//! of the house.
//!
//! | feature | what it brings | default |
//! | --- | --- | --- |
//! | `anthropic` | Claude over Anthropic's Messages API | yes |
//! | `documents` | readers for text, HTML, PDF, Office, mail, JSON and source code | yes |
//! | `gemini` | Gemini and its embeddings over the Gemini API and over Vertex AI | yes |
//! | `http` | the HTTP client that all vendors share; their features bring it | no |
//! | `ollama` | models and embeddings on hardware of one's own, over Ollama | yes |
//! | `openai` | chat, embeddings and speech of OpenAI, vLLM, llama.cpp, LM Studio and others of that shape | yes |
//! | `shell` | environment, configuration file and audit key of the programs that people run | no |
//! | `speech` | a speaker that needs no vendor | with `openai` |

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(feature = "shell")]
pub mod bootstrap;
#[cfg(feature = "documents")]
pub mod documents;
#[cfg(any(feature = "gemini", feature = "shell"))]
mod files;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "ollama")]
pub mod ollama;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "speech")]
pub mod speech;

#[cfg(feature = "http")]
pub use http::{HttpClient, HttpOptions, Proxy, Secret};
