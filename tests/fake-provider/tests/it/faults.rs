//! Faults of every vendor within a reply: the client's view, and the bill.

use std::time::{Duration, Instant};

use nexus_fake_provider::{Outcome, Scripted};
use tokio::io::AsyncReadExt as _;

use crate::client::{End, VENDORS, Vendor, patiently};

#[tokio::test]
async fn a_stream_that_is_cut_has_billed_what_was_sent() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        scripted.clear_log();
        let reply = vendor.ask(&scripted, "m+s08", true).await.unwrap();
        assert_eq!((reply.status, reply.end), (200, End::Closed), "{vendor:?}");
        let words = vendor.words(&reply, true);
        assert!(words.ends_with("039 ") && words.len() == 160, "{vendor:?} {words}");
        assert!(!vendor.ended(&reply), "{vendor:?}");
        let [entry] = scripted.settled_log().await.try_into().unwrap();
        assert_eq!((entry.outcome, entry.usage_sent), (Outcome::Cut, false), "{vendor:?}");
        assert_eq!((entry.frames, entry.billed.input, entry.billed.output), (40, 3, 40), "{vendor:?}");
    }
}

#[tokio::test]
async fn a_stream_can_be_cut_before_its_first_content_and_with_a_reset() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+cut=0", true).await.unwrap();
        assert_eq!((vendor.words(&reply, true).as_str(), reply.end), ("", End::Closed), "{vendor:?}");
        match vendor.ask(&scripted, "m+cut-reset=2", true).await {
            Ok(reply) => assert_eq!(reply.end, End::Reset, "{vendor:?}"),
            Err(end) => assert_eq!(end, End::Reset, "{vendor:?}"),
        }
    }
    for entry in scripted.settled_log().await {
        assert_eq!(entry.outcome, Outcome::Cut, "{entry:?}");
    }
}

#[tokio::test]
async fn a_body_is_cut_at_any_byte_and_dripped_byte_by_byte() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for stream in [false, true] {
            let whole = vendor.ask(&scripted, "m", stream).await.unwrap();
            // The names are of one length, as they are in the body.
            let dripped = vendor.ask(&scripted, "m+drip", stream).await.unwrap();
            assert_eq!(vendor.words(&dripped, stream), vendor.words(&whole, stream), "{vendor:?}");
            assert_eq!(dripped.end, End::Whole);
            for cut in [0, 1, 17, 100] {
                let reply = vendor.ask(&scripted, &format!("m+cut-byte={cut}"), stream).await.unwrap();
                assert_eq!((reply.body.len(), reply.end), (cut, End::Closed), "{vendor:?} {stream}");
            }
        }
    }
    let log = scripted.settled_log().await;
    assert_eq!(log.iter().filter(|entry| entry.outcome == Outcome::Cut).count(), 32);
}

#[tokio::test]
async fn streams_without_their_marker_end_cleanly() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for (model, reported) in [("m+no-done", vendor != Vendor::Ollama), ("m+no-finish", false)] {
            scripted.clear_log();
            let reply = vendor.ask(&scripted, model, true).await.unwrap();
            assert_eq!(reply.end, End::Whole, "{vendor:?} {model}");
            assert!(!vendor.ended(&reply), "{vendor:?} {model}");
            assert_eq!(vendor.words(&reply, true), "You said: \"Hello there\"");
            let [entry] = scripted.settled_log().await.try_into().unwrap();
            assert_eq!(
                (entry.outcome, entry.usage_sent),
                (Outcome::Completed, reported),
                "{vendor:?} {model}"
            );
            assert_eq!(entry.billed.output, 6);
        }
    }
}

#[tokio::test]
async fn an_error_in_a_stream_ends_it_after_status_200() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+error=2", true).await.unwrap();
        assert_eq!((reply.status, reply.end), (200, End::Whole), "{vendor:?}");
        assert_eq!(vendor.words(&reply, true), "You said", "{vendor:?}");
        assert!(reply.text().contains("\"error\""), "{vendor:?}");
        assert!(!vendor.ended(&reply), "{vendor:?}");
        assert_eq!(vendor.ask(&scripted, "m+error", false).await.unwrap().status, 500, "{vendor:?}");
    }
    let log = scripted.settled_log().await;
    assert_eq!((log[0].outcome, log[0].billed.output), (Outcome::Failed, 2));
    assert_eq!((log[1].outcome, log[1].billed.output), (Outcome::Refused, 0));
}

