//! Scenarios of answers.

use nexus_core::Usage;
use nexus_core::llm::{Completion, CompletionEvent, FinishReason, Request, ToolSpec};
use nexus_fake_provider::Billed;
use serde_json::{Value, json};

use crate::fixture::{World, question, texts, usage};

/// Returns a reply without the fields that differ between two calls, such as the server's ids.
fn essence(reply: Completion) -> (String, String, Vec<(String, String)>, Option<Usage>, FinishReason) {
    let calls = reply.tool_calls.into_iter().map(|call| (call.name, call.arguments)).collect();
    (reply.text, reply.reasoning, calls, reply.usage, reply.finish)
}

fn collected(pieces: Vec<CompletionEvent>) -> Completion {
    let mut reply = Completion::empty();
    for piece in pieces {
        reply.add(piece);
    }
    reply
}

/// Returns two tools, one of which takes a city.
pub(crate) fn tools() -> Vec<ToolSpec> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = |name: &str, parameters: Value| ToolSpec {
        name: name.to_owned(),
        description: "Looks something up.".to_owned(),
        parameters,
    };
    vec![tool("weather", schema), tool("time", json!({"type": "object", "properties": {}}))]
}

pub(super) async fn a_streamed_answer_is_the_answer_in_one_piece(world: &World) {
    for directives in ["", "frames=7", "frames=1", "tools=2"] {
        let request = Request { tools: tools(), ..question() };
        let streamed = collected(world.hear_about(directives, request.clone()).await.whole());
        let whole = world.provider(directives).complete(request).await.unwrap();
        assert_eq!(essence(streamed), essence(whole), "{directives}");
    }
    let pieces = world.hear("frames=7").await.whole();
    assert_eq!(texts(&pieces), ["000 ", "001 ", "002 ", "003 ", "004 ", "005 ", "006 "]);
    assert!(matches!(pieces.last(), Some(CompletionEvent::Finish(FinishReason::Complete))));
}

/// Checks that usage equals the vendor's bill.
fn check(usage: Usage, billed: Billed, tells_reasoning: bool) {
    let reported =
        (usage.input_uncached, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.audio_in);
    let input = billed.input + billed.tool_prompt;
    let expected = (input, billed.cache_read, billed.cache_write, billed.cache_write_1h, billed.audio_in);
    assert_eq!(reported, expected);
    assert_eq!((usage.output(), usage.audio_out), (Some(billed.all_output()), billed.audio_out));
    assert_eq!(usage.tool_requests, billed.searches);
    if tells_reasoning {
        assert_eq!((usage.output_text, usage.output_reasoning), (billed.output, billed.reasoning));
    }
    if let Some(total) = usage.provider_total {
        assert_eq!(usage.total(), Some(total));
    }
}

pub(super) async fn usage_is_in_buckets_that_do_not_overlap(world: &World) {
    for directives in ["frames=5", world.vendor.buckets] {
        let streamed = usage(&world.hear(directives).await.whole()).unwrap();
        let whole = world.reply(directives).await.unwrap().usage.unwrap();
        assert_eq!(streamed, whole, "{directives}");
        let billed = world.server.settled_log().await.last().unwrap().billed;
        check(streamed, billed, world.vendor.tells_reasoning);
    }
}

pub(super) async fn usage_that_the_vendor_did_not_report_is_absent(world: &World) {
    let pieces = world.hear("no-usage+frames=3").await.whole();
    assert_eq!(usage(&pieces), None);
    assert_eq!(texts(&pieces).concat(), "000 001 002 ");
    let reply = world.reply("no-usage+frames=3").await.unwrap();
    assert_eq!((reply.usage, reply.text.as_str()), (None, "000 001 002 "));
}

pub(super) async fn usage_told_on_the_way_is_replaced_by_the_last(world: &World) {
    let pieces = world.hear("usage-each+frames=9+cached=11").await.whole();
    let billed = world.server.settled_log().await.pop().unwrap().billed;
    assert_eq!(billed.output, 9);
    check(usage(&pieces).unwrap(), billed, world.vendor.tells_reasoning);
}

pub(super) async fn what_the_model_thinks_is_no_part_of_the_answer(world: &World) {
    let pieces = world.hear("thinking=3+frames=2").await.whole();
    assert_eq!(texts(&pieces), ["000 ", "001 "]);
    let reply = collected(pieces);
    assert_eq!(reply.reasoning, "000 001 002 ");
    let whole = world.reply("thinking=3+frames=2").await.unwrap();
    assert_eq!(essence(whole), essence(reply));
}

pub(super) async fn calls_of_tools_come_whole(world: &World) {
    let request = Request { tools: tools(), ..question() };
    let pieces = world.hear_about("tools=2", request.clone()).await.whole();
    let streamed = collected(pieces);
    let whole = world.provider("tools=2").complete(request).await.unwrap();
    for reply in [streamed, whole] {
        assert_eq!(reply.finish, FinishReason::ToolCalls);
        let names: Vec<&str> = reply.tool_calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["weather", "time"]);
        let city: Value = serde_json::from_str(&reply.tool_calls[0].arguments).unwrap();
        assert!(city["city"].is_string(), "{city}");
        let none: Value = serde_json::from_str(&reply.tool_calls[1].arguments).unwrap();
        assert_eq!(none, json!({}));
        assert!(reply.tool_calls.iter().all(|call| !call.id.is_empty()));
        assert_ne!(reply.tool_calls[0].id, reply.tool_calls[1].id);
    }
}

pub(super) async fn an_answer_that_is_too_long_says_so(world: &World) {
    let request = Request { max_tokens: Some(3), ..question() };
    let pieces = world.hear_about("frames=9", request.clone()).await.whole();
    assert_eq!(texts(&pieces).concat(), "000 001 002 ");
    assert_eq!(collected(pieces).finish, FinishReason::Length);
    assert_eq!(world.provider("frames=9").complete(request).await.unwrap().finish, FinishReason::Length);
}

pub(super) async fn an_answer_that_a_filter_ends_says_so(world: &World) {
    let pieces = world.hear("frames=9+filter=2").await.whole();
    assert_eq!(texts(&pieces).concat(), "000 001 ");
    assert_eq!(collected(pieces).finish, FinishReason::ContentFilter);
}
