//! Embeddings: texts or tokens in, unit vectors out, as numbers or as base64, which OpenAI's Python client requests.

use axum::response::Response;
use serde_json::{Value, json};

use crate::ask::{items, text, tokens};
use crate::call::{Call, Stopped};
use crate::log::Billed;
use crate::refusal::Refusal;
use crate::script::UsageTold;
use crate::vector::{MOST, base64, embed};

const DIMENSIONS: usize = 1536;

/// Answers `POST /v1/embeddings`.
pub(super) async fn answer(mut call: Call) -> Response {
    match body(&mut call) {
        Ok((body, billed)) => call.answer("application/json", body, billed).await,
        Err(refusal) => call.refuse(&refusal),
    }
}

fn body(call: &mut Call) -> Result<(Vec<u8>, Billed), Stopped> {
    let request = call.json()?;
    call.begin(text(&request, "model"), false)?;
    let inputs = inputs(&request)?;
    let dimensions = match request.get("dimensions") {
        None | Some(Value::Null) => DIMENSIONS,
        Some(wanted) => dimensions(wanted)?,
    };
    let encoded = text(&request, "encoding_format") == "base64";
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = embed(&input.text, dimensions);
            let embedding = if encoded { json!(base64(&bytes(&vector))) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let count: u64 = inputs.iter().map(|input| input.tokens).sum();
    let mut body = json!({ "object": "list", "data": data, "model": text(&request, "model") });
    if let Some(body) = body.as_object_mut()
        && call.script.faults.usage != UsageTold::Nowhere
    {
        body.insert("usage".to_owned(), json!({ "prompt_tokens": count, "total_tokens": count }));
    }
    Ok((body.to_string().into_bytes(), Billed { input: count, ..Billed::default() }))
}

fn dimensions(wanted: &Value) -> Result<usize, Stopped> {
    let wanted = wanted.as_u64().and_then(|wanted| usize::try_from(wanted).ok());
    wanted
        .filter(|wanted| (1..=MOST).contains(wanted))
        .ok_or_else(|| Box::new(Refusal::field("dimensions", "must be a whole number from 1 to 16384")))
}

/// Returns the vector as little-endian single precision.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

struct Input {
    text: String,
    tokens: u64,
}

/// Returns the inputs: a text, texts, tokens, or lists of tokens.
fn inputs(request: &Value) -> Result<Vec<Input>, Stopped> {
    let given = request.get("input").unwrap_or(&Value::Null);
    let several = items(request, "input");
    let inputs: Option<Vec<Input>> = match several.first() {
        None | Some(Value::Number(_)) => input(given).map(|input| vec![input]),
        Some(_) => several.iter().map(input).collect(),
    };
    inputs
        .filter(|inputs| inputs.iter().all(|input| input.tokens > 0))
        .ok_or_else(|| Box::new(Refusal::field("input", "must be texts or tokens, and not empty")))
}

fn input(value: &Value) -> Option<Input> {
    match value {
        Value::String(text) => Some(Input { text: text.clone(), tokens: tokens(text.chars().count()) }),
        Value::Array(ids) if ids.iter().all(Value::is_u64) => {
            Some(Input { text: value.to_string(), tokens: ids.len() as u64 })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