#[tokio::test]
async fn one_frame_is_malformed_doubled_or_huge() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+frames=4+malformed=1", true).await.unwrap();
        assert_eq!(vendor.words(&reply, true), "000 002 003 ", "{vendor:?}");
        assert!(vendor.ended(&reply) && reply.text().contains("malformed"), "{vendor:?}");
        let reply = vendor.ask(&scripted, "m+frames=3+duplicate=1", true).await.unwrap();
        assert_eq!(vendor.words(&reply, true), "000 001 001 002 ", "{vendor:?}");
        let reply = vendor.ask(&scripted, "m+frames=2+duplicate", true).await.unwrap();
        assert_eq!(vendor.words(&reply, true), "000 000 001 001 ", "{vendor:?}");
        for stream in [false, true] {
            let reply = vendor.ask(&scripted, "m+frames=2+huge=2", stream).await.unwrap();
            assert_eq!(vendor.words(&reply, stream).len(), (2 << 20) + 4, "{vendor:?}");
        }
        let reply = vendor.ask(&scripted, "m+malformed", false).await.unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err(), "{vendor:?}");
    }
    for entry in scripted.settled_log().await {
        assert!(entry.billed.output <= 6, "a frame costs a token, sent once or twice: {entry:?}");
    }
}

#[tokio::test]
async fn the_content_filter_ends_a_reply_with_a_reason_of_its_own() {
    let scripted = Scripted::start().await.unwrap();
    let reasons = [
        (Vendor::OpenAi, "\"finish_reason\":\"content_filter\""),
        (Vendor::Anthropic, "\"stop_reason\":\"refusal\""),
        (Vendor::Gemini, "\"finishReason\":\"SAFETY\""),
    ];
    for (vendor, reason) in reasons {
        for stream in [false, true] {
            let reply = vendor.ask(&scripted, "m+filter=2", stream).await.unwrap();
            assert!(reply.text().contains(reason), "{vendor:?} {}", reply.text());
            assert_eq!(vendor.words(&reply, stream), "You said", "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn usage_is_told_where_the_script_says() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for stream in [false, true] {
            for model in ["m+no-usage", "m+no-final-usage"] {
                scripted.clear_log();
                let reply = vendor.ask(&scripted, model, stream).await.unwrap();
                let [entry] = scripted.settled_log().await.try_into().unwrap();
                assert!(!entry.usage_sent, "{vendor:?} {model}");
                assert_eq!(entry.billed.output, 6, "unreported usage is billed all the same");
                if model == "m+no-usage" {
                    assert_eq!(vendor.usage(&reply), None, "{vendor:?} {}", reply.text());
                }
            }
        }
    }
    let reply = Vendor::Anthropic.ask(&scripted, "m+no-final-usage", true).await.unwrap();
    assert_eq!(reply.events()[0]["message"]["usage"]["input_tokens"], 3);
    assert_eq!(reply.events().iter().filter(|event| event.get("usage").is_some()).count(), 0);
    let reply = Vendor::Gemini.ask(&scripted, "m+usage-final", true).await.unwrap();
    let reported: Vec<bool> =
        reply.events().iter().map(|event| event.get("usageMetadata").is_some()).collect();
    assert_eq!(reported.iter().filter(|reported| **reported).count(), 1);
    assert_eq!(reported.last(), Some(&true));
    let reply = Vendor::OpenAi.ask(&scripted, "m+frames=3+usage-each", true).await.unwrap();
    let grown: Vec<u64> =
        reply.events().iter().map(|event| event["usage"]["completion_tokens"].as_u64().unwrap()).collect();
    assert_eq!(grown, [0, 1, 2, 3, 3, 3]);
}

#[tokio::test]
async fn odd_framing_carries_the_same_words() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+crlf+unknown", true).await.unwrap();
        assert!(reply.text().contains("\r\n") && reply.text().to_lowercase().contains("unknown"));
        assert_eq!(vendor.words(&reply, true), "You said: \"Hello there\"", "{vendor:?}");
        assert!(vendor.ended(&reply));
        let reply = vendor.ask(&scripted, "m+open-end", true).await.unwrap();
        assert!(!reply.text().ends_with('\n'), "{vendor:?}");
        assert!(vendor.ended(&reply), "{vendor:?}");
    }
}

#[tokio::test]
async fn delays_last_as_long_as_they_say() {
    let scripted = Scripted::start().await.unwrap();
    for model in ["m+head-after=60ms", "m+first-after=60ms", "m+frames=4+pace=20ms", "m+stall=2,60ms"] {
        for vendor in VENDORS {
            let started = Instant::now();
            let reply = vendor.ask(&scripted, model, true).await.unwrap();
            assert!(started.elapsed() >= Duration::from_millis(60), "{vendor:?} {model}");
            assert_eq!(reply.end, End::Whole, "a stall ends, and the reply goes on");
            assert!(vendor.ended(&reply));
        }
    }
}

#[tokio::test]
async fn a_stalled_stream_has_sent_what_came_before() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let mut socket = vendor.send(&scripted, "m+frames=60+stall=40", true).await;
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("039 ") {
            assert_ne!(patiently(socket.read_buf(&mut read)).await.unwrap(), 0, "{vendor:?}");
        }
        assert!(!String::from_utf8_lossy(&read).contains("040 "), "{vendor:?}");
        drop(socket);
    }
    for entry in patiently(scripted.settled_log()).await {
        assert_eq!((entry.outcome, entry.billed.output), (Outcome::Aborted, 40), "{entry:?}");
    }
}
