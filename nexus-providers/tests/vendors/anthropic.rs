//! Anthropic.

use nexus_core::llm::{Parameters, Request, ResponseFormat, ToolChoice};
use nexus_providers::anthropic::Anthropic;
use serde_json::json;

use crate::world::{QUESTION, Vendor, question};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "anthropic",
        make: |client, server, key, model| {
            Ok(Box::new(Anthropic::at(client, &server.url(), key)?.with_model(model)))
        },
        target: |_, _| "/v1/messages".to_owned(),
        headers: &[("anthropic-version", "2023-06-01")],
        auth: ("x-api-key", ""),
        body: |model, stream| {
            let content = json!([{"type": "text", "text": QUESTION}]);
            let mut body = json!({"model": model, "max_tokens": 1_000, "messages": [{"role": "user", "content": content}]});
            if stream {
                body["stream"] = true.into();
            }
            body
        },
        whole_without_marker: false,
        buckets: "frames=4+cached=100+cache-write=20+cache-write-1h=30+reasoning=7+searches=2",
        // The scripted server leaves out the field that would tell.
        tells_reasoning: false,
        refusals: &[],
        retry_hints: &[("retry-after=2", 2.0), ("retry-after=0.05", 0.05), ("retry-date=600", 600.0)],
        inexpressible: || {
            let with = |parameters| Request { parameters, ..question() };
            vec![
                ("seed", with(Parameters { seed: Some(1), ..Parameters::default() })),
                (
                    "presence_penalty",
                    with(Parameters { presence_penalty: Some(1.0), ..Parameters::default() }),
                ),
                (
                    "frequency_penalty",
                    with(Parameters { frequency_penalty: Some(1.0), ..Parameters::default() }),
                ),
                ("format", with(Parameters { format: Some(ResponseFormat::Json), ..Parameters::default() })),
                ("tool_choice", Request { tool_choice: ToolChoice::Required, ..question() }),
            ]
        },
        skips: &[],
        own: &[],
    }
}
