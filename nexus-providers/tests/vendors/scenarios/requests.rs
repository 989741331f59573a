//! Scenarios of requests.

use nexus_core::DocumentId;
use nexus_core::document::PassageKey;
use nexus_core::grounding::Evidence;
use nexus_core::llm::prompt::families::FAMILIES;
use nexus_core::llm::{CallSignature, MessageRole, ProviderErrorKind, Request, ToolCall, ToolSpec, Turn};
use serde_json::Value;

use crate::fixture::{KEY, World, model, question};
use crate::scenarios::tools;

pub(super) async fn the_request_is_the_vendors_to_the_letter(world: &World) {
    for stream in [true, false] {
        world.server.clear_log();
        if stream {
            world.hear("").await.whole();
        } else {
            world.reply("").await.unwrap();
        }
        let request = world.server.requests().pop().unwrap();
        let target = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        assert_eq!((request.method.as_str(), target), ("POST", (world.vendor.target)(&model(""), stream)));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("user-agent"), Some(concat!("nexus/", env!("CARGO_PKG_VERSION"))));
        let (header, prefix) = world.vendor.auth;
        let key = format!("{prefix}{KEY}");
        for (name, value) in world.vendor.headers.iter().copied().chain([(header, key.as_str())]) {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
        assert_eq!(request.json(), (world.vendor.body)(&model(""), stream));
        assert!(!request.query.contains(KEY));
    }
}

pub(super) async fn a_model_named_by_the_request_answers(world: &World) {
    let request = Request { model: Some(model("frames=2")), ..question() };
    let heard = world.hear_about("frames=3", request).await;
    assert_eq!(heard.texts().concat(), "000 001 ");
    heard.whole();
    assert_eq!(world.server.settled_log().await[0].model, model("frames=2"));
    assert_eq!(world.provider("frames=3").model(), model("frames=3"));
}

pub(super) async fn a_parameter_that_the_wire_cannot_express_is_refused_before_the_request_is_sent(
    world: &World,
) {
    for (name, request) in (world.vendor.inexpressible)() {
        let provider = world.provider("");
        let refusals =
            [provider.stream(request.clone()).await.err(), provider.complete(request.clone()).await.err()];
        for refusal in refusals {
            let error = refusal.unwrap_or_else(|| panic!("{name} was not refused"));
            assert_eq!(
                ProviderErrorKind::of(&error),
                Some(ProviderErrorKind::InvalidRequest),
                "{name}: {error:?}"
            );
            assert!(error.message().contains(name), "{name}: {error}");
        }
    }
    assert!(world.server.requests().is_empty());
}

/// Checks a history after a fallback: thinking sealed by one vendor does not go to another.
pub(super) async fn what_another_vendor_signed_is_not_sent(world: &World) {
    for seal in [
        "openai:swordfish",
        r#"gemini:{"swordfish"}"#,
        r#"anthropic:{"model":"claude-x","blocks":[{"type":"thinking","thinking":"swordfish","signature":"x"}]}"#,
        "swordfish",
    ] {
        if seal.starts_with(&format!("{}:", world.provider("").name())) {
            continue;
        }
        // Over Vertex AI, Gemini's own signatures are valid.
        if seal.starts_with("gemini:") && world.vendor.name == "vertex" {
            continue;
        }
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "weather".to_owned(),
            arguments: r#"{"city":"Bonn"}"#.to_owned(),
            signature: Some(CallSignature::new(seal)),
        };
        let history = vec![
            Turn::said(MessageRole::User, "Bonn?"),
            Turn::Called { text: String::new(), calls: vec![call] },
            Turn::Returned {
                call: "call_1".to_owned(),
                name: "weather".to_owned(),
                result: "rain".to_owned(),
            },
        ];
        let request = Request { history, tools: tools(), ..question() };
        world.provider("").complete(request).await.unwrap();
        let body = world.server.requests().pop().unwrap().json().to_string();
        assert!(body.contains("Bonn") && !body.contains("swordfish"), "{body}");
    }
}

/// Checks that passages, names, questions, earlier turns and tool results cannot end a turn in a model's template.
pub(super) async fn text_of_others_holds_no_control_token_on_the_wire(world: &World) {
    let tokens = || FAMILIES.iter().flat_map(|family| family.tokens);
    let hostile: String = tokens().flat_map(|token| [*token, "\n"]).collect();
    let passage = Evidence {
        number: 1,
        passage: PassageKey { document: DocumentId::parse("d").unwrap(), version: 1, index: 0 },
        source_name: format!("hostile {hostile}"),
        page: None,
        heading_path: vec![hostile.clone()],
        text: hostile.clone(),
        span: 0..10,
        hash: String::new(),
        score: 1.0,
    };
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "weather".to_owned(),
        arguments: serde_json::json!({ "city": hostile }).to_string(),
        signature: None,
    };
    let returned =
        Turn::Returned { call: "call_1".to_owned(), name: "weather".to_owned(), result: hostile.clone() };
    let history = vec![
        Turn::said(MessageRole::User, hostile.as_str()),
        Turn::said(MessageRole::Assistant, hostile.as_str()),
        Turn::said(MessageRole::User, hostile.as_str()),
        Turn::Called { text: hostile.clone(), calls: vec![call] },
        returned,
    ];
    let tools = tools().into_iter().map(|tool| ToolSpec { description: hostile.clone(), ..tool }).collect();
    let asked = Request { history, tools, evidence: vec![passage], question: hostile, ..question() };
    world.provider("").complete(asked).await.unwrap();
    let mut texts = Vec::new();
    texts_in(&world.request().json(), &mut texts);
    assert!(texts.iter().any(|text| text.contains("[ /INST]")), "the text itself is sent");
    for text in texts {
        for token in tokens() {
            assert!(!text.starts_with(token) && !text.contains(&format!("\n{token}")), "{token} in {text}");
        }
    }
}

fn texts_in(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            // Tool arguments are JSON within JSON on some wires.
            Ok(inner @ Value::Object(_)) => texts_in(&inner, texts),
            Ok(_) | Err(_) => texts.push(text.clone()),
        },
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, texts)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            texts.push(name.clone());
            texts_in(field, texts);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
