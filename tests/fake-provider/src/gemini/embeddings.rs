//! Embeddings: one content, a batch of them, or Vertex AI's predictions.

use axum::response::Response;
use serde_json::{Value, json};

use super::split;
use crate::ask::{items, text, tokens};
use crate::call::{Call, Stopped};
use crate::log::Billed;
use crate::refusal::Refusal;
use crate::script::UsageTold;
use crate::vector::{MOST, embed};

const DIMENSIONS: usize = 768;

/// Answers `embedContent`, `batchEmbedContents` and `predict`.
pub(super) async fn answer(mut call: Call) -> Response {
    match body(&mut call) {
        Ok((body, billed)) => call.answer("application/json", body, billed).await,
        Err(refusal) => call.refuse(&refusal),
    }
}

fn body(call: &mut Call) -> Result<(Vec<u8>, Billed), Stopped> {
    let target = call.target.clone();
    let (model, verb) = split(&target);
    let request = call.json()?;
    call.begin(model, false)?;
    let (body, input) = match verb {
        "embedContent" => {
            let (values, tokens) = content(&request)?;
            (json!({ "embedding": { "values": values } }), tokens)
        }
        "batchEmbedContents" => batch(&request)?,
        _ => predict(&request, call.script.faults.usage)?,
    };
    Ok((body.to_string().into_bytes(), Billed { input, ..Billed::default() }))
}

fn batch(request: &Value) -> Result<(Value, u64), Stopped> {
    let requests = items(request, "requests");
    if requests.is_empty() {
        return Err(Box::new(Refusal::field("requests", "at least one request is required")));
    }
    let embedded = requests.iter().map(content).collect::<Result<Vec<_>, _>>()?;
    let input = embedded.iter().map(|(_, tokens)| tokens).sum();
    let embeddings: Vec<Value> =
        embedded.into_iter().map(|(values, _)| json!({ "values": values })).collect();
    Ok((json!({ "embeddings": embeddings }), input))
}

/// Returns the vector of a request with a content, and its tokens.
fn content(request: &Value) -> Result<(Vec<f32>, u64), Stopped> {
    let parts = request.get("content").map(|content| items(content, "parts")).unwrap_or_default();
    let words = parts.iter().map(|part| text(part, "text")).collect::<Vec<_>>().join("\n");
    let nested = request.get("embedContentConfig").and_then(|config| config.get("outputDimensionality"));
    vector(&words, "content", request.get("outputDimensionality").or(nested))
}

fn predict(request: &Value, told: UsageTold) -> Result<(Value, u64), Stopped> {
    let instances = items(request, "instances");
    if instances.is_empty() {
        return Err(Box::new(Refusal::field("instances", "at least one instance is required")));
    }
    let wanted = request.pointer("/parameters/outputDimensionality");
    let (mut predictions, mut input) = (Vec::new(), 0);
    for instance in instances {
        let (values, tokens) = vector(text(instance, "content"), "instances", wanted)?;
        input += tokens;
        let statistics = if told == UsageTold::Nowhere {
            json!({ "truncated": false })
        } else {
            json!({ "token_count": tokens, "truncated": false })
        };
        predictions.push(json!({ "embeddings": { "values": values, "statistics": statistics } }));
    }
    let characters: usize = instances.iter().map(|instance| text(instance, "content").chars().count()).sum();
    let metadata = json!({ "billableCharacterCount": characters });
    Ok((json!({ "predictions": predictions, "metadata": metadata }), input))
}

fn vector(words: &str, field: &'static str, wanted: Option<&Value>) -> Result<(Vec<f32>, u64), Stopped> {
    if words.is_empty() {
        return Err(Box::new(Refusal::field(field, "must not be empty")));
    }
    let dimensions = match wanted {
        None | Some(Value::Null) => Some(DIMENSIONS),
        Some(wanted) => wanted.as_u64().and_then(|wanted| usize::try_from(wanted).ok()),
    };
    let dimensions = dimensions.filter(|wanted| (1..=MOST).contains(wanted));
    let reason = "must be a whole number from 1 to 16384";
    let dimensions = dimensions.ok_or_else(|| Box::new(Refusal::field("outputDimensionality", reason)))?;
    Ok((embed(words, dimensions), tokens(words.chars().count())))
}
