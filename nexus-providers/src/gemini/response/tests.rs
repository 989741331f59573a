use nexus_core::Usage;

use super::*;
use crate::http::SseDecoder;
use crate::http::replay::{replay, whole};

const STREAM: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Mull it over.\",\"thought\": true}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 20,\"cachedContentTokenCount\": 5,\"totalTokenCount\": 60,\"thoughtsTokenCount\": 40},\"modelVersion\": \"gemini-3.8-flash\",\"responseId\": \"r1\"}\r\n\r\ndata: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"It is \"},{\"text\": \"noon 🕛.\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 20,\"cachedContentTokenCount\": 5,\"candidatesTokenCount\": 6,\"totalTokenCount\": 66,\"thoughtsTokenCount\": 40},\"responseId\": \"r1\"}\r\n\r\ndata: {\"surprise\": [1],\"responseId\": \"r1\"}\r\n\r\ndata: {\"candidates\": [{\"content\": {\"parts\": [{\"functionCall\": {\"name\": \"clock\",\"args\": {\"zone\": \"UTC\"}},\"thoughtSignature\": \"EqQB\"},{\"functionCall\": {\"id\": \"a1b2\",\"name\": \"now\"}}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 20,\"cachedContentTokenCount\": 5,\"candidatesTokenCount\": 30,\"totalTokenCount\": 90,\"thoughtsTokenCount\": 40},\"responseId\": \"r1\"}\r\n\r\n";

fn decoder() -> SseDecoder {
    SseDecoder::new(1 << 16)
}

fn chunks() -> Chunks {
    Chunks::new(&Vendor::new("gemini"), 3)
}

fn read(chunks_of: &[&str]) -> (Vec<CompletionEvent>, Option<ProviderErrorKind>) {
    let stream = format!("data: {}\n\n", chunks_of.join("\n\ndata: "));
    let (pieces, error) = replay(decoder(), chunks(), &[stream.as_bytes()]);
    (pieces, error.and_then(|error| ProviderErrorKind::of(&error)))
}

#[test]
fn a_stream_gives_its_pieces_however_it_is_cut() {
    let call = |id: &str, name: &str, arguments: &str, signature: Option<&str>| {
        CompletionEvent::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            signature: signature.map(CallSignature::new),
        })
    };
    let usage = |output_text, total| {
        let (cache_read, provider_total) = (5, Some(total));
        let used = Usage { input_uncached: 15, cache_read, output_text, provider_total, ..Usage::default() };
        CompletionEvent::Usage(Usage { output_reasoning: 40, ..used })
    };
    let expected = [
        CompletionEvent::Reasoning("Mull it over.".to_owned()),
        usage(0, 60),
        CompletionEvent::Text("It is ".to_owned()),
        CompletionEvent::Text("noon 🕛.".to_owned()),
        usage(6, 66),
        call("gemini_call_3", "clock", r#"{"zone":"UTC"}"#, Some("gemini:EqQB")),
        call("a1b2", "now", "{}", None),
        usage(30, 90),
        CompletionEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(whole(STREAM, decoder, chunks), expected);
}

#[test]
fn the_end_of_the_stream_is_an_end_only_after_a_reason() {
    let said = r#"{"candidates":[{"content":{"parts":[{"text":"It"}]}}]}"#;
    let (pieces, fault) = read(&[said]);
    assert_eq!(
        (pieces, fault),
        (vec![CompletionEvent::Text("It".to_owned())], Some(ProviderErrorKind::Truncated))
    );
    assert_eq!(read(&["{}"]).1, Some(ProviderErrorKind::Truncated));
}

#[test]
fn each_reason_has_its_end() {
    let end = |reason: &str| {
        let (mut pieces, fault) = read(&[&format!("{{\"candidates\":[{{\"finishReason\":\"{reason}\"}}]}}")]);
        (pieces.pop(), fault)
    };
    let finish = |finish| (Some(CompletionEvent::Finish(finish)), None);
    assert_eq!(end("STOP"), finish(FinishReason::Complete));
    assert_eq!(end("Stop"), finish(FinishReason::Complete));
    assert_eq!(end("MAX_TOKENS"), finish(FinishReason::Length));
    assert_eq!(end("FINISH_REASON_MAX_TOKENS"), finish(FinishReason::Length));
    for reason in ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"] {
        assert_eq!(end(reason), finish(FinishReason::ContentFilter), "{reason}");
    }
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "LANGUAGE", "OTHER", "OF_NEXT_YEAR"] {
        assert_eq!(end(reason), finish(FinishReason::unknown(reason)), "{reason}");
    }
}

#[test]
fn a_blocked_prompt_is_a_content_filter_that_keeps_its_usage() {
    let blocked = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#;
    let (pieces, fault) = read(&[blocked]);
    assert_eq!(fault, None);
    assert!(
        matches!(
            pieces[..],
            [CompletionEvent::Usage(_), CompletionEvent::Finish(FinishReason::ContentFilter)]
        ),
        "{pieces:?}"
    );
    let reply = chunks().reply(blocked.as_bytes()).unwrap();
    assert_eq!(reply.usage.unwrap().total(), Some(8));
    assert_eq!(reply.finish, FinishReason::ContentFilter);
}

#[test]
fn an_error_after_the_answer_began_keeps_what_was_said() {
    let said = r#"{"candidates":[{"content":{"parts":[{"text":"It"}]}}]}"#;
    let error = r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#;
    let (pieces, fault) = read(&[said, error]);
    assert_eq!((pieces.len(), fault), (1, Some(ProviderErrorKind::Overloaded)));
}

#[test]
fn what_is_no_chunk_is_refused() {
    for chunk in ["{", "[3]", "3", r#"{"candidates":{}}"#] {
        assert_eq!(read(&[chunk, "{}"]).1, Some(ProviderErrorKind::Protocol), "{chunk}");
    }
}

#[test]
fn usage_that_contradicts_itself_is_absent_and_takes_no_answer_with_it() {
    let contradiction = r#"{"candidates":[{"content":{"parts":[{"text":"It"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":8,"totalTokenCount":7}}"#;
    let reply = chunks().reply(contradiction.as_bytes()).unwrap();
    assert_eq!((reply.text.as_str(), reply.usage, reply.finish), ("It", None, FinishReason::Complete));
}

#[test]
fn an_answer_in_one_piece_is_one_chunk() {
    let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"text":"Noon."}]},"finishReason":"STOP"},
        {"index":1,"content":{"parts":[{"text":"Another."}]}}],
        "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9}}"#;
    let reply = chunks().reply(chunk.as_bytes()).unwrap();
    assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("Noon.", "Hm."));
    assert_eq!((reply.usage.unwrap().total(), reply.finish), (Some(9), FinishReason::Complete));
    assert_eq!(
        ProviderErrorKind::of(&chunks().reply(b"{}").unwrap_err()),
        Some(ProviderErrorKind::Truncated)
    );
}
