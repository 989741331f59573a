//! Ollama, behind a proxy that asks for a key.

use nexus_core::llm::{Fault, Request, ToolChoice};
use nexus_providers::ollama::{CONTEXT_TOKENS, Ollama};
use serde_json::json;

use crate::scenarios::tools;
use crate::world::{QUESTION, Vendor, question};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "ollama",
        make: |client, server, key, model| {
            Ok(Box::new(Ollama::new(client, &server.url())?.with_key(key)?.with_model(model)))
        },
        target: |_, _| "/api/chat".to_owned(),
        headers: &[],
        auth: ("authorization", "Bearer "),
        body: |model, stream| {
            json!({
                "model": model,
                "messages": [{"role": "user", "content": QUESTION}],
                "stream": stream,
                "truncate": false,
                "shift": false,
                "options": {"num_ctx": CONTEXT_TOKENS, "num_predict": 1_000},
            })
        },
        whole_without_marker: false,
        buckets: "frames=4+cached=100",
        tells_reasoning: false,
        refusals: &[
            // It filters nothing, and has no money to run out of.
            ("blocked", Some(Fault::InvalidRequest)),
            ("quota", Some(Fault::RateLimited)),
        ],
        retry_hints: &[("retry-after=2", 2.0)],
        inexpressible: || {
            let named = ToolChoice::Named("time".to_owned());
            vec![("tool_choice", Request { tools: tools(), tool_choice: named, ..question() })]
        },
        skips: &[
            ("an_answer_that_a_filter_ends_says_so", "it has no filter"),
            ("usage_told_on_the_way_is_replaced_by_the_last", "usage is on the last line only"),
        ],
        own: &[],
    }
}
