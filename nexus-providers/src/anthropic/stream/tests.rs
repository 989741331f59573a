use nexus_core::llm::{CallSignature, FinishReason};
use serde_json::json;

use super::super::thinking::{Unsealed, unseal};
use super::*;
use crate::http::SseDecoder;
use crate::http::replay::{replay, whole};

const SONNET: &str = "claude-sonnet-5-5";

/// Thinking, text in two blocks with an emoji, a call with arguments in deltas and one without, and everything that
/// is skipped.
const STREAM: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":8,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":8,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Mull it over."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"It is "}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location"}}}

event: surprise_of_next_year
data: {"type":"surprise_of_next_year","index":1,"gift":[1,2]}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"noon 🕛."}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"clock","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"zone\": \"Eu"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"rope/Rome\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":null,"output_tokens":89,"output_tokens_details":{"thinking_tokens":20}}}

event: message_stop
data: {"type":"message_stop"}

"#;

fn decoder() -> SseDecoder {
    SseDecoder::new(1 << 16)
}

fn events() -> Events {
    Events::new(&Vendor::new("anthropic"), SONNET)
}

/// Returns the signature of the call that followed the thinking of the stream.
fn sealed() -> Option<CallSignature> {
    let thought = json!({"type": "thinking", "thinking": "Mull it over.", "signature": "EqQBCgIYAhIM"});
    let mut thoughts = Thoughts::of(SONNET);
    thoughts.add(serde_json::from_value(thought).unwrap());
    thoughts.said();
    thoughts.seal()
}

fn read(stream: &str) -> (Vec<CompletionEvent>, Option<ProviderErrorKind>) {
    let (pieces, error) = replay(decoder(), events(), &[stream.as_bytes()]);
    (pieces, error.and_then(|error| ProviderErrorKind::of(&error)))
}

#[test]
fn a_stream_gives_its_pieces_however_it_is_cut() {
    let pieces = whole(STREAM, decoder, events);
    let call = |id: &str, name: &str, arguments: &str| {
        CompletionEvent::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            // The thinking belongs to the first call.
            signature: (id == "toolu_1").then(sealed).flatten(),
        })
    };
    let said: Vec<&CompletionEvent> =
        pieces.iter().filter(|piece| !matches!(piece, CompletionEvent::Usage(_))).collect();
    let expected = [
        CompletionEvent::Reasoning("Mull it over.".to_owned()),
        CompletionEvent::Text("It is ".to_owned()),
        CompletionEvent::Text("noon 🕛.".to_owned()),
        call("toolu_1", "clock", r#"{"zone": "Europe/Rome"}"#),
        call("toolu_2", "now", "{}"),
        CompletionEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(said, expected.iter().collect::<Vec<_>>());
}

#[test]
fn thoughts_that_are_withheld_or_come_between_calls_are_kept_with_the_call_that_follows() {
    let withheld = r#"event: content_block_start
data: {"type":"content_block_start","index":9,"content_block":{"type":"redacted_thinking","data":"EmwK"}}

event: content_block_stop
data: {"type":"content_block_stop","index":9}

event: content_block_start
data: {"type":"content_block_start","index":3"#;
    let second = r#"event: content_block_start
data: {"type":"content_block_start","index":3"#;
    let calls: Vec<ToolCall> = whole(&STREAM.replace(second, withheld), decoder, events)
        .into_iter()
        .filter_map(|piece| if let CompletionEvent::ToolCall(call) = piece { Some(call) } else { None })
        .collect();
    assert_eq!(calls[0].signature, sealed());
    let Unsealed { before, .. } = unseal(&calls[1], SONNET);
    assert_eq!(before, [json!({"type": "redacted_thinking", "data": "EmwK"})]);
}

#[test]
fn the_last_usage_keeps_what_the_first_said_of_the_prompt() {
    let usages: Vec<_> = whole(STREAM, decoder, events)
        .into_iter()
        .filter_map(|piece| if let CompletionEvent::Usage(usage) = piece { Some(usage) } else { None })
        .collect();
    let [first, last] = usages[..] else { panic!("{usages:?}") };
    assert_eq!((first.input(), last.input()), (Some(133), Some(133)));
    assert_eq!((last.output_text, last.output_reasoning, last.cache_write_5m), (69, 20, 8));
}

#[test]
fn an_error_after_the_answer_began_keeps_what_was_said() {
    let (begun, _) = STREAM.split_once("event: surprise").unwrap();
    let error = |kind: &str| {
        format!(
            "{begun}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"x\"}}}}\n\n"
        )
    };
    let (pieces, fault) = read(&error("overloaded_error"));
    assert_eq!(fault, Some(ProviderErrorKind::Overloaded));
    assert_eq!(pieces.last(), Some(&CompletionEvent::Text("It is ".to_owned())));
    assert_eq!(read(&error("rate_limit_error")).1, Some(ProviderErrorKind::RateLimited));
    assert_eq!(read(&error("an_error_of_next_year")).1, Some(ProviderErrorKind::Server));
}

#[test]
fn nothing_but_the_terminal_event_makes_an_answer_whole() {
    let (cut, _) = STREAM.split_once("event: message_stop").unwrap();
    assert_eq!(read(cut).1, Some(ProviderErrorKind::Truncated));
    assert_eq!(read("").1, Some(ProviderErrorKind::Truncated));
}

#[test]
fn an_end_without_a_reason_has_an_unknown_one() {
    let end = read("data: {\"type\":\"message_stop\"}\n\n");
    assert_eq!(end, (vec![CompletionEvent::Finish(FinishReason::unknown("none"))], None));
}

#[test]
fn an_end_within_a_call_is_none() {
    let last = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":3}\n\n";
    let (pieces, fault) = read(&STREAM.replace(last, ""));
    assert_eq!(fault, Some(ProviderErrorKind::Protocol));
    assert!(
        !pieces.iter().any(|piece| matches!(piece, CompletionEvent::ToolCall(call) if call.id == "toolu_2"))
    );
}

#[test]
fn what_is_no_event_is_refused() {
    for data in ["{", "[]", r#"{"type":"content_block_delta"}"#, r#"{"no":"type"}"#] {
        assert_eq!(read(&format!("data: {data}\n\n")).1, Some(ProviderErrorKind::Protocol), "{data}");
    }
}

#[test]
fn a_refusal_ends_as_a_content_filter() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal"}},"usage":{"output_tokens":3}}"#;
    let (pieces, fault) = read(&format!("data: {delta}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"));
    assert_eq!(fault, None);
    assert_eq!(pieces.last(), Some(&CompletionEvent::Finish(FinishReason::ContentFilter)));
}
