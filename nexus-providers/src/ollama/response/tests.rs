use super::*;
use crate::http::NdjsonDecoder;
use crate::http::replay::{replay, whole};

const STREAM: &str = r#"{"model":"qwen3:8b","created_at":"2026-11-02T10:00:00.100000Z","message":{"role":"assistant","content":"","thinking":"Mull it over."},"done":false}
{"model":"qwen3:8b","created_at":"2026-11-02T10:00:00.200000Z","message":{"role":"assistant","content":"It is "},"done":false}
{"model":"qwen3:8b","created_at":"2026-11-02T10:00:00.300000Z","message":{"role":"assistant","content":"noon 🕛."},"surprise":[1],"done":false}
{"model":"qwen3:8b","created_at":"2026-11-02T10:00:00.400000Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"index":0,"name":"clock","arguments":{"zone":"Europe/Rome"}}},{"id":"call_x","function":{"name":"now","arguments":{}}}]},"done":false}
{"model":"qwen3:8b","created_at":"2026-11-02T10:00:00.500000Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5191566416,"load_duration":2154458,"prompt_eval_count":26,"prompt_eval_cached_count":20,"prompt_eval_duration":383809000,"eval_count":298,"eval_duration":4799921000}
"#;

fn decoder() -> NdjsonDecoder {
    NdjsonDecoder::new(1 << 16)
}

fn lines() -> Lines {
    Lines::new(&Vendor::new("ollama"), 2)
}

fn read(stream: &str) -> (Vec<CompletionEvent>, Option<ProviderErrorKind>) {
    let (pieces, error) = replay(decoder(), lines(), &[stream.as_bytes()]);
    (pieces, error.and_then(|error| ProviderErrorKind::of(&error)))
}

#[test]
fn a_stream_gives_its_pieces_however_it_is_cut() {
    let call = |id: &str, name: &str, arguments: &str| {
        CompletionEvent::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            signature: None,
        })
    };
    let usage = Usage { input_uncached: 6, cache_read: 20, output_text: 298, ..Usage::default() };
    let expected = [
        CompletionEvent::Reasoning("Mull it over.".to_owned()),
        CompletionEvent::Text("It is ".to_owned()),
        CompletionEvent::Text("noon 🕛.".to_owned()),
        call("call_2", "clock", r#"{"zone":"Europe/Rome"}"#),
        call("call_x", "now", "{}"),
        CompletionEvent::Usage(usage),
        CompletionEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(whole(STREAM, decoder, lines), expected);
}

#[test]
fn the_last_line_may_lack_its_end() {
    assert_eq!(read(STREAM.trim_end()), (whole(STREAM, decoder, lines), None));
}

#[test]
fn nothing_but_the_last_line_makes_an_answer_whole() {
    let (cut, _) = STREAM.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(read(cut).1, Some(ProviderErrorKind::Truncated));
    assert_eq!(read("").1, Some(ProviderErrorKind::Truncated));
}

#[test]
fn an_error_after_the_answer_began_keeps_what_was_said() {
    let (begun, _) = STREAM.split_once('\n').unwrap();
    let (pieces, fault) = read(&format!("{begun}\n{{\"error\":\"llama runner process has terminated\"}}\n"));
    assert_eq!((pieces.len(), fault), (1, Some(ProviderErrorKind::Server)));
    let context = "{\"error\":\"an error was encountered: context length exceeded\"}\n";
    assert_eq!(read(context).1, Some(ProviderErrorKind::ContextLength));
    assert_eq!(
        read("{\"error\":{\"message\":\"server busy\",\"code\":503}}\n").1,
        Some(ProviderErrorKind::Overloaded)
    );
}

#[test]
fn each_reason_to_be_done_has_its_end() {
    let end = |reason: &str| read(&format!("{{\"done\":true{reason}}}"));
    assert_eq!(end("").0, [CompletionEvent::Finish(FinishReason::Complete)]);
    assert_eq!(end(",\"done_reason\":\"stop\"").0, [CompletionEvent::Finish(FinishReason::Complete)]);
    assert_eq!(end(",\"done_reason\":\"length\"").0, [CompletionEvent::Finish(FinishReason::Length)]);
    let unknown = read("{\"done\":true,\"done_reason\":\"of_next_year\"}").0;
    assert_eq!(unknown, [CompletionEvent::Finish(FinishReason::unknown("of_next_year"))]);
    for reason in ["load", "unload"] {
        let line = format!("{{\"done\":true,\"done_reason\":\"{reason}\"}}\n");
        assert_eq!(read(&line).1, Some(ProviderErrorKind::Protocol), "{reason}");
    }
}

#[test]
fn usage_that_is_not_reported_is_absent() {
    let usage = |counts: &str| read(&format!("{{\"done\":true{counts}}}")).0.len() == 2;
    assert!(!usage(""));
    assert!(!usage(",\"eval_count\":3"));
    assert!(usage(",\"prompt_eval_count\":3"));
    assert!(!usage(",\"prompt_eval_count\":3,\"prompt_eval_cached_count\":4"), "it contradicts itself");
}

#[test]
fn an_answer_in_one_piece_is_the_last_line_alone() {
    let line = r#"{"message":{"role":"assistant","content":"Noon.","thinking":"Hm."},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":2}"#;
    let reply = lines().reply(line.as_bytes()).unwrap();
    assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("Noon.", "Hm."));
    assert_eq!((reply.usage.unwrap().total(), reply.finish), (Some(9), FinishReason::Complete));
    let begun = lines().reply(br#"{"message":{"content":"No"},"done":false}"#).unwrap_err();
    assert_eq!(ProviderErrorKind::of(&begun), Some(ProviderErrorKind::Truncated));
    assert_eq!(ProviderErrorKind::of(&lines().reply(b"{").unwrap_err()), Some(ProviderErrorKind::Protocol));
}

#[test]
fn arguments_are_kept_as_they_come() {
    let line = r#"{"message":{"tool_calls":[{"function":{"name":"f"}},{"function":{"name":"g","arguments":"{\"x\":1}"}}]},"done":true}"#;
    let arguments: Vec<String> =
        lines().reply(line.as_bytes()).unwrap().tool_calls.into_iter().map(|call| call.arguments).collect();
    assert_eq!(arguments, ["{}", r#"{"x":1}"#]);
}
