//! Cache scopes: an answer serves no other tenant and no other permissions.

use nexus_core::llm::{MessageRole, Parameters, ResponseFormat, ToolSpec, Turn};
use nexus_core::{Nexus, Principal};

use super::{Cached, asking};
use crate::fixture::{call, caller};

fn principal(tenant: &str, subject: &str, roles: &[&str]) -> Principal {
    Principal::user(tenant, subject).unwrap().roles(roles.iter().copied())
}

/// Number 50: an equal question of another tenant is another question.
#[tokio::test]
async fn n50_two_tenants_never_share_an_answer() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    let theirs = cached.answer_to(&principal("umbrella", "ada", &["admin"]), call("plain")).await;
    assert!(!theirs.receipt.was_cached);
    assert_eq!(cached.asked(), 2);
}

/// Number 50: within a tenant only equal permissions share.
#[tokio::test]
async fn n50_users_share_an_answer_only_when_they_may_see_the_same() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    for (caller, shares) in [
        (principal("acme", "root", &["admin"]), true),
        (principal("acme", "bob", &["editor"]), false),
        (principal("acme", "bob", &["editor"]), true),
        (principal("acme", "eve", &["editor"]), false),
        (principal("acme", "bob", &["editor"]).groups(["finance"]), false),
        (principal("acme", "bob", &["editor", "reader"]), false),
    ] {
        assert_eq!(cached.answer_to(&caller, call("plain")).await.receipt.was_cached, shares, "{caller:?}");
    }
}

/// Number 51: by exact key, no two questions are equal, however similar.
#[tokio::test]
async fn n51_different_questions_never_share_an_answer() {
    let cached = Cached::new().await;
    let questions = [
        "What was spent in 2024?",
        "What was spent in 2025?",
        "what was spent in 2024?",
        "What was spent in 2024",
    ];
    for question in questions {
        let answer = cached.answer(asking("plain", question)).await;
        assert!(!answer.receipt.was_cached && answer.reply.text.contains(question), "{}", answer.reply.text);
    }
    for question in questions {
        let answer = cached.answer(asking("plain", question)).await;
        assert!(answer.receipt.was_cached && answer.reply.text.contains(question), "{}", answer.reply.text);
    }
}

/// Number 52: the order of a map's fields does not change the request.
#[tokio::test]
async fn n52_a_schema_in_another_order_hits() {
    let cached = Cached::new().await;
    let with = |schema: &str| {
        let schema = serde_json::from_str(schema).unwrap();
        let format = Some(ResponseFormat::JsonSchema { name: "river".to_owned(), schema });
        let mut call = call("plain");
        call.request.parameters = Parameters { format, ..Parameters::default() };
        call
    };
    let one = r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"km":{"type":"number"}}}"#;
    let two = r#"{"properties":{"km":{"type":"number"},"name":{"type":"string"}},"required":["name"],"type":"object"}"#;
    cached.answer(with(one)).await;
    assert!(cached.answer(with(two)).await.receipt.was_cached);
    assert!(!cached.answer(with(r#"{"type":"object"}"#)).await.receipt.was_cached);
}

#[tokio::test]
async fn whatever_shapes_an_answer_makes_another_one() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    let mut others = vec![call("another"); 6];
    for other in &mut others[1..] {
        other.request.model = Some("plain".to_owned());
    }
    others[1].request.max_tokens = Some(201);
    others[2].request.parameters.temperature = Some(0.5);
    others[3].request.instructions = "Be brief.".to_owned();
    others[4].request.history = vec![Turn::said(MessageRole::User, "Hello")];
    others[5].request.parameters.seed = Some(1);
    for other in others {
        let (first, again) = (cached.answer(other.clone()).await, cached.answer(other.clone()).await);
        assert!(!first.receipt.was_cached && again.receipt.was_cached, "{other:?}");
    }
}

#[tokio::test]
async fn a_call_with_tools_is_never_answered_from_the_cache() {
    let cached = Cached::new().await;
    let tool = ToolSpec {
        name: "weather".to_owned(),
        description: "The weather".to_owned(),
        parameters: serde_json::json!({"type": "object"}),
    };
    for model in ["plain", "plain+tools=1"] {
        let mut call = call(model);
        call.request.tools = vec![tool.clone()];
        for _ in 0..2 {
            assert!(!cached.answer(call.clone()).await.receipt.was_cached, "{model}");
        }
    }
    assert_eq!(cached.asked(), 4);
}

#[tokio::test]
async fn without_a_cache_every_call_reaches_the_vendor() {
    let world = crate::fixture::World::new(crate::fixture::settings()).await;
    for _ in 0..2 {
        world.answer(call("plain")).await;
    }
    assert_eq!(world.scripted.log().len(), 2);
}

/// A model on the operator's own hardware costs nothing, so a hit would save nothing.
#[tokio::test]
async fn a_local_model_is_always_asked() {
    let nexus: Nexus = super::builder(
        &nexus_store_memory::MemoryStore::default(),
        nexus_core::gateway::Routing::default(),
        crate::fixture::settings(),
    )
    .cache(nexus_store_memory::MemoryCache::in_ram(super::ROOM).unwrap())
    .build()
    .unwrap();
    let question = nexus_core::gateway::ModelCall::new(nexus_core::llm::Request::asking("Which river?"));
    for _ in 0..2 {
        assert!(!super::answer_to(&nexus, &caller(), question.clone()).await.receipt.was_cached);
    }
}
