//! Replies without faults, of every vendor, and their bills.

use nexus_fake_provider::{Billed, Outcome, Scripted};
use serde_json::{Value, json};

use crate::client::{End, KEY, VENDORS, Vendor, ask};

#[tokio::test]
async fn a_reply_has_the_same_words_whole_and_streamed_and_its_bill_is_what_it_tells() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for stream in [false, true] {
            scripted.clear_log();
            let reply = vendor.ask(&scripted, "gpt-4o+cached=7+reasoning=5", stream).await.unwrap();
            assert_eq!((reply.status, reply.end), (200, End::Whole), "{vendor:?}");
            assert_eq!(vendor.words(&reply, stream), "You said: \"Hello there\"", "{vendor:?}");
            let [entry] = scripted.settled_log().await.try_into().unwrap();
            // Eleven characters in, 23 out, four a token.
            let billed = Billed { input: 3, cache_read: 7, output: 6, reasoning: 5, ..Billed::default() };
            assert_eq!(entry.billed, billed, "{vendor:?}");
            assert_eq!(vendor.usage(&reply), Some((10, 11)), "{vendor:?} {stream} {}", reply.text());
            assert_eq!((entry.outcome, entry.usage_sent), (Outcome::Completed, true), "{vendor:?}");
            assert_eq!((entry.status, entry.streamed), (Some(200), stream), "{vendor:?}");
            assert_eq!(entry.model, "gpt-4o+cached=7+reasoning=5");
        }
    }
}

#[tokio::test]
async fn equal_requests_get_equal_replies_but_for_their_ids() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let once = vendor.ask(&scripted, "m+frames=20", true).await.unwrap();
        let again = vendor.ask(&scripted, "m+frames=20", true).await.unwrap();
        let bare = |text: &str| text.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
        assert_eq!(bare(once.text()), bare(again.text()), "{vendor:?}");
        assert_eq!(vendor.words(&once, true), vendor.words(&again, true));
    }
}

#[tokio::test]
async fn the_first_passage_is_quoted_with_its_number() {
    let scripted = Scripted::start().await.unwrap();
    let nexus = "<<passage 1 0a0a>>\nsource: \"handbook\"\nLunch is at noon. Up to 5 days carry over.\n<<end 1 0a0a>>\n\n\
                 Question: How many days carry over?";
    let plain = "Passages:\n[1] Up to 5 days carry over.\n[2] Other.\n\nHow many days carry over?";
    for prompt in [nexus, plain] {
        let (path, headers, body) = Vendor::OpenAi.request("m", false, prompt);
        let reply = ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
        assert_eq!(
            Vendor::OpenAi.words(&reply, false),
            "According to the passage, \"Up to 5 days carry over.\" [1]."
        );
    }
}

