//! Embeddings and speech.

use nexus_fake_provider::{Billed, Scripted};
use serde_json::{Value, json};

use crate::client::{KEY, Reply, ask};

async fn post(scripted: &Scripted, path: &str, body: &Value) -> Reply {
    ask(scripted.address(), path, &[KEY], &body.to_string()).await.unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn product(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[tokio::test]
async fn vectors_are_of_unit_length_and_near_where_words_are_shared() {
    let scripted = Scripted::start().await.unwrap();
    let body = json!({ "model": "m", "input": ["annual leave days", "Days of annual leave", "lost laptop"] });
    let reply = post(&scripted, "/v1/embeddings", &body).await.json();
    let vectors: Vec<Vec<f64>> =
        reply["data"].as_array().unwrap().iter().map(|item| numbers(&item["embedding"])).collect();
    for vector in &vectors {
        assert_eq!(vector.len(), 1536);
        assert!((product(vector, vector) - 1.0).abs() < 1e-5);
    }
    assert!(product(&vectors[0], &vectors[1]) > 0.7);
    assert!(product(&vectors[0], &vectors[2]).abs() < 0.2);
    assert_eq!(reply["usage"], json!({ "prompt_tokens": 13, "total_tokens": 13 }));
    let [entry] = scripted.settled_log().await.try_into().unwrap();
    assert_eq!(entry.billed, Billed { input: 13, ..Billed::default() });
    assert!(entry.usage_sent);
}

#[tokio::test]
async fn base64_has_the_same_numbers_and_dimensions_are_respected() {
    let scripted = Scripted::start().await.unwrap();
    let asked =
        |format: &str| json!({ "model": "m", "input": "Hi", "dimensions": 3, "encoding_format": format });
    let plain = post(&scripted, "/v1/embeddings", &asked("float")).await.json();
    let vector = numbers(&plain["data"][0]["embedding"]);
    assert_eq!(vector.len(), 3);
    let encoded = post(&scripted, "/v1/embeddings", &asked("base64")).await.json();
    let bytes = unbase64(encoded["data"][0]["embedding"].as_str().unwrap());
    let decoded: Vec<f64> =
        bytes.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect();
    assert!(
        vector.iter().zip(&decoded).all(|(one, other)| (one - other).abs() < 1e-6),
        "{vector:?} {decoded:?}"
    );
    let wrong = json!({ "model": "m", "input": "Hi", "dimensions": 0 });
    assert_eq!(post(&scripted, "/v1/embeddings", &wrong).await.status, 400);
}

fn unbase64(text: &str) -> Vec<u8> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = text
        .trim_end_matches('=')
        .chars()
        .map(|letter| format!("{:06b}", letters.find(letter).unwrap()))
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[tokio::test]
async fn every_vendor_gives_the_same_vector_for_a_text() {
    let scripted = Scripted::start().await.unwrap();
    let content = json!({ "parts": [{ "text": "Hi there" }] });
    let requests = [
        (
            "/v1/embeddings",
            json!({ "model": "m", "input": "Hi there", "dimensions": 8 }),
            "/data/0/embedding",
        ),
        (
            "/v1beta/models/m:embedContent",
            json!({ "model": "models/m", "content": content, "outputDimensionality": 8 }),
            "/embedding/values",
        ),
        (
            "/v1beta/models/m:batchEmbedContents",
            json!({ "requests": [{ "model": "models/m", "content": content, "outputDimensionality": 8 }] }),
            "/embeddings/0/values",
        ),
        (
            "/v1/projects/p/locations/l/publishers/google/models/m:predict",
            json!({ "instances": [{ "content": "Hi there" }], "parameters": { "outputDimensionality": 8 } }),
            "/predictions/0/embeddings/values",
        ),
        ("/api/embed", json!({ "model": "m", "input": ["Hi there"], "dimensions": 8 }), "/embeddings/0"),
    ];
    let mut vectors = Vec::new();
    for (path, body, pointer) in requests {
        let reply = post(&scripted, path, &body).await;
        let reply = reply.json();
        vectors.push(reply.pointer(pointer).unwrap_or_else(|| panic!("{path} {reply}")).clone());
    }
    assert!(vectors.iter().all(|vector| *vector == vectors[0]), "{vectors:?}");
    for entry in scripted.settled_log().await {
        assert_eq!(entry.billed, Billed { input: 2, ..Billed::default() }, "{entry:?}");
    }
}

#[tokio::test]
async fn vertex_ai_counts_tokens_beside_each_vector_of_768_dimensions() {
    let scripted = Scripted::start().await.unwrap();
    let path = "/v1/projects/p/locations/l/publishers/google/models/m:predict";
    let reply = post(&scripted, path, &json!({ "instances": [{ "content": "Hi there" }] })).await.json();
    let embeddings = &reply["predictions"][0]["embeddings"];
    assert_eq!(embeddings["values"].as_array().unwrap().len(), 768);
    assert_eq!(embeddings["statistics"], json!({ "token_count": 2, "truncated": false }));
}

#[tokio::test]
async fn embeddings_fail_as_conversations_do() {
    let scripted = Scripted::start().await.unwrap();
    let asked = |model: &str| json!({ "model": model, "input": "Hi" });
    assert_eq!(post(&scripted, "/v1/embeddings", &asked("m+429")).await.status, 429);
    assert_eq!(post(&scripted, "/api/embed", &asked("m+500")).await.status, 500);
    assert_eq!(post(&scripted, "/v1/embeddings", &asked("m+cut-byte=10")).await.body.len(), 10);
    let (reset, body) = ("m+reset", asked("m+reset").to_string());
    assert!(ask(scripted.address(), "/v1/embeddings", &[KEY], &body).await.is_err(), "{reset}");
    let content = json!({ "content": { "parts": [{ "text": "Hi" }] } });
    assert_eq!(post(&scripted, "/v1beta/models/m+503:embedContent", &content).await.status, 503);
}

#[tokio::test]
async fn speech_is_billed_by_characters() {
    let scripted = Scripted::start().await.unwrap();
    let asked =
        |format: &str| json!({ "model": "tts", "input": "Hello", "voice": "x", "response_format": format });
    let wav = post(&scripted, "/v1/audio/speech", &asked("wav")).await;
    assert_eq!(wav.header("content-type"), Some("audio/wav"));
    assert!(wav.body.starts_with(b"RIFF"));
    let pcm = post(&scripted, "/v1/audio/speech", &asked("pcm")).await;
    assert_eq!(wav.body.len(), pcm.body.len() + 44);
    let mp3 = post(&scripted, "/v1/audio/speech", &asked("mp3")).await;
    assert!(mp3.body.len() % 417 == 0 && mp3.body.starts_with(&[0xff, 0xfb]));
    let mut events = asked("mp3");
    events["stream_format"] = json!("sse");
    let events = post(&scripted, "/v1/audio/speech", &events).await.events();
    assert_eq!(events[0]["type"], "speech.audio.delta");
    assert!(events.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
    for entry in scripted.settled_log().await {
        assert_eq!(entry.billed.characters, 5);
    }
    assert_eq!(post(&scripted, "/v1/audio/speech", &json!({ "model": "m", "voice": "x" })).await.status, 400);
}
