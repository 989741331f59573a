//! Failing connections, leaving clients, and the shutdown of the server.

use nexus_fake_provider::{Outcome, Scripted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{End, VENDORS, Vendor, patiently};

#[tokio::test]
async fn a_connection_fails_before_the_head() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for stream in [false, true] {
            assert_eq!(vendor.ask(&scripted, "m+reset", stream).await.unwrap_err(), End::Reset);
            assert_eq!(vendor.ask(&scripted, "m+close", stream).await.unwrap_err(), End::Closed);
            assert_eq!(vendor.ask(&scripted, "m+silent=5ms", stream).await.unwrap_err(), End::Closed);
        }
    }
    for entry in scripted.settled_log().await {
        assert_eq!((entry.outcome, entry.status), (Outcome::Cut, None), "{entry:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_a_silent_provider_is_in_the_log() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        for stream in [false, true] {
            let socket = vendor.send(&scripted, "m+silent", stream).await;
            while scripted.requests().is_empty() {
                tokio::task::yield_now().await;
            }
            drop(socket);
            let log = patiently(scripted.settled_log()).await;
            assert_eq!(log.last().unwrap().outcome, Outcome::Aborted, "{vendor:?}");
        }
    }
    patiently(scripted.disconnected()).await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_pays_for_what_was_made() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        scripted.clear_log();
        // More than the system's buffers hold, so that the end is never reached.
        let mut socket = vendor.send(&scripted, "m+frames=200000", true).await;
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("009 ") {
            assert_ne!(patiently(socket.read_buf(&mut read)).await.unwrap(), 0);
        }
        drop(socket);
        let [entry] = patiently(scripted.settled_log()).await.try_into().unwrap();
        assert_eq!((entry.outcome, entry.usage_sent), (Outcome::Aborted, false), "{vendor:?}");
        assert!((10..200_000).contains(&entry.billed.output), "{vendor:?} {entry:?}");
        assert_eq!(entry.billed.output, entry.frames);
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_a_whole_reply_pays_for_all_of_it() {
    let scripted = Scripted::start().await.unwrap();
    let mut sockets = Vec::new();
    for vendor in VENDORS {
        sockets.push(vendor.send(&scripted, "m+head-after=3600s", false).await);
    }
    while scripted.log().iter().filter(|entry| entry.model == "m+head-after=3600s").count() < 4 {
        tokio::task::yield_now().await;
    }
    drop(sockets);
    for entry in patiently(scripted.settled_log()).await {
        assert_eq!((entry.outcome, entry.status), (Outcome::Aborted, None));
        assert_eq!((entry.billed.output, entry.usage_sent), (6, false));
    }
}

#[tokio::test]
async fn a_request_that_breaks_off_is_not_billed() {
    let scripted = Scripted::start().await.unwrap();
    let mut socket = tokio::net::TcpStream::connect(scripted.address()).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: 900\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    drop(socket);
    // The next connection is accepted after the first.
    Vendor::OpenAi.ask(&scripted, "m", false).await.unwrap();
    patiently(scripted.disconnected()).await;
    let log = scripted.settled_log().await;
    assert_eq!((log.len(), log[0].outcome), (1, Outcome::Completed));
}

#[tokio::test]
async fn shutting_down_breaks_every_connection_and_gives_the_bill() {
    let scripted = Scripted::start().await.unwrap();
    let address = scripted.address();
    let mut silent = Vendor::OpenAi.send(&scripted, "m+silent", false).await;
    let mut stalled = Vendor::Anthropic.send(&scripted, "m+stall=1", true).await;
    while scripted.log().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scripted.connections(), 2);
    let log = patiently(scripted.shutdown()).await;
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Aborted), "{log:?}");
    let mut rest = Vec::new();
    assert!(matches!(patiently(silent.read_to_end(&mut rest)).await, Ok(0) | Err(_)));
    assert!(patiently(stalled.read_to_end(&mut rest)).await.is_ok_and(|_| !rest.ends_with(b"0\r\n\r\n")));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_aborted_streams_leave_no_connection_and_no_open_entry() {
    let scripted = Scripted::start().await.unwrap();
    for _ in 0..20 {
        let sockets = futures::future::join_all(
            (0..50).map(|_| Vendor::OpenAi.send(&scripted, "m+frames=100+stall=50", true)),
        )
        .await;
        for mut socket in sockets {
            assert_ne!(patiently(socket.read(&mut [0; 64])).await.unwrap(), 0);
        }
    }
    patiently(scripted.disconnected()).await;
    let log = patiently(scripted.settled_log()).await;
    assert_eq!(log.len(), 1000);
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Aborted && entry.billed.output <= 50));
}
