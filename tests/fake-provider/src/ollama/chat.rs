//! Chat: parses the request, and writes the unary reply.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::stream::Stream;
use super::{CREATED, counts, durations};
use crate::ask::{Ask, Role, Tool, Turn, items, text, text_of};
use crate::call::{Call, Stopped};
use crate::refusal::Refusal;
use crate::reply::{Call as ToolCall, Finish, Reply};
use crate::script::{Faults, UsageTold};

/// Parses the request, after its script. Streams by default.
pub(super) fn read(call: &mut Call) -> Result<Ask, Stopped> {
    let body = call.json()?;
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(true);
    call.begin(text(&body, "model"), stream)?;
    let turns = items(&body, "messages").iter().map(turn).collect::<Result<Vec<_>, _>>()?;
    if turns.is_empty() {
        return Err(Box::new(Refusal::field("messages", "at least one message is required")));
    }
    let tool = |tool: &Value| {
        let function = tool.get("function").unwrap_or(&Value::Null);
        let schema = function.get("parameters").cloned().unwrap_or_default();
        Tool { name: text(function, "name").to_owned(), schema }
    };
    Ok(Ask {
        model: text(&body, "model").to_owned(),
        turns,
        tools: items(&body, "tools").iter().map(tool).collect(),
        // A negative limit means no limit.
        max_tokens: body.pointer("/options/num_predict").and_then(Value::as_u64),
        stream,
        format: match body.get("format") {
            Some(schema @ Value::Object(_)) => Some(schema.clone()),
            Some(Value::String(json)) if json == "json" => Some(Value::Null),
            Some(_) | None => None,
        },
    })
}

fn turn(message: &Value) -> Result<Turn, Stopped> {
    let role = match text(message, "role") {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return Err(Box::new(Refusal::field("messages", "a message has an unknown role"))),
    };
    Ok(Turn { role, text: message.get("content").map(text_of).unwrap_or_default() })
}

/// Answers without or with a stream.
pub(super) async fn answer(call: Call, ask: Ask) -> Response {
    call.chat(&ask, |call| Box::new(Stream::new(&call.script)), whole).await
}

fn whole(call: &Call, reply: &Reply) -> Vec<u8> {
    let mut message = json!({ "role": "assistant", "content": reply.text.whole() });
    if let Some(message) = message.as_object_mut() {
        if reply.thinking.len() > 0 {
            message.insert("thinking".to_owned(), reply.thinking.whole().into());
        }
        if !reply.calls.is_empty() {
            message.insert("tool_calls".to_owned(), reply.calls.iter().map(function).collect());
        }
    }
    Value::Object(last(reply, message, &call.script.faults).0).to_string().into_bytes()
}

/// Returns the line that ends a reply, and whether it counts tokens.
pub(super) fn last(reply: &Reply, message: Value, faults: &Faults) -> (Map<String, Value>, bool) {
    let mut line = Map::new();
    line.insert("model".to_owned(), reply.model.clone().into());
    line.insert("created_at".to_owned(), CREATED.into());
    line.insert("message".to_owned(), message);
    line.insert("done".to_owned(), true.into());
    let reason = if reply.finish == Finish::Length { "length" } else { "stop" };
    line.insert("done_reason".to_owned(), reply.reason(reason).into());
    line.extend(durations(&reply.billed));
    let tells = !matches!(faults.usage, UsageTold::Nowhere | UsageTold::NotFinal);
    if tells {
        let counts = faults.usage_form.of(counts(&reply.billed));
        line.extend(counts.as_object().cloned().unwrap_or_default());
    }
    (line, tells)
}

/// Returns a call, whose arguments are a value and not text.
pub(super) fn function(call: &ToolCall) -> Value {
    let mut value = json!({ "function": { "name": call.name, "arguments": call.value() } });
    if let Some(value) = value.as_object_mut()
        && !call.id.is_empty()
    {
        value.insert("id".to_owned(), call.id.clone().into());
    }
    value
}
