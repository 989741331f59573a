//! Scenarios of OpenAI, and of compatible servers only.

use nexus_core::llm::{
    Completion, FinishReason, LlmProvider, MessageRole, Parameters, ProviderErrorKind, Request,
    ResponseFormat, ToolCall, ToolChoice, Turn,
};
use nexus_core::retrieve::embed::{EmbedRole, Embedder as _};
use nexus_core::speech::SpeechSynthesizer as _;
use nexus_providers::openai::{OpenAiEmbedder, OpenAiSpeech, Service};
use serde_json::{Value, json};

use crate::fixture::{KEY, KEY_TELLS, QUESTION, Vendor, World, model, question};
use crate::scenarios::{scenarios, tools};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "openai",
        make: |client, server, key, model| {
            let service = Service::openai(key.clone()).at(server.openai_url());
            Ok(Box::new(service.chat(client, model)?))
        },
        embedder: Some(|world, directives| {
            Box::new(own::embedder(world, directives, OpenAiEmbedder::DEFAULT_DIMENSION))
        }),
        speech: Some(|world, directives| Box::new(own::speaker(world, directives))),
        target: |_, _| "/v1/chat/completions".to_owned(),
        headers: &[],
        auth: ("authorization", "Bearer "),
        body: |model, stream| {
            let mut body = json!({
                "model": model,
                "messages": [{"role": "user", "content": QUESTION}],
                "stream": stream,
                "max_completion_tokens": 1_000,
            });
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
            body
        },
        whole_without_marker: true,
        buckets: "frames=4+cached=100+cache-write=20+reasoning=7+audio-in=5+audio-out=3",
        tells_reasoning: true,
        refusals: &[],
        retry_hints: &[
            ("retry-after=2", 2.0),
            ("retry-after=0.05", 0.05),
            ("retry-after-ms=150", 0.15),
            ("retry-date=600", 600.0),
        ],
        inexpressible: || {
            let with = |parameters| Request { parameters, ..question() };
            vec![
                ("`top_k`", with(Parameters { top_k: Some(3), ..Parameters::default() })),
                ("not a number", with(Parameters { temperature: Some(f32::NAN), ..Parameters::default() })),
                ("`tool_choice`", Request { tool_choice: ToolChoice::Required, ..question() }),
            ]
        },
        skips: &[],
        own: scenarios![
            own::every_parameter_arrives_by_its_name,
            own::a_conversation_with_tools_arrives_whole,
            own::calls_are_found_however_they_are_numbered,
            own::what_a_compatible_server_lacks_is_refused_and_what_it_has_is_sent,
            own::a_server_without_a_key_is_sent_none,
            own::the_organisation_is_named,
            own::texts_become_vectors_in_their_order,
            own::vectors_can_be_shortened,
            own::vectors_of_another_dimension_are_refused,
            own::a_text_is_spoken,
            own::speech_and_vectors_fail_like_answers,
        ],
    }
}

mod own {
    use super::*;

    pub(super) async fn every_parameter_arrives_by_its_name(world: &World) {
        let parameters = Parameters {
            temperature: Some(0.2),
            top_p: Some(0.9),
            stop: vec!["END".to_owned()],
            seed: Some(7),
            presence_penalty: Some(-0.5),
            frequency_penalty: Some(1.5),
            reasoning: Some(nexus_core::llm::ReasoningEffort::Low),
            format: Some(ResponseFormat::JsonSchema {
                name: "city".to_owned(),
                schema: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
            }),
            ..Parameters::default()
        };
        world.hear_about("", Request { parameters, ..question() }).await.whole();
        let body = world.request().json();
        let sent = |name: &str| body[name].to_string();
        assert_eq!((sent("temperature"), sent("top_p")), ("0.2".to_owned(), "0.9".to_owned()));
        assert_eq!((&body["stop"], &body["seed"]), (&json!(["END"]), &json!(7)));
        assert_eq!(
            (sent("presence_penalty"), sent("frequency_penalty")),
            ("-0.5".to_owned(), "1.5".to_owned())
        );
        assert_eq!(body["reasoning_effort"], "low");
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": true}});
        assert_eq!(body["response_format"], format);
    }

