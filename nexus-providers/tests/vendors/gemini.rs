//! Scenarios of Gemini, with a key and through Vertex AI.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::llm::{
    FinishReason, LlmProvider as _, MessageRole, Parameters, ProviderErrorKind, Request, ResponseFormat,
    ToolCall, ToolChoice, Turn,
};
use nexus_core::retrieve::{EmbedRole, Embedder as _};
use nexus_providers::Secret;
use nexus_providers::gemini::{Gemini, GeminiEmbedder, Google, TokenSource};
use serde_json::json;

use crate::fixture::{KEY, KEY_TELLS, QUESTION, Vendor, World, model, question};
use crate::scenarios::{scenarios, tools};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "gemini",
        make: |client, server, key, model| {
            Ok(Box::new(Gemini::new(Google::with_key_at(client, &server.url(), key)?).with_model(model)))
        },
        embedder: Some(|world, directives| Box::new(own::embedder(world, directives))),
        speech: None,
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
        // A blocked prompt is an answer without text.
        refusals: &[("blocked", None)],
        retry_hints: &[
            ("retry-info=34s", 34.0),
            ("retry-info=1.5s", 1.5),
            ("retry-after=2", 2.0),
            ("retry-after=0.05", 0.05),
            ("retry-date=600", 600.0),
        ],
        inexpressible: || {
            let seed = Parameters { seed: Some(i64::MAX), ..Parameters::default() };
            let endless = Parameters { temperature: Some(f32::NAN), ..Parameters::default() };
            vec![
                ("not a number", Request { parameters: endless, ..question() }),
                ("seed", Request { parameters: seed, ..question() }),
                ("tool_choice", Request { tool_choice: ToolChoice::Required, ..question() }),
                ("model", Request { model: Some("../secrets".to_owned()), ..question() }),
            ]
        },
        skips: &[],
        own: scenarios![
            own::a_blocked_prompt_is_an_answer_without_words,
            own::parameters_arrive_by_their_names,
            own::a_conversation_with_tools_arrives_whole,
            own::vertex_has_its_own_paths_and_a_token_for_each_request,
            own::without_a_token_nothing_is_sent,
            own::questions_and_passages_are_embedded_each_in_their_way,
            own::many_texts_go_in_batches,
            own::vertex_embeds_texts_one_by_one_in_their_order,
            own::vectors_fail_like_answers,
        ],
    }
}

