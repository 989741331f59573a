//! Scenarios of interrupted and malformed streams.

use futures::StreamExt as _;
use nexus_core::llm::{CompletionEvent, ProviderErrorKind};
use nexus_providers::{HttpClient, HttpOptions};

use crate::fixture::{World, drain, options, question, texts, usage};

/// Longest body that is cut at every byte.
const LONGEST: usize = 8_000;

fn without_usage(pieces: &[CompletionEvent]) -> Vec<CompletionEvent> {
    pieces.iter().filter(|piece| !matches!(piece, CompletionEvent::Usage(_))).cloned().collect()
}

pub(super) async fn a_complete_stream_ends_with_exactly_one_finish(world: &World) {
    for directives in ["frames=3", "frames=1", "frames=3+duplicate"] {
        world.hear(directives).await.whole();
    }
    let cut = world.hear("frames=3+no-finish").await.failure();
    assert_eq!(ProviderErrorKind::of(&cut), Some(ProviderErrorKind::Truncated));
}

pub(super) async fn nothing_follows_an_error(world: &World) {
    for directives in ["frames=6+error=3", "frames=6+malformed=3", "frames=6+no-finish"] {
        let stream = world.provider(directives).stream(question()).await.unwrap();
        let events: Vec<_> = stream.collect().await;
        let errors = events.iter().filter(|event| event.is_err()).count();
        assert!(errors == 1 && events.last().is_some_and(Result::is_err), "{directives}: {events:?}");
    }
}

/// Cuts a stream at each byte: every part of it begins like the whole.
pub(super) async fn text_comes_only_from_the_model(world: &World) {
    let whole = world.hear("frames=3").await.whole();
    for at in 0..LONGEST {
        let cut = world.hear(&format!("frames=3+cut-byte={at}")).await;
        if cut.pieces == whole {
            assert!(cut.error.is_none(), "cut at {at}: {:?}", cut.error);
            assert!(at > 100, "nothing was cut");
            return;
        }
        if let Some(error) = &cut.error {
            assert_eq!(
                ProviderErrorKind::of(error),
                Some(ProviderErrorKind::Truncated),
                "cut at {at}: {error:?}"
            );
            assert!(whole.starts_with(&cut.pieces), "cut at {at}: {:?}", cut.pieces);
            assert!(!matches!(cut.pieces.last(), Some(CompletionEvent::Finish(_))), "cut at {at}");
        } else {
            // The stream ended after the finish reason and before the usage.
            assert!(world.vendor.whole_without_marker, "cut at {at}: {:?}", cut.pieces);
            assert_eq!(without_usage(&cut.pieces), without_usage(&whole), "cut at {at}");
            assert_eq!(usage(&cut.pieces), None, "cut at {at}");
        }
    }
    panic!("a body of {LONGEST} bytes and more");
}

pub(super) async fn a_stream_without_reason_and_marker_is_truncated(world: &World) {
    let heard = world.hear("frames=3+no-finish").await;
    assert_eq!(heard.texts().concat(), "000 001 002 ");
    assert_eq!(ProviderErrorKind::of(&heard.failure()), Some(ProviderErrorKind::Truncated));
}

pub(super) async fn a_stream_without_its_marker_is_whole_only_where_the_reason_is_enough(world: &World) {
    let heard = world.hear("frames=3+no-done").await;
    assert_eq!(heard.texts().concat(), "000 001 002 ");
    if world.vendor.whole_without_marker {
        assert!(usage(&heard.whole()).is_some());
    } else {
        assert_eq!(ProviderErrorKind::of(&heard.failure()), Some(ProviderErrorKind::Truncated));
    }
}

pub(super) async fn a_malformed_frame_ends_the_stream_after_what_came_whole(world: &World) {
    let heard = world.hear("frames=6+malformed=3").await;
    assert_eq!(heard.texts().concat(), "000 001 002 ");
    assert_eq!(ProviderErrorKind::of(&heard.failure()), Some(ProviderErrorKind::Protocol));
}

pub(super) async fn what_no_client_knows_is_passed_over(world: &World) {
    let plain = world.hear("frames=4").await.whole();
    for directives in ["unknown", "crlf", "open-end", "unknown+crlf+open-end"] {
        let strange = world.hear(&format!("frames=4+{directives}")).await.whole();
        assert_eq!(strange, plain, "{directives}");
    }
}

pub(super) async fn bytes_that_come_one_by_one_give_the_same_pieces(world: &World) {
    let plain = world.hear("frames=2").await.whole();
    assert_eq!(world.hear("frames=2+drip=0").await.whole(), plain);
}

pub(super) async fn frames_that_come_twice_end_once_and_are_billed_once(world: &World) {
    let once = world.hear("frames=3").await.whole();
    let twice = world.hear("frames=3+duplicate").await.whole();
    assert_eq!(texts(&twice).concat(), "000 000 001 001 002 002 ");
    assert_eq!(usage(&twice), usage(&once));
}

pub(super) async fn a_frame_that_is_too_long_is_not_read(world: &World) {
    let heard = world.hear("huge=2").await;
    assert!(
        heard.pieces.iter().all(|piece| matches!(piece, CompletionEvent::Usage(_))),
        "a part of it was given"
    );
    assert_eq!(ProviderErrorKind::of(&heard.failure()), Some(ProviderErrorKind::Protocol));
    world.server.disconnected().await;
}

pub(super) async fn a_stream_that_is_too_long_is_not_read(world: &World) {
    let client = HttpClient::new(&HttpOptions { max_stream_bytes: 4_000, ..options() }).unwrap();
    let stream = world.provider_over(&client, "frames=500").stream(question()).await.unwrap();
    let heard = drain(stream).await;
    let read = heard.texts().len();
    assert!(read < 100, "{read} frames");
    assert_eq!(ProviderErrorKind::of(&heard.failure()), Some(ProviderErrorKind::Protocol));
    world.server.disconnected().await;
}

pub(super) async fn an_error_within_the_stream_ends_it(world: &World) {
    let heard = world.hear("frames=6+error=3").await;
    assert_eq!(texts(&heard.pieces).concat(), "000 001 002 ");
    let fault = ProviderErrorKind::of(&heard.failure()).unwrap();
    assert!(matches!(fault, ProviderErrorKind::Server | ProviderErrorKind::Overloaded), "{fault:?}");
}
