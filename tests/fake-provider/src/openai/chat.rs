//! Chat completions: parses the request, and writes the unary reply.

use axum::response::Response;
use serde_json::{Value, json};

use super::stream::Stream;
use super::{CREATED, SYSTEM, usage};
use crate::ask::{Ask, Role, Tool, Turn, items, text, text_of};
use crate::call::{Call, Stopped};
use crate::refusal::Refusal;
use crate::reply::{Finish, Reply};
use crate::script::UsageTold;

/// Parses the request, after its key and its script.
pub(super) fn read(call: &mut Call) -> Result<Ask, Stopped> {
    let body = call.json()?;
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    call.begin(text(&body, "model"), stream)?;
    let messages = items(&body, "messages");
    if messages.is_empty() {
        return Err(Box::new(Refusal::field("messages", "at least one message is required")));
    }
    let turns = messages.iter().map(turn).collect::<Result<_, _>>()?;
    let limit = body.get("max_completion_tokens").or_else(|| body.get("max_tokens"));
    Ok(Ask {
        model: text(&body, "model").to_owned(),
        turns,
        tools: items(&body, "tools").iter().filter_map(|tool| tool.get("function")).map(tool).collect(),
        max_tokens: limit.and_then(Value::as_u64),
        stream,
        format: format(&body),
    })
}

fn turn(message: &Value) -> Result<Turn, Stopped> {
    let role = match text(message, "role") {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => return Err(Box::new(Refusal::field("messages", "a message has an unknown role"))),
    };
    Ok(Turn { role, text: message.get("content").map(text_of).unwrap_or_default() })
}

fn tool(function: &Value) -> Tool {
    let schema = function.get("parameters").cloned().unwrap_or_default();
    Tool { name: text(function, "name").to_owned(), schema }
}

fn format(body: &Value) -> Option<Value> {
    let format = body.get("response_format")?;
    match text(format, "type") {
        "json_object" => Some(Value::Null),
        "json_schema" => format.pointer("/json_schema/schema").cloned(),
        _ => None,
    }
}

/// Answers without or with a stream.
pub(super) async fn answer(call: Call, ask: Ask) -> Response {
    let wanted = call.json().unwrap_or_default();
    let include_usage =
        wanted.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false);
    call.chat(&ask, |call| Box::new(Stream::new(call, &ask.model, include_usage)), whole).await
}

fn whole(call: &Call, reply: &Reply) -> Vec<u8> {
    let calls: Vec<Value> = reply
        .calls
        .iter()
        .map(|call| {
            json!({
                "id": call.id, "type": "function",
                "function": { "name": call.name, "arguments": call.arguments.whole() },
            })
        })
        .collect();
    let content = Some(reply.text.whole()).filter(|text| !text.is_empty() || calls.is_empty());
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null, "annotations": [] });
    if let Some(message) = message.as_object_mut() {
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        if reply.thinking.len() > 0 {
            message.insert("reasoning_content".to_owned(), reply.thinking.whole().into());
        }
    }
    let mut body = json!({
        "id": id(reply.id),
        "object": "chat.completion",
        "created": CREATED,
        "model": reply.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": reply.reason(finish(reply.finish)),
        }],
        "service_tier": "default",
        "system_fingerprint": SYSTEM,
    });
    if !matches!(call.script.faults.usage, UsageTold::Nowhere | UsageTold::NotFinal)
        && let Some(body) = body.as_object_mut()
    {
        body.insert("usage".to_owned(), call.script.faults.usage_form.of(usage(&reply.billed)));
    }
    body.to_string().into_bytes()
}

pub(super) fn id(id: u64) -> String {
    format!("chatcmpl-scripted{id}")
}

pub(super) fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        Finish::Filter => "content_filter",
    }
}