#[tokio::test]
async fn a_limit_of_tokens_ends_the_reply_and_says_so() {
    let scripted = Scripted::start().await.unwrap();
    let limited = |vendor: Vendor, stream| {
        let (path, headers, mut body) = vendor.request("m+frames=50", stream, "Hi");
        match vendor {
            Vendor::OpenAi => body["max_completion_tokens"] = json!(10),
            Vendor::Anthropic => body["max_tokens"] = json!(10),
            Vendor::Gemini => body["generationConfig"] = json!({ "maxOutputTokens": 10 }),
            Vendor::Ollama => body["options"] = json!({ "num_predict": 10 }),
        }
        (path, headers, body.to_string())
    };
    let reasons = ["\"length\"", "\"max_tokens\"", "\"MAX_TOKENS\"", "\"length\""];
    for (vendor, reason) in VENDORS.into_iter().zip(reasons) {
        for stream in [false, true] {
            let (path, headers, body) = limited(vendor, stream);
            let reply = ask(scripted.address(), &path, &headers, &body).await.unwrap();
            assert!(reply.text().contains(reason), "{vendor:?} {}", reply.text());
            assert_eq!(vendor.usage(&reply).unwrap().1, 10, "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn a_reply_in_json_fits_the_schema_that_was_asked_for() {
    let scripted = Scripted::start().await.unwrap();
    let schema = json!({
        "type": "object",
        "properties": { "answer": { "type": "string" }, "score": { "type": "integer" } },
        "required": ["answer", "score"],
    });
    let (path, headers, mut body) = Vendor::OpenAi.request("m", false, "Hi");
    body["response_format"] =
        json!({ "type": "json_schema", "json_schema": { "name": "a", "schema": schema } });
    let reply = ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
    let words: Value = serde_json::from_str(&Vendor::OpenAi.words(&reply, false)).unwrap();
    assert_eq!(words, json!({ "answer": "Hi", "score": 1 }));
}

#[tokio::test]
async fn usage_has_every_bucket_where_the_vendor_has_it() {
    let scripted = Scripted::start().await.unwrap();
    let check = async |vendor: Vendor, model: &str, pointer: &str, expected: Value| {
        let reply = vendor.ask(&scripted, model, false).await.unwrap();
        assert_eq!(reply.json().pointer(pointer), Some(&expected), "{vendor:?} {}", reply.text());
    };
    let openai = "m+cached=7+cache-write=2+audio-in=4+audio-out=3+reasoning=5";
    check(
        Vendor::OpenAi,
        openai,
        "/usage",
        json!({
            "prompt_tokens": 16, "completion_tokens": 14, "total_tokens": 30,
            "prompt_tokens_details": { "cached_tokens": 7, "audio_tokens": 4, "cache_write_tokens": 2 },
            "completion_tokens_details": {
                "reasoning_tokens": 5, "audio_tokens": 3,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        }),
    )
    .await;
    check(
        Vendor::Anthropic,
        "m+cached=7+cache-write=2+cache-write-1h=4+reasoning=5+searches=1",
        "/usage",
        json!({
            "input_tokens": 3, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 6,
            "cache_creation": { "ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 4 },
            "output_tokens": 11, "server_tool_use": { "web_search_requests": 1 },
            "service_tier": "standard",
        }),
    )
    .await;
    check(
        Vendor::Gemini,
        "m+cached=7+reasoning=5+tool-prompt=2",
        "/usageMetadata",
        json!({
            "promptTokenCount": 10, "cachedContentTokenCount": 7, "candidatesTokenCount": 6,
            "thoughtsTokenCount": 5, "toolUsePromptTokenCount": 2, "totalTokenCount": 23,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 10 }],
        }),
    )
    .await;
    check(Vendor::Ollama, "m+cached=7", "/prompt_eval_cached_count", json!(7)).await;
}

#[tokio::test]
async fn thinking_is_apart_from_words_and_billed_as_reasoning() {
    let scripted = Scripted::start().await.unwrap();
    let pointers = [
        "/choices/0/message/reasoning_content",
        "/content/0/thinking",
        "/candidates/0/content/parts/0/text",
        "/message/thinking",
    ];
    for (vendor, pointer) in VENDORS.into_iter().zip(pointers) {
        let reply = vendor.ask(&scripted, "m+thinking=2", false).await.unwrap();
        assert_eq!(reply.json().pointer(pointer), Some(&json!("000 001 ")), "{vendor:?}");
    }
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+thinking=2", true).await.unwrap();
        assert!(reply.text().contains("001 "), "{vendor:?}");
    }
    for entry in scripted.settled_log().await {
        assert_eq!((entry.billed.reasoning, entry.billed.output), (2, 6), "{entry:?}");
    }
}

#[tokio::test]
async fn lists_name_models_and_cost_nothing() {
    let scripted = Scripted::start().await.unwrap();
    let listed = async |path: &str, headers: &[&str], pointer: &str| {
        let reply = ask(scripted.address(), path, headers, "").await.unwrap();
        assert_eq!(reply.json().pointer(pointer), Some(&json!("scripted-1")), "{path} {}", reply.text());
    };
    listed("/v1/models", &[KEY], "/data/0/id").await;
    listed("/v1/models", &["x-api-key: k", "anthropic-version: 2023-06-01"], "/data/0/id").await;
    listed("/v1beta/models?key=k", &[], "/models/0/displayName").await;
    listed("/v1beta/models/scripted-1?key=k", &[], "/displayName").await;
    listed("/api/tags", &[], "/models/0/name").await;
    for entry in scripted.settled_log().await {
        assert_eq!((entry.billed, entry.outcome), (Billed::default(), Outcome::Completed));
    }
}
