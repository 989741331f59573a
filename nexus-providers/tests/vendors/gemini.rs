//! Gemini, with a key and through Vertex AI.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::llm::{Parameters, Request, ToolChoice};
use nexus_providers::Secret;
use nexus_providers::gemini::{Gemini, Google, TokenSource};
use serde_json::json;

use crate::world::{QUESTION, Vendor, question};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "gemini",
        make: |client, server, key, model| {
            Ok(Box::new(Gemini::new(Google::with_key_at(client, &server.url(), key)?).with_model(model)))
        },
        target: |model, stream| format!("/v1beta/models/{model}:{}", verb(stream)),
        headers: &[],
        auth: ("x-goog-api-key", ""),
        body: |_, _| {
            let contents = json!([{"role": "user", "parts": [{"text": QUESTION}]}]);
            json!({"contents": contents, "generationConfig": {"maxOutputTokens": 1_000}})
        },
        whole_without_marker: false,
        buckets: "frames=4+cached=100+reasoning=7+tool-prompt=9",
        tells_reasoning: true,
        // A prompt that is blocked is an answer without words.
        refusals: &[("blocked", None)],
        retry_hints: &[("retry-info=34s", 34.0), ("retry-info=1.5s", 1.5), ("retry-after=2", 2.0)],
        inexpressible: || {
            let seed = Parameters { seed: Some(i64::MAX), ..Parameters::default() };
            vec![
                ("seed", Request { parameters: seed, ..question() }),
                ("tool_choice", Request { tool_choice: ToolChoice::Required, ..question() }),
                ("model", Request { model: Some("../secrets".to_owned()), ..question() }),
            ]
        },
        skips: &[],
        own: &[],
    }
}

/// The same wire at another address, with tokens.
pub(crate) fn vertex() -> Vendor {
    Vendor {
        name: "vertex",
        make: |client, server, key, model| {
            let tokens = Arc::new(Token(key.clone()));
            let google = Google::vertex_at(client, &server.url(), "acme-1", "europe-west4", tokens)?;
            Ok(Box::new(Gemini::new(google).with_model(model)))
        },
        target: |model, stream| {
            let models = "/v1/projects/acme-1/locations/europe-west4/publishers/google/models";
            format!("{models}/{model}:{}", verb(stream))
        },
        auth: ("authorization", "Bearer "),
        ..vendor()
    }
}

fn verb(stream: bool) -> &'static str {
    if stream { "streamGenerateContent?alt=sse" } else { "generateContent" }
}

#[derive(Debug)]
struct Token(Secret);

#[async_trait]
impl TokenSource for Token {
    async fn token(&self) -> Result<Secret> {
        Ok(self.0.clone())
    }
}
