//! Adapters of vendors' wires and formats: models, embeddings, text-to-speech, document formats.
//!
//! Each has a Cargo feature of its own and implements ports of [`nexus_core`]; the rules of the domain stay in core.
//!
//! | feature | contents | default |
//! | --- | --- | --- |
//! | `anthropic` | Claude over Anthropic's Messages API | yes |
//! | `documents` | readers for text, HTML, PDF, Office, mail, JSON and source code | yes |
//! | `gemini` | Gemini and its embeddings over the Gemini API and over Vertex AI | yes |
//! | `http` | the HTTP client that all vendors share; their features enable it | no |
//! | `ollama` | models and embeddings of an Ollama server | yes |
//! | `openai` | chat, embeddings and speech of OpenAI, vLLM, llama.cpp, LM Studio and compatible servers | yes |
//! | `bootstrap` | bootstrap of the programs: environment, configuration file, audit key | no |
//! | `speech` | text-to-speech without a vendor | with `openai` |

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(feature = "bootstrap")]
pub mod bootstrap;
#[cfg(feature = "documents")]
pub mod documents;
#[cfg(any(feature = "gemini", feature = "bootstrap"))]
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
