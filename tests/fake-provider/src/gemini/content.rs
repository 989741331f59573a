//! Content: parses the request, and writes the unary reply.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::stream::Stream;
use super::{events, usage};
use crate::ask::{Ask, Role, Tool, Turn, items, text};
use crate::call::{Call, Stopped};
use crate::log::Billed;
use crate::refusal::Refusal;
use crate::reply::{Call as ToolCall, Finish, Reply};
use crate::script::UsageTold;
use crate::wire::event;

/// Parses the request, after its key and its script.
pub(super) fn read(call: &mut Call, model: &str, stream: bool) -> Result<Ask, Stopped> {
    let body = call.json()?;
    call.begin(model, stream)?;
    let contents = items(&body, "contents");
    if contents.is_empty() {
        return Err(Box::new(Refusal::field("contents", "contents are not specified")));
    }
    let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    let mut turns: Vec<Turn> =
        system.map(|system| Turn { role: Role::System, text: parts(system) }).into_iter().collect();
    for content in contents {
        turns.push(turn(content)?);
    }
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    let json = text(config, "responseMimeType") == "application/json";
    let schema = config.get("responseJsonSchema").or_else(|| config.get("responseSchema"));
    Ok(Ask {
        model: model.to_owned(),
        turns,
        tools: items(&body, "tools")
            .iter()
            .flat_map(|tool| items(tool, "functionDeclarations"))
            .map(tool)
            .collect(),
        max_tokens: config.get("maxOutputTokens").and_then(Value::as_u64),
        stream,
        format: json.then(|| schema.cloned().unwrap_or_default()),
    })
}

fn turn(content: &Value) -> Result<Turn, Stopped> {
    let results = items(content, "parts").iter().any(|part| part.get("functionResponse").is_some());
    let role = match text(content, "role") {
        "function" => Role::Tool,
        "user" | "" if results => Role::Tool,
        "user" | "" => Role::User,
        "model" => Role::Assistant,
        _ => return Err(Box::new(Refusal::field("contents", "a role must be `user` or `model`"))),
    };
    Ok(Turn { role, text: parts(content) })
}

/// Returns the texts of a content's parts, and the results of functions.
fn parts(content: &Value) -> String {
    let part = |part: &Value| match part.pointer("/functionResponse/response") {
        Some(response) => response.to_string(),
        None => text(part, "text").to_owned(),
    };
    items(content, "parts").iter().map(part).collect::<Vec<_>>().join("\n")
}

fn tool(declaration: &Value) -> Tool {
    let schema = declaration.get("parametersJsonSchema").or_else(|| declaration.get("parameters"));
    Tool { name: text(declaration, "name").to_owned(), schema: schema.cloned().unwrap_or_default() }
}

/// Answers without or with a stream.
pub(super) async fn answer(call: Call, ask: Ask) -> Response {
    let events = events(&call);
    call.chat(&ask, |call| Box::new(Stream::new(call, &ask.model, events)), whole).await
}

/// Answers that the prompt was blocked: without candidates, and without an error. Its input is billed.
pub(super) fn blocked(mut call: Call, model: &str, stream: bool) -> Response {
    let ask = match read(&mut call, model, stream) {
        Ok(ask) => ask,
        Err(refusal) => return call.refuse(&refusal),
    };
    let billed = Billed { input: ask.tokens(), ..Billed::default() };
    let body = json!({
        "promptFeedback": { "blockReason": "SAFETY", "safetyRatings": [unsafe_rating()] },
        "usageMetadata": usage(&billed),
        "modelVersion": model,
        "responseId": id(call.id()),
    });
    if !stream {
        return call.done_with("application/json", body.to_string().into_bytes(), billed);
    }
    if !events(&call) {
        return call.done_with("application/json", json!([body]).to_string().into_bytes(), billed);
    }
    let mut out = Vec::new();
    event(call.script.faults.framing, None, body.to_string().as_bytes(), &mut out);
    call.done_with("text/event-stream", out, billed)
}

fn unsafe_rating() -> Value {
    json!({ "category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true })
}

fn whole(call: &Call, reply: &Reply) -> Vec<u8> {
    let mut parts = Vec::new();
    if reply.thinking.len() > 0 {
        parts.push(json!({ "text": reply.thinking.whole(), "thought": true }));
    }
    if reply.text.len() > 0 {
        parts.push(json!({ "text": reply.text.whole() }));
    }
    parts.extend(reply.calls.iter().map(function));
    let mut body = json!({
        "candidates": [candidate(&parts, Some(reply))],
        "modelVersion": reply.model,
        "responseId": id(reply.id),
    });
    if !matches!(call.script.faults.usage, UsageTold::Nowhere | UsageTold::NotFinal)
        && let Some(body) = body.as_object_mut()
    {
        body.insert("usageMetadata".to_owned(), call.script.faults.usage_form.of(usage(&reply.billed)));
    }
    body.to_string().into_bytes()
}

/// Returns a candidate, with its reason if it ends here.
pub(super) fn candidate(parts: &[Value], ended: Option<&Reply>) -> Value {
    let mut candidate = Map::new();
    candidate.insert("content".to_owned(), json!({ "parts": parts, "role": "model" }));
    if let Some(reply) = ended {
        candidate.insert("finishReason".to_owned(), reply.reason(reason(reply.finish)).into());
        if reply.finish == Finish::Filter {
            candidate.insert("safetyRatings".to_owned(), json!([unsafe_rating()]));
        }
    }
    candidate.insert("index".to_owned(), 0.into());
    candidate.into()
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Tools => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
    }
}

/// Returns a call as a part. Older versions of the API give it no id.
pub(super) fn function(call: &ToolCall) -> Value {
    let mut function = json!({ "name": call.name, "args": call.value() });
    if let Some(function) = function.as_object_mut()
        && !call.id.is_empty()
    {
        function.insert("id".to_owned(), call.id.clone().into());
    }
    json!({ "functionCall": function })
}

pub(super) fn id(id: u64) -> String {
    format!("scripted{id}")
}
