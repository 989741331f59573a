//! Scenarios of Anthropic.

use nexus_core::llm::{
    Completion, FinishReason, MessageRole, Parameters, ProviderErrorKind, ReasoningEffort, Request,
    ResponseFormat, ToolCall, ToolChoice, Turn,
};
use nexus_providers::anthropic::Anthropic;
use serde_json::{Value, json};

use crate::fixture::{QUESTION, Vendor, World, question};
use crate::scenarios::{scenarios, tools};

pub(crate) fn vendor() -> Vendor {
    Vendor {
        name: "anthropic",
        make: |client, server, key, model| {
            Ok(Box::new(Anthropic::at(client, &server.url(), key)?.with_model(model)))
        },
        embedder: None,
        speech: None,
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
        // The scripted server omits the count of thinking tokens.
        tells_reasoning: false,
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
                ("not a number", with(Parameters { top_p: Some(f32::NAN), ..Parameters::default() })),
                ("tool_choice", Request { tool_choice: ToolChoice::Required, ..question() }),
            ]
        },
        skips: &[],
        own: scenarios![
            own::parameters_arrive_by_their_names,
            own::a_conversation_with_tools_arrives_whole,
            own::what_the_model_thought_before_a_call_goes_back_to_it_unmodified,
            own::arguments_that_are_no_json_are_kept_as_they_are,
            own::a_limit_of_spending_is_not_waited_for,
            own::a_conversation_may_end_with_nothing_but_results,
        ],
    }
}

mod own {
    use super::{
        Completion, FinishReason, MessageRole, Parameters, ProviderErrorKind, ReasoningEffort, Request,
        ResponseFormat, ToolCall, ToolChoice, Turn, Value, World, json, question, tools,
    };

    pub(super) async fn parameters_arrive_by_their_names(world: &World) {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let parameters = Parameters {
            temperature: Some(0.2),
            top_p: Some(0.9),
            top_k: Some(40),
            stop: vec!["END".to_owned()],
            reasoning: Some(ReasoningEffort::High),
            format: Some(ResponseFormat::JsonSchema { name: "city".to_owned(), schema: schema.clone() }),
            ..Parameters::default()
        };
        let heard = world.hear_about("", Request { parameters, ..question() }).await;
        let text: Value = serde_json::from_str(&heard.texts().concat()).unwrap();
        assert!(text["city"].is_string(), "{text}");
        let body = world.request().json();
        assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.2), &json!(0.9)));
        assert_eq!((&body["top_k"], &body["stop_sequences"]), (&json!(40), &json!(["END"])));
        assert_eq!(body["thinking"], json!({"type": "adaptive", "display": "summarized"}));
        let format = json!({"type": "json_schema", "schema": schema});
        assert_eq!(body["output_config"], json!({"effort": "high", "format": format}));
    }

    fn conversation() -> Vec<Turn> {
        let call = ToolCall {
            id: "toolu_1".to_owned(),
            name: "weather".to_owned(),
            arguments: r#"{"city":"Bonn"}"#.to_owned(),
            signature: None,
        };
        let (id, name) = ("toolu_1".to_owned(), "weather".to_owned());
        vec![
            Turn::said(MessageRole::User, "Bonn?"),
            Turn::Called { text: "I look.".to_owned(), calls: vec![call] },
            Turn::Returned { call: id, name, result: "rain".to_owned() },
        ]
    }

    pub(super) async fn a_conversation_with_tools_arrives_whole(world: &World) {
        let request = Request {
            instructions: "Be brief.".to_owned(),
            history: conversation(),
            tools: tools(),
            tool_choice: ToolChoice::Named("weather".to_owned()),
            question: "And tomorrow?".to_owned(),
            ..question()
        };
        world.provider("").complete(request).await.unwrap();
        let body = world.request().json();
        assert_eq!(body["system"], "Be brief.");
        let called =
            json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bonn"}});
        let result = json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"});
        let messages = json!([
            {"role": "user", "content": [{"type": "text", "text": "Bonn?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, called]},
            {"role": "user", "content": [result, {"type": "text", "text": "And tomorrow?"}]},
        ]);
        assert_eq!(body["messages"], messages);
        assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "weather"}));
        assert_eq!(body["tools"][0]["input_schema"], tools()[0].parameters);
    }

    pub(super) async fn what_the_model_thought_before_a_call_goes_back_to_it_unmodified(world: &World) {
        let directives = "thinking=3+frames=2+tools=2";
        let asking = Request { tools: tools(), ..question() };
        let mut streamed = Completion::empty();
        for piece in world.hear_about(directives, asking.clone()).await.whole() {
            streamed.add(piece);
        }
        let whole = world.provider(directives).complete(asking.clone()).await.unwrap();
        // Unmodified, with the signed text.
        let thought = json!({"type": "thinking", "thinking": "000 001 002 ", "signature": "c2NyaXB0ZWQ="});
        for reply in [streamed, whole] {
            assert!(!format!("{:?}", reply.tool_calls).contains("000 001"), "{:?}", reply.tool_calls);
            let results = reply.tool_calls.iter().map(|call| Turn::Returned {
                call: call.id.clone(),
                name: call.name.clone(),
                result: "rain".to_owned(),
            });
            let mut history = vec![Turn::said(MessageRole::User, "Bonn?")];
            history.push(Turn::Called { text: reply.text.clone(), calls: reply.tool_calls.clone() });
            history.extend(results);
            let next = Request { history, question: String::new(), ..asking.clone() };
            let content = async |request: Request| {
                world.provider(directives).complete(request).await.unwrap();
                let body = world.server.requests().pop().unwrap().json();
                body["messages"][1]["content"].clone()
            };
            let own = content(next.clone()).await;
            let types = |content: &Value| -> Vec<Value> {
                content.as_array().unwrap().iter().map(|block| block["type"].clone()).collect()
            };
            assert_eq!(own[0], thought);
            assert!(!own.to_string().contains("anthropic:"), "{own}");
            let calls = reply.tool_calls.len();
            assert_eq!(types(&own).iter().filter(|kind| *kind == "thinking").count(), 1, "{own}");
            assert_eq!(types(&own).iter().filter(|kind| *kind == "tool_use").count(), calls, "{own}");
            let other = content(Request { model: Some("another-1".to_owned()), ..next }).await;
            assert!(!types(&other).contains(&"thinking".into()), "{other}");
        }
    }

    pub(super) async fn a_conversation_may_end_with_nothing_but_results(world: &World) {
        let request =
            Request { history: conversation(), tools: tools(), question: String::new(), ..question() };
        let reply = world.provider("no-prefill").complete(request).await.unwrap();
        assert!(reply.text.contains("rain"), "{reply:?}");
    }

    pub(super) async fn arguments_that_are_no_json_are_kept_as_they_are(world: &World) {
        let request = Request { tools: tools(), ..question() };
        let mut reply = Completion::empty();
        for piece in world.hear_about("tools=1+tool-invalid", request).await.whole() {
            reply.add(piece);
        }
        assert_eq!(reply.finish, FinishReason::ToolCalls);
        let arguments = &reply.tool_calls[0].arguments;
        assert!(serde_json::from_str::<Value>(arguments).is_err(), "{arguments}");
    }

    pub(super) async fn a_limit_of_spending_is_not_waited_for(world: &World) {
        let error = world.reply("quota").await.unwrap_err();
        assert_eq!(
            (ProviderErrorKind::of(&error), error.retry_after()),
            (Some(ProviderErrorKind::Billing), None)
        );
    }
}
