//! Deviations of compatible servers that the scripted server of the suite does not show.

use nexus_core::Error;
use nexus_core::llm::{Abstention, ProviderErrorKind, ToolCall};

use super::*;
use crate::http::SseDecoder;
use crate::http::replay::replay;

fn hear(frames: &[&str]) -> (Vec<CompletionEvent>, Option<Error>) {
    let stream: String = frames.iter().flat_map(|frame| ["data: ", frame, "\n\n"]).collect();
    let vendor = Vendor::new("acme");
    replay(
        SseDecoder::new(4_096),
        ChatStream::new(vendor.clone(), Calls::new(vendor, 0)),
        &[stream.as_bytes()],
    )
}

#[track_caller]
fn check(frames: &[&str], expected: &[CompletionEvent]) {
    let (pieces, error) = hear(frames);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(pieces, expected);
}

#[track_caller]
fn fails(frames: &[&str], fault: ProviderErrorKind) {
    let (pieces, error) = hear(frames);
    assert_eq!(error.as_ref().and_then(ProviderErrorKind::of), Some(fault), "{pieces:?} {error:?}");
}

fn text(text: &str) -> CompletionEvent {
    CompletionEvent::Text(text.to_owned())
}

const COMPLETE: CompletionEvent = CompletionEvent::Finish(FinishReason::Complete);
const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn usage_may_come_beside_no_choices_or_null_ones() {
    let usage = nexus_core::Usage { input_uncached: 3, output_text: 1, ..nexus_core::Usage::default() };
    for choices in ["[]", "null"] {
        let last = format!(r#"{{"choices":{choices},"usage":{{"prompt_tokens":3,"completion_tokens":1}}}}"#);
        check(&[HELLO, STOP, &last, "[DONE]"], &[text("hello"), CompletionEvent::Usage(usage), COMPLETE]);
    }
}

#[test]
fn fields_that_are_null_or_empty_are_as_good_as_absent() {
    let frame = r#"{"choices":[{"index":null,"delta":{"role":"assistant","content":null,"refusal":null,"reasoning_content":null,
        "tool_calls":null,"function_call":null},"finish_reason":"","logprobs":null}],"usage":null,"error":null}"#;
    let empty = r#"{"choices":[{"delta":{"content":"","reasoning_content":""}}],"error":{}}"#;
    check(&[&frame.replace('\n', ""), empty, HELLO, STOP], &[text("hello"), COMPLETE]);
}

#[test]
fn done_alone_ends_an_answer_of_which_nothing_says_that_it_is_whole() {
    let unknown = CompletionEvent::Finish(FinishReason::unknown("absent"));
    check(&[HELLO, "[DONE]"], &[text("hello"), unknown]);
    fails(&[HELLO], ProviderErrorKind::Truncated);
}

#[test]
fn nothing_is_read_after_the_end() {
    check(&[HELLO, STOP, "[DONE]", HELLO], &[text("hello"), COMPLETE]);
}

#[test]
fn thinking_has_two_names_and_may_bear_both() {
    let thought = CompletionEvent::Reasoning("hm".to_owned());
    for names in
        [r#""reasoning_content":"hm""#, r#""reasoning":"hm""#, r#""reasoning":"hm","reasoning_content":"hm""#]
    {
        let frame = format!(r#"{{"choices":[{{"delta":{{{names}}}}}]}}"#);
        check(&[&frame, HELLO, STOP], &[thought.clone(), text("hello"), COMPLETE]);
    }
}

#[test]
fn thoughts_within_the_content_are_set_apart() {
    let frame = |content: &str| format!(r#"{{"choices":[{{"delta":{{"content":"{content}"}}}}]}}"#);
    let frames = ["<th", "ink>h", "m</", "think>\\n", "hello"].map(frame);
    let frames: Vec<&str> = frames.iter().map(String::as_str).chain([STOP]).collect();
    let thought = |text: &str| CompletionEvent::Reasoning(text.to_owned());
    check(&frames, &[thought("h"), thought("m"), text("hello"), COMPLETE]);
}

#[test]
fn a_model_that_refuses_says_so_and_is_not_taken_for_an_answer() {
    let frame = r#"{"choices":[{"delta":{"refusal":"I must not."}}]}"#;
    check(
        &[frame, STOP, "[DONE]"],
        &[text("I must not."), CompletionEvent::Finish(FinishReason::ContentFilter)],
    );
}

#[test]
fn a_call_ends_in_waiting_whatever_the_server_calls_that() {
    let call =
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    let called =
        ToolCall { id: "a".to_owned(), name: "f".to_owned(), arguments: "{}".to_owned(), signature: None };
    check(
        &[call, STOP, "[DONE]"],
        &[CompletionEvent::ToolCall(called), CompletionEvent::Finish(FinishReason::ToolCalls)],
    );
}

#[test]
fn a_call_that_is_cut_is_not_given() {
    let call =
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#;
    let (pieces, error) = hear(&[call]);
    assert!(
        pieces.is_empty()
            && error.as_ref().and_then(ProviderErrorKind::of) == Some(ProviderErrorKind::Truncated)
    );
}

#[test]
fn reasons_that_tell_of_a_failure_are_no_ending() {
    let frame = |reason: &str| STOP.replace("stop", reason);
    fails(&[HELLO, &frame("abort"), "[DONE]"], ProviderErrorKind::Truncated);
    for (reason, finish) in [
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("eos_token", FinishReason::Complete),
        ("STOP", FinishReason::Complete),
        ("Max-Tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("of_next_year", FinishReason::unknown("of_next_year")),
    ] {
        check(&[HELLO, &frame(reason)], &[text("hello"), CompletionEvent::Finish(finish)]);
    }
}

#[test]
fn an_error_within_the_stream_means_what_its_code_says() {
    for (error, fault) in [
        (r#"{"message":"no","type":"server_error","code":null}"#, ProviderErrorKind::Server),
        (r#"{"message":"no","type":"tokens","code":"rate_limit_exceeded"}"#, ProviderErrorKind::RateLimited),
        (r#"{"message":"no","code":503}"#, ProviderErrorKind::Overloaded),
        (
            r#"{"message":"This model's maximum context length is 8 tokens","code":400}"#,
            ProviderErrorKind::ContextLength,
        ),
        (r#""out of memory""#, ProviderErrorKind::Server),
    ] {
        let (pieces, failure) = hear(&[HELLO, &format!(r#"{{"error":{error}}}"#)]);
        assert_eq!(pieces, [text("hello")]);
        assert_eq!(failure.as_ref().and_then(ProviderErrorKind::of), Some(fault), "{failure:?}");
    }
}

#[test]
fn an_answer_that_was_settled_is_settled_once() {
    for finish in
        [FinishReason::Length, FinishReason::ContentFilter, FinishReason::Abstained(Abstention::NoPassages)]
    {
        assert_eq!(settle(finish.clone(), true, true), finish);
    }
}
