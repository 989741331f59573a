//! Scenarios of Ollama, behind a proxy that requires a key.

use nexus_core::llm::{
    LlmProvider as _, Parameters, ProviderErrorKind, ReasoningEffort, Request, ResponseFormat, ToolChoice,
};
use nexus_core::retrieve::{EmbedRole, Embedder as _};
use nexus_providers::ollama::{CONTEXT_TOKENS, Ollama, OllamaEmbedder};
use serde_json::json;

use crate::fixture::{QUESTION, Vendor, World, model, question};
use crate::scenarios::{scenarios, tools};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "ollama",
        make: |client, server, key, model| {
            // A host is often written without a scheme.
            let host = server.url().trim_start_matches("http://").to_owned();
            Ok(Box::new(Ollama::new(client, &host)?.with_key(key)?.with_model(model)))
        },
        embedder: Some(|world, directives| Box::new(own::embedder(world, directives))),
        speech: None,
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
        buckets: "frames=4+cached=100+reasoning=7",
        tells_reasoning: false,
        refusals: &[
            // Ollama has no content filter and no billing.
            ("blocked", Some(ProviderErrorKind::InvalidRequest)),
            ("quota", Some(ProviderErrorKind::RateLimited)),
        ],
        // A proxy before the server may send any retry hint.
        retry_hints: &[("retry-after=2", 2.0), ("retry-after-ms=150", 0.15), ("retry-date=600", 600.0)],
        inexpressible: || {
            let named = ToolChoice::Named("time".to_owned());
            let infinite = Parameters { top_p: Some(f32::INFINITY), ..Parameters::default() };
            vec![
                ("tool_choice", Request { tools: tools(), tool_choice: named, ..question() }),
                ("not a number", Request { parameters: infinite, ..question() }),
            ]
        },
        skips: &[
            ("an_answer_that_a_filter_ends_says_so", "it has no filter"),
            ("usage_told_on_the_way_is_replaced_by_the_last", "usage is on the last line only"),
        ],
        own: scenarios![
            own::a_model_on_ones_own_hardware_is_local,
            own::parameters_arrive_by_their_names,
            own::calls_without_ids_get_some_that_differ,
            own::questions_and_passages_are_embedded_each_in_their_way,
            own::vectors_of_another_dimension_are_refused,
            own::vectors_fail_like_answers,
        ],
    }
}

mod own {
    use super::*;

    pub(super) async fn a_model_on_ones_own_hardware_is_local(world: &World) {
        let models = Ollama::new(&world.client, &world.server.url()).unwrap();
        assert!(models.info(models.model()).is_local);
        assert!(!models.info("gpt-oss:120b-cloud").is_local);
    }

    pub(super) async fn parameters_arrive_by_their_names(world: &World) {
        let parameters = Parameters {
            temperature: Some(0.2),
            top_k: Some(40),
            seed: Some(7),
            reasoning: Some(ReasoningEffort::Low),
            format: Some(ResponseFormat::Json),
            ..Parameters::default()
        };
        world.hear_about("", Request { parameters, ..question() }).await.whole();
        let body = world.request().json();
        let options = json!({
            "num_ctx": CONTEXT_TOKENS, "num_predict": 1_000, "temperature": 0.2, "top_k": 40, "seed": 7
        });
        assert_eq!((&body["options"], &body["think"]), (&options, &json!("low")));
        assert_eq!(body["format"], "json");
    }

    pub(super) async fn calls_without_ids_get_some_that_differ(world: &World) {
        let request = Request { tools: tools(), ..question() };
        let reply = world.provider("tools=2+tool-no-id").complete(request).await.unwrap();
        let ids: Vec<&str> = reply.tool_calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_0", "call_1"]);
    }

    pub(super) fn embedder(world: &World, directives: &str) -> OllamaEmbedder {
        let embedder = OllamaEmbedder::new(&world.client, &world.server.url()).unwrap();
        embedder.with_model(&model(directives), 768, 2_048).unwrap()
    }

    pub(super) async fn questions_and_passages_are_embedded_each_in_their_way(world: &World) {
        let embedder = OllamaEmbedder::new(&world.client, &world.server.url()).unwrap();
        let query = embedder.embed(EmbedRole::Query, &["a river"]).await.unwrap();
        let (billed, query) = (query.usage.unwrap().input_uncached, query.vectors);
        assert_eq!(world.server.settled_log().await[0].billed.input, billed);
        let passages = embedder.embed(EmbedRole::Passage, &["a river", "a hill"]).await.unwrap().vectors;
        assert_eq!((passages.len(), passages[0].len()), (2, embedder.dimension()));
        assert_ne!(query[0], passages[0]);
        let requests = world.server.requests();
        let body = |number: usize| requests[number].json();
        assert_eq!((requests[0].path.as_str(), requests[0].method.as_str()), ("/api/embed", "POST"));
        assert_eq!(body(0), json!({"model": "nomic-embed-text", "input": ["search_query: a river"]}));
        assert_eq!(body(1)["input"], json!(["search_document: a river", "search_document: a hill"]));
        assert!(embedder.embed(EmbedRole::Query, &[]).await.unwrap().vectors.is_empty());
        assert_eq!(world.server.requests().len(), 2, "nothing was asked for");
    }

    pub(super) async fn vectors_of_another_dimension_are_refused(world: &World) {
        let embedder = embedder(world, "").with_model(&model(""), 99, 2_048).unwrap();
        let error = embedder.embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Protocol), "{error:?}");
    }

    pub(super) async fn vectors_fail_like_answers(world: &World) {
        for (directives, fault) in [
            ("404", ProviderErrorKind::InvalidRequest),
            ("503", ProviderErrorKind::Overloaded),
            ("context", ProviderErrorKind::ContextLength),
            ("cut", ProviderErrorKind::Truncated),
        ] {
            let error = embedder(world, directives).embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
            assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}: {error:?}");
        }
    }
}
