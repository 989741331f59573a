//! What is sent.

use nexus_core::llm::{CallSignature, Fault, Request, Speaker, ToolCall, Turn};

use crate::scenarios::tools;
use crate::world::{KEY, World, model, question};

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

pub(super) async fn what_the_wire_cannot_express_is_refused_by_name_before_anything_is_sent(world: &World) {
    for (name, request) in (world.vendor.inexpressible)() {
        let provider = world.provider("");
        let refusals =
            [provider.stream(request.clone()).await.err(), provider.complete(request.clone()).await.err()];
        for refusal in refusals {
            let error = refusal.unwrap_or_else(|| panic!("{name} was not refused"));
            assert_eq!(Fault::of(&error), Some(Fault::InvalidRequest), "{name}: {error:?}");
            assert!(error.message().contains(name), "{name}: {error}");
        }
    }
    assert!(world.server.requests().is_empty());
}

/// As after a fallback: the thoughts that one vendor sealed are none of the others' business.
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
        // Over Vertex AI, Gemini is itself.
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
            Turn::said(Speaker::User, "Bonn?"),
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