    pub(super) async fn a_conversation_with_tools_arrives_whole(world: &World) {
        let call = ToolCall {
            id: "c1".to_owned(),
            name: "weather".to_owned(),
            arguments: r#"{"city":"Bonn"}"#.to_owned(),
            signature: None,
        };
        let returned =
            Turn::Returned { call: "c1".to_owned(), name: "weather".to_owned(), result: "rain".to_owned() };
        let request = Request {
            instructions: "Be brief.".to_owned(),
            history: vec![
                Turn::said(MessageRole::User, "Bonn?"),
                Turn::said(MessageRole::Assistant, "I look."),
                Turn::Called { text: String::new(), calls: vec![call] },
                returned,
            ],
            tools: tools(),
            tool_choice: ToolChoice::Named("weather".to_owned()),
            ..Request::default()
        };
        let reply = world.provider("").complete(request).await.unwrap();
        assert!(reply.text.contains("rain"), "{reply:?}");
        let body = world.request().json();
        let called = json!({"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bonn\"}"}});
        let messages = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Bonn?"},
            {"role": "assistant", "content": "I look."},
            {"role": "assistant", "content": null, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        ]);
        assert_eq!(body["messages"], messages);
        assert_eq!(body["tool_choice"], json!({"type": "function", "function": {"name": "weather"}}));
        assert_eq!(body["tools"][0]["function"]["parameters"], tools()[0].parameters);
        assert_eq!(body["tools"][1]["function"]["name"], "time");
    }

    pub(super) async fn calls_are_found_however_they_are_numbered(world: &World) {
        let request = Request { tools: tools(), ..question() };
        let ask = async |directives: &str| {
            let pieces = world.hear_about(directives, request.clone()).await.whole();
            let mut reply = Completion::empty();
            for piece in pieces {
                reply.add(piece);
            }
            assert_eq!(reply.finish, FinishReason::ToolCalls, "{directives}");
            let ids = reply
                .tool_calls
                .iter()
                .map(|call| call.id.clone())
                .collect::<std::collections::BTreeSet<_>>();
            assert!(ids.len() == 2 && !ids.contains(""), "{directives}: {ids:?}");
            reply.tool_calls.into_iter().map(|call| (call.name, call.arguments)).collect::<Vec<_>>()
        };
        let usual = ask("tools=2").await;
        for directives in [
            "tool-index=missing",
            "tool-index=zero",
            "tool-index=one",
            "tool-split",
            "tool-empty-name",
            "tool-no-id",
            "tool-split+tool-empty-name+tool-index=one",
        ] {
            assert_eq!(ask(&format!("tools=2+{directives}")).await, usual, "{directives}");
        }
        let broken = ask("tools=2+tool-invalid").await;
        assert!(serde_json::from_str::<Value>(&broken[0].1).is_err(), "{broken:?}");
    }

    pub(super) async fn what_a_compatible_server_lacks_is_refused_and_what_it_has_is_sent(world: &World) {
        let with = |parameters| Request { parameters, ..question() };
        let top_k = with(Parameters { top_k: Some(3), ..Parameters::default() });
        let json = with(Parameters { format: Some(ResponseFormat::Json), ..Parameters::default() });
        let effort = with(Parameters {
            reasoning: Some(nexus_core::llm::ReasoningEffort::High),
            ..Parameters::default()
        });
        let named = ToolChoice::Named("time".to_owned());
        let named = Request { tools: tools(), tool_choice: named, ..question() };
        let services = [
            (Service::vllm(), [true, true, true, true]),
            (Service::llama_cpp(), [true, true, false, false]),
            (Service::lm_studio(), [true, false, false, false]),
            (Service::custom("gateway", ""), [false, true, true, true]),
        ];
        for (service, fits) in services {
            let provider =
                service.at(world.server.openai_url()).with_key(KEY).chat(&world.client, model("")).unwrap();
            for (request, fits) in [&top_k, &json, &effort, &named].into_iter().zip(fits) {
                let reply = provider.complete(request.clone()).await;
                let fault = reply.err().map(|error| ProviderErrorKind::of(&error).unwrap());
                assert_eq!(
                    fault,
                    (!fits).then_some(ProviderErrorKind::InvalidRequest),
                    "{}: {request:?}",
                    provider.name()
                );
            }
            let body = world.server.requests().pop().unwrap().json();
            assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&json!(1_000), None));
            assert_eq!(provider.info("any").is_local, provider.name() != "gateway");
        }
        let top_k = world.server.requests()[0].json()["top_k"].clone();
        assert_eq!(top_k, 3);
    }

    pub(super) async fn a_server_without_a_key_is_sent_none(world: &World) {
        let provider = Service::vllm().at(world.server.openai_url()).chat(&world.client, model("")).unwrap();
        let error = provider.complete(question()).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Authentication));
        assert_eq!(world.request().header("authorization"), None);
    }

    pub(super) async fn the_organisation_is_named(world: &World) {
        let service = Service::openai(KEY).at(world.server.openai_url()).with_organisation("org-nexus");
        service.chat(&world.client, model("")).unwrap().complete(question()).await.unwrap();
        assert_eq!(world.request().header("openai-organization"), Some("org-nexus"));
    }

    pub(super) fn embedder(world: &World, directives: &str, dimension: usize) -> OpenAiEmbedder {
        let service = Service::openai(KEY).at(world.server.openai_url());
        service.embedder(&world.client, model(directives), dimension).unwrap()
    }

    pub(super) async fn texts_become_vectors_in_their_order(world: &World) {
        let embedder = embedder(world, "", OpenAiEmbedder::DEFAULT_DIMENSION);
        let texts: Vec<String> = (0..600).map(|number| format!("text {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedded = embedder.embed(EmbedRole::Passage, &texts).await.unwrap();
        let vectors = embedded.vectors;
        assert_eq!(vectors.len(), 600);
        let log = world.server.settled_log().await;
        let billed: u64 = log.iter().map(|entry| entry.billed.input).sum();
        assert_eq!(embedded.usage.unwrap().input_uncached, billed, "the bills of all requests");
        for place in [0, 1, 255, 256, 599] {
            let alone = embedder.embed(EmbedRole::Query, &[texts[place]]).await.unwrap();
            assert_eq!(alone.vectors, [vectors[place].clone()], "{place}");
        }
        assert_ne!(vectors[0], vectors[1]);
        let requests = world.server.requests();
        let counts: Vec<usize> =
            requests.iter().map(|request| request.json()["input"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [256, 256, 88, 1, 1, 1, 1, 1]);
        assert_eq!((requests[0].path.as_str(), requests[0].method.as_str()), ("/v1/embeddings", "POST"));
        assert_eq!(requests[0].json().get("dimensions"), None);
        assert!(embedder.embed(EmbedRole::Passage, &[]).await.unwrap().vectors.is_empty());
        let cut: Vec<usize> = embedder.batches(&texts).into_iter().map(|range| range.len()).collect();
        assert_eq!(cut, counts[..3], "each of these goes out as one request");
        assert_eq!(world.server.requests().len(), requests.len(), "nothing was asked for");
    }

    pub(super) async fn vectors_can_be_shortened(world: &World) {
        let whole = embedder(world, "", OpenAiEmbedder::DEFAULT_DIMENSION);
        let short = whole.clone().shortened(64).unwrap();
        let vectors = short.embed(EmbedRole::Query, &["a river"]).await.unwrap().vectors;
        assert_eq!(short.vendor_model(), whole.vendor_model());
        assert_eq!((vectors[0].len(), short.dimension()), (64, 64));
        assert_ne!(short.model(), whole.model());
        assert_eq!(world.request().json()["dimensions"], 64);
    }

    pub(super) async fn vectors_of_another_dimension_are_refused(world: &World) {
        let error = embedder(world, "", 99).embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Protocol), "{error:?}");
    }

    pub(super) fn speaker(world: &World, directives: &str) -> OpenAiSpeech {
        let service = Service::openai(KEY).at(world.server.openai_url());
        service.speech(&world.client, model(directives), OpenAiSpeech::DEFAULT_VOICE).unwrap()
    }

    pub(super) async fn a_text_is_spoken(world: &World) {
        let speech = speaker(world, "").speak("The Nile flows north.").await.unwrap();
        assert_eq!(speech.mime, "audio/mpeg");
        // A frame of MPEG audio begins with eleven ones, a file may begin with a tag.
        assert!(speech.bytes.starts_with(b"ID3") || (speech.bytes[0] == 0xFF && speech.bytes[1] >= 0xE0));
        let request = world.request();
        assert_eq!(request.path, "/v1/audio/speech");
        let body = json!({"model": model(""), "voice": "alloy", "input": "The Nile flows north.", "response_format": "mp3"});
        assert_eq!(request.json(), body);
    }

    pub(super) async fn speech_and_vectors_fail_like_answers(world: &World) {
        for (directives, fault) in [
            ("401", ProviderErrorKind::Authentication),
            ("quota", ProviderErrorKind::Billing),
            ("429+retry-after=2", ProviderErrorKind::RateLimited),
            ("503", ProviderErrorKind::Overloaded),
            ("cut", ProviderErrorKind::Truncated),
        ] {
            let embedder = embedder(world, directives, OpenAiEmbedder::DEFAULT_DIMENSION);
            let speaker = speaker(world, directives);
            assert!(!format!("{embedder:?} {speaker:?}").contains(KEY_TELLS));
            let unembedded = embedder.embed(EmbedRole::Query, &["a river"]).await.unwrap_err();
            let unspoken = speaker.speak("a river").await.unwrap_err();
            for error in [unembedded, unspoken] {
                assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}: {error:?}");
                assert!(!error.report().contains(KEY_TELLS));
            }
        }
    }
}
