//! Embeddings: a text or texts in, unit vectors out.

use axum::response::Response;
use serde_json::{Value, json};

use super::TOKEN_NANOS;
use crate::ask::{text, tokens};
use crate::call::{Call, Stopped};
use crate::log::Billed;
use crate::refusal::Refusal;
use crate::script::UsageTold;
use crate::vector::{MOST, embed};

const DIMENSIONS: usize = 768;

/// Answers `POST /api/embed`.
pub(super) async fn answer(mut call: Call) -> Response {
    match body(&mut call) {
        Ok((body, billed)) => call.answer("application/json", body, billed).await,
        Err(refusal) => call.refuse(&refusal),
    }
}

fn body(call: &mut Call) -> Result<(Vec<u8>, Billed), Stopped> {
    let request = call.json()?;
    call.begin(text(&request, "model"), false)?;
    let inputs: Vec<&str> = match request.get("input") {
        Some(Value::String(input)) => vec![input],
        Some(Value::Array(inputs)) => inputs.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => return Err(Box::new(Refusal::field("input", "must be a text or texts"))),
    };
    let wanted =
        request.get("dimensions").and_then(Value::as_u64).and_then(|wanted| usize::try_from(wanted).ok());
    let dimensions = wanted.filter(|wanted| (1..=MOST).contains(wanted)).unwrap_or(DIMENSIONS);
    let vectors: Vec<Vec<f32>> = inputs.iter().map(|input| embed(input, dimensions)).collect();
    let input: u64 = inputs.iter().map(|input| tokens(input.chars().count())).sum();
    let mut body = json!({
        "model": text(&request, "model"),
        "embeddings": vectors,
        "total_duration": TOKEN_NANOS * (1 + input),
        "load_duration": TOKEN_NANOS,
    });
    if let Some(body) = body.as_object_mut()
        && call.script.faults.usage != UsageTold::Nowhere
    {
        body.insert("prompt_eval_count".to_owned(), input.into());
    }
    Ok((body.to_string().into_bytes(), Billed { input, ..Billed::default() }))
}
