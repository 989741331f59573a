//! Speech output: requested with a question, announced by its stream, fetched by principals that may see the run.

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use nexus_core::llm::ProviderErrorKind;
use nexus_core::speech::{Speech, SpeechSynthesizer};
use nexus_core::{Nexus, Principal, Result};
use nexus_providers::speech::OfflineSpeech;
use nexus_server::router;
use nexus_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::fixture::{
    Frames, admin, ask, asking, builder, data, library, name, over, request, send, serving,
};

async fn with_speech(synthesizer: impl SpeechSynthesizer + 'static) -> Nexus {
    library(builder(MemoryStore::default()).speech_synthesizer(synthesizer)).await
}

/// Asks with speech output, and returns the names of the events after the answer and the data of the first one.
async fn ask_with_speech(nexus: &Nexus) -> (Vec<String>, Value) {
    let mut question = asking();
    question["audio"] = json!(true);
    let frames = Frames::of(send(&over(nexus), ask(&[], &question)).await).rest().await;
    let last = frames.iter().position(|frame| name(frame) == "message.final").unwrap();
    let names = frames[last..].iter().map(|frame| name(frame).to_owned()).collect();
    (names, data(&frames[last + 1])["data"].clone())
}

#[tokio::test]
async fn speech_of_an_answer_is_fetched_by_a_principal_that_may_see_its_run() {
    let nexus = with_speech(OfflineSpeech).await;
    let (names, ready) = ask_with_speech(&nexus).await;
    assert_eq!(names, ["message.final", "audio.ready", "done"]);
    let (url, id) = (ready["audio_url"].as_str().unwrap(), ready["audio_id"].as_str().unwrap());
    assert_eq!((url, &ready["mime"]), (format!("/v1/audio/{id}.mp3").as_str(), &json!("audio/wav")));

    let fetch = |caller: Principal| {
        let app = router(serving(&nexus, caller));
        async move { send(&app, request("GET", url, &[], Body::empty())).await }
    };
    let response = fetch(admin()).await;
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"audio/wav".parse().unwrap())
    );
    let sound = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(sound.starts_with(b"RIFF"));
    for stranger in ["acme", "umbrella"] {
        let stranger = Principal::user(stranger, "bob").unwrap().roles(["reader"]);
        assert_eq!(fetch(stranger).await.status(), StatusCode::NOT_FOUND);
    }
    let without_role = Principal::user("acme", "eve").unwrap();
    assert_eq!(fetch(without_role).await.status(), StatusCode::FORBIDDEN);
    nexus.prune_journal(&admin(), &nexus_core::RunId::parse(id).unwrap()).await.unwrap();
    assert_eq!(fetch(admin()).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_does_not_ask_for_it_hears_nothing() {
    let nexus = with_speech(OfflineSpeech).await;
    let frames = Frames::of(send(&over(&nexus), ask(&[], &asking())).await).rest().await;
    assert!(!frames.iter().any(|frame| name(frame).starts_with("audio")));
}

/// Synthesizer that fails.
#[derive(Debug)]
struct Hoarse;

#[async_trait]
impl SpeechSynthesizer for Hoarse {
    fn name(&self) -> &'static str {
        "hoarse"
    }

    fn model(&self) -> &'static str {
        "none"
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn speak(&self, _: &str) -> Result<Speech> {
        Err(ProviderErrorKind::InvalidRequest.error("it has no voice"))
    }
}

#[tokio::test]
async fn what_fails_about_speaking_never_fails_the_answer() {
    for nexus in [with_speech(Hoarse).await, library(builder(MemoryStore::default())).await] {
        let (names, error) = ask_with_speech(&nexus).await;
        assert_eq!(names, ["message.final", "audio.error", "done"]);
        assert_eq!(error["code"], "TTS_ERROR");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}