/// The same wire at another address, with access tokens.
pub(crate) fn vertex() -> Vendor {
    Vendor {
        name: "vertex",
        make: |client, server, key, model| {
            let tokens = Arc::new(Token(key.clone()));
            let google = Google::vertex_at(client, &server.url(), "acme-1", "europe-west4", tokens)?;
            Ok(Box::new(Gemini::new(google).with_model(model)))
        },
        embedder: Some(|world, directives| Box::new(own::vertex_embedder(world, directives))),
        target: |model, stream| {
            let models = "/v1/projects/acme-1/locations/europe-west4/publishers/google/models";
            format!("{models}/{model}:{}", verb(stream))
        },
        auth: ("authorization", "Bearer "),
        own: &[],
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

mod own {
    use super::*;

    pub(super) async fn a_blocked_prompt_is_an_answer_without_words(world: &World) {
        let pieces = world.hear("blocked").await.whole();
        let reply = world.reply("blocked").await.unwrap();
        assert_eq!((reply.finish.clone(), reply.text.as_str()), (FinishReason::ContentFilter, ""));
        assert!(reply.usage.unwrap().input().unwrap() > 0, "a blocked prompt costs all the same");
        assert_eq!(pieces, reply.into_pieces());
    }

    pub(super) async fn parameters_arrive_by_their_names(world: &World) {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let parameters = Parameters {
            temperature: Some(0.2),
            top_k: Some(40),
            seed: Some(7),
            format: Some(ResponseFormat::JsonSchema { name: "city".to_owned(), schema: schema.clone() }),
            ..Parameters::default()
        };
        world.hear_about("", Request { parameters, ..question() }).await.whole();
        let config = json!({
            "maxOutputTokens": 1_000, "temperature": 0.2, "topK": 40, "seed": 7,
            "responseMimeType": "application/json", "responseJsonSchema": schema,
        });
        assert_eq!(world.request().json()["generationConfig"], config);
    }

    pub(super) async fn a_conversation_with_tools_arrives_whole(world: &World) {
        let call = ToolCall {
            id: "a1b2".to_owned(),
            name: "weather".to_owned(),
            arguments: r#"{"city":"Bonn"}"#.to_owned(),
            signature: None,
        };
        let (id, name) = ("a1b2".to_owned(), "weather".to_owned());
        let history = vec![
            Turn::said(MessageRole::User, "Bonn?"),
            Turn::Called { text: String::new(), calls: vec![call] },
            Turn::Returned { call: id, name, result: "rain".to_owned() },
        ];
        let request = Request {
            instructions: "Be brief.".to_owned(),
            history,
            tools: tools(),
            tool_choice: ToolChoice::Named("weather".to_owned()),
            question: String::new(),
            ..question()
        };
        let reply = world.provider("").complete(request).await.unwrap();
        assert!(reply.text.contains("rain"), "{reply:?}");
        let body = world.request().json();
        assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
        let call = &body["contents"][1]["parts"][0]["functionCall"];
        assert_eq!(call, &json!({"id": "a1b2", "name": "weather", "args": {"city": "Bonn"}}));
        let response = &body["contents"][2]["parts"][0]["functionResponse"];
        assert_eq!(response, &json!({"id": "a1b2", "name": "weather", "response": {"result": "rain"}}));
        let choice = json!({"mode": "ANY", "allowedFunctionNames": ["weather"]});
        assert_eq!(body["toolConfig"]["functionCallingConfig"], choice);
        let declaration = &body["tools"][0]["functionDeclarations"][0];
        assert_eq!(declaration["parametersJsonSchema"], tools()[0].parameters);
    }

    /// Token source with a new token each time, which contains the key.
    #[derive(Debug, Default)]
    struct Tokens(AtomicUsize);

    #[async_trait]
    impl TokenSource for Tokens {
        async fn token(&self) -> Result<Secret> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Secret::new(format!("{KEY}-{number}")))
        }
    }

    #[derive(Debug)]
    struct NoTokens;

    #[async_trait]
    impl TokenSource for NoTokens {
        async fn token(&self) -> Result<Secret> {
            Err(ProviderErrorKind::Authentication.error("no token"))
        }
    }

    fn vertex(world: &World, tokens: Arc<dyn TokenSource>) -> Google {
        Google::vertex_at(&world.client, &world.server.url(), "acme-1", "europe-west4", tokens).unwrap()
    }

    pub(super) async fn vertex_has_its_own_paths_and_a_token_for_each_request(world: &World) {
        let gemini = Gemini::new(vertex(world, Arc::new(Tokens::default()))).with_model(model("frames=2"));
        assert_eq!(gemini.name(), "vertex");
        let heard = crate::fixture::drain(gemini.stream(question()).await.unwrap()).await;
        assert_eq!(heard.texts().concat(), "000 001 ");
        heard.whole();
        gemini.complete(question()).await.unwrap();
        let requests = world.server.requests();
        let models = "/v1/projects/acme-1/locations/europe-west4/publishers/google/models";
        let paths: Vec<String> = requests.iter().map(|request| request.path.clone()).collect();
        let verbs = ["streamGenerateContent", "generateContent"];
        assert_eq!(paths, verbs.map(|verb| format!("{models}/{}:{verb}", model("frames=2"))));
        for (number, request) in requests.iter().enumerate() {
            assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}-{number}").as_str()));
            assert_eq!(request.header("x-goog-api-key"), None);
        }
        let error = gemini.with_model(model("401")).complete(question()).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Authentication));
        assert!(!error.report().contains(KEY_TELLS), "{}", error.report());
    }

    pub(super) async fn without_a_token_nothing_is_sent(world: &World) {
        let gemini = Gemini::new(vertex(world, Arc::new(NoTokens)));
        let error = gemini.complete(question()).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Authentication));
        assert!(world.server.requests().is_empty());
    }

    pub(super) fn vertex_embedder(world: &World, directives: &str) -> GeminiEmbedder {
        let google = vertex(world, Arc::new(Tokens::default()));
        GeminiEmbedder::new(google).unwrap().with_model(&model(directives), 64).unwrap()
    }

    pub(super) fn embedder(world: &World, directives: &str) -> GeminiEmbedder {
        let google = Google::with_key_at(&world.client, &world.server.url(), &Secret::new(KEY)).unwrap();
        GeminiEmbedder::new(google).unwrap().with_model(&model(directives), 64).unwrap()
    }

    pub(super) async fn questions_and_passages_are_embedded_each_in_their_way(world: &World) {
        let embedder = embedder(world, "");
        let embedded = embedder.embed(EmbedRole::Query, &["a river"]).await.unwrap();
        assert_eq!(embedded.usage, None, "this wire has no usage");
        let vectors = embedded.vectors;
        embedder.embed(EmbedRole::Passage, &["a river"]).await.unwrap();
        let length: f32 = vectors[0].iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        assert_eq!((vectors[0].len(), embedder.dimension()), (64, 64));
        assert_eq!(embedder.model().as_str(), "scripted-1@64");
        let requests = world.server.requests();
        assert_eq!(requests[0].path, "/v1beta/models/scripted-1:batchEmbedContents");
        let request = |task: &str| {
            json!({
                "model": "models/scripted-1", "content": {"parts": [{"text": "a river"}]}, "taskType": task,
                "outputDimensionality": 64,
            })
        };
        assert_eq!(requests[0].json(), json!({"requests": [request("RETRIEVAL_QUERY")]}));
        assert_eq!(requests[1].json(), json!({"requests": [request("RETRIEVAL_DOCUMENT")]}));
    }

    pub(super) async fn many_texts_go_in_batches(world: &World) {
        let embedder = embedder(world, "");
        let texts: Vec<String> = (0..250).map(|number| format!("text {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = embedder.embed(EmbedRole::Passage, &texts).await.unwrap().vectors;
        assert_eq!((vectors.len(), world.server.requests().len()), (250, 3));
        let alone = embedder.embed(EmbedRole::Passage, &[texts[249]]).await.unwrap().vectors;
        assert_eq!(alone, [vectors[249].clone()]);
    }

    pub(super) async fn vertex_embeds_texts_one_by_one_in_their_order(world: &World) {
        let vertex = vertex_embedder(world, "");
        let texts: Vec<String> = (0..20).map(|number| format!("text {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedded = vertex.embed(EmbedRole::Passage, &texts).await.unwrap();
        let billed: u64 = world.server.settled_log().await.iter().map(|entry| entry.billed.input).sum();
        assert_eq!(embedded.usage.unwrap().input_uncached, billed);
        let vectors = embedder(world, "").embed(EmbedRole::Passage, &texts).await.unwrap().vectors;
        assert_eq!(embedded.vectors, vectors);
        let requests = world.server.requests();
        assert_eq!(requests.len(), 21);
        assert!(requests[0].path.ends_with("/publishers/google/models/scripted-1:predict"));
        let body = requests[0].json();
        assert_eq!(body["instances"].as_array().unwrap().len(), 1);
        assert_eq!(body["instances"][0]["task_type"], "RETRIEVAL_DOCUMENT");
        assert_eq!(body["parameters"], json!({"outputDimensionality": 64}));
    }

    pub(super) async fn vectors_fail_like_answers(world: &World) {
        for (directives, fault) in [
            ("401", ProviderErrorKind::Authentication),
            ("quota", ProviderErrorKind::Billing),
            ("429+retry-info=2s", ProviderErrorKind::RateLimited),
            ("503", ProviderErrorKind::Overloaded),
            ("cut", ProviderErrorKind::Truncated),
        ] {
            let error = embedder(world, directives).embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
            assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}: {error:?}");
            assert!(!error.report().contains(KEY_TELLS));
        }
    }
}
