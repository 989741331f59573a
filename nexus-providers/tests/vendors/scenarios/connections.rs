//! Scenarios of connections.

use futures::StreamExt as _;
use nexus_core::llm::{CompletionEvent, LlmProvider, ProviderErrorKind};
use nexus_fake_provider::{Outcome, Scripted};

use crate::fixture::{World, question};

/// Number of dropped streams.
const MANY: usize = 200;

pub(super) async fn a_vendor_that_is_not_there_is_unreachable(world: &World) {
    let provider = {
        let gone = Scripted::start().await.unwrap();
        let provider =
            (world.vendor.make)(&world.client, &gone, &crate::fixture::KEY.into(), "scripted-1").unwrap();
        gone.shutdown().await;
        provider
    };
    for error in [provider.stream(question()).await.err(), provider.complete(question()).await.err()] {
        let error = error.unwrap();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Unreachable), "{error:?}");
    }
}

pub(super) async fn a_connection_that_breaks_before_the_answer_is_told_apart(world: &World) {
    for directives in ["reset", "close"] {
        let provider = world.provider(directives);
        for error in [provider.stream(question()).await.err(), provider.complete(question()).await.err()] {
            let error = error.unwrap();
            assert_eq!(
                ProviderErrorKind::of(&error),
                Some(ProviderErrorKind::Connection),
                "{directives}: {error:?}"
            );
        }
    }
    assert_eq!(world.server.requests().len(), 4, "an adapter tried again");
}

/// Reads the first `count` texts of a stream.
async fn read(provider: &dyn LlmProvider, count: usize) -> nexus_core::llm::CompletionStream {
    let mut stream = provider.stream(question()).await.unwrap();
    let mut texts = 0;
    while texts < count {
        let piece = stream.next().await.unwrap().unwrap();
        texts += usize::from(matches!(piece, CompletionEvent::Text(_)));
    }
    stream
}

pub(super) async fn each_frame_arrives_before_the_next_is_made(world: &World) {
    // The server sends no further frame while the client is connected, so a client that waits for more never returns.
    for made in 1..4 {
        drop(read(world.provider(&format!("frames=9+stall={made}")).as_ref(), made).await);
    }
}

pub(super) async fn dropping_the_stream_closes_the_connection_to_the_vendor(world: &World) {
    let stream = read(world.provider("frames=9+stall=2").as_ref(), 2).await;
    assert_eq!(world.server.connections(), 1);
    drop(stream);
    world.server.disconnected().await;
    let [entry] = world.server.settled_log().await.try_into().unwrap();
    assert_eq!((entry.outcome, entry.billed.output), (Outcome::Aborted, 2));
}

pub(super) async fn a_request_that_its_caller_drops_closes_its_connection(world: &World) {
    let provider = world.provider("silent");
    let mut waiting = Box::pin(provider.complete(question()));
    while world.server.requests().is_empty() {
        tokio::select! {
            reply = &mut waiting => panic!("a silent server answered: {reply:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(waiting);
    world.server.disconnected().await;
    assert_eq!(world.server.settled_log().await[0].outcome, Outcome::Aborted);
}

pub(super) async fn many_dropped_streams_leave_no_connection_behind(world: &World) {
    let provider = world.provider("frames=9+stall=1");
    let dropped = (0..MANY).map(|_| async { drop(read(provider.as_ref(), 1).await) });
    futures::stream::iter(dropped).buffer_unordered(20).collect::<Vec<()>>().await;
    world.server.disconnected().await;
    let log = world.server.settled_log().await;
    assert_eq!(log.len(), MANY);
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Aborted));
}
