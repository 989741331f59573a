//! Messages: parses the request, and writes the unary reply.

use axum::response::Response;
use serde_json::{Value, json};

use super::stream::Stream;
use super::usage;
use crate::ask::{Ask, Role, Tool, Turn, items, text, text_of};
use crate::call::{Call, Stopped};
use crate::refusal::Refusal;
use crate::reply::{Finish, Reply};
use crate::script::UsageTold;

/// Placeholder of the vendor's signature on its thinking.
pub(super) const SIGNATURE: &str = "c2NyaXB0ZWQ=";

/// Parses the request, after its key and its script.
pub(super) fn read(call: &mut Call) -> Result<Ask, Stopped> {
    let body = call.json()?;
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    call.begin(text(&body, "model"), stream)?;
    if !call.headers.contains_key("anthropic-version") {
        return Err(Box::new(Refusal::field("anthropic-version", "header is required")));
    }
    let most = body.get("max_tokens").and_then(Value::as_u64).filter(|most| *most > 0);
    let most = most.ok_or_else(|| Box::new(Refusal::field("max_tokens", "Field required")))?;
    let messages = items(&body, "messages");
    if messages.is_empty() {
        return Err(Box::new(Refusal::field("messages", "at least one message is required")));
    }
    let system = body.get("system").map(|system| Turn { role: Role::System, text: text_of(system) });
    let mut turns: Vec<Turn> = system.into_iter().collect();
    for message in messages {
        turns.push(turn(message)?);
    }
    Ok(Ask {
        model: text(&body, "model").to_owned(),
        turns,
        tools: items(&body, "tools").iter().map(tool).collect(),
        max_tokens: Some(most),
        stream,
        format: body
            .pointer("/output_config/format/schema")
            .or_else(|| body.pointer("/output_format/schema"))
            .cloned(),
    })
}

fn turn(message: &Value) -> Result<Turn, Stopped> {
    let content = message.get("content").unwrap_or(&Value::Null);
    let results = items(message, "content").iter().any(|block| text(block, "type") == "tool_result");
    let role = match text(message, "role") {
        "user" if results => Role::Tool,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return Err(Box::new(Refusal::field("messages", "a role must be `user` or `assistant`"))),
    };
    Ok(Turn { role, text: text_of(content) })
}

fn tool(tool: &Value) -> Tool {
    let schema = tool.get("input_schema").cloned().unwrap_or_default();
    Tool { name: text(tool, "name").to_owned(), schema }
}

/// Answers without or with a stream.
pub(super) async fn answer(call: Call, ask: Ask) -> Response {
    call.chat(&ask, |call| Box::new(Stream::new(&call.script)), whole).await
}

fn whole(call: &Call, reply: &Reply) -> Vec<u8> {
    let mut content = Vec::new();
    if reply.thinking.len() > 0 {
        let thinking = reply.thinking.whole();
        content.push(json!({ "type": "thinking", "thinking": thinking, "signature": SIGNATURE }));
    }
    if reply.text.len() > 0 {
        content.push(json!({ "type": "text", "text": reply.text.whole() }));
    }
    for call in &reply.calls {
        content.push(
            json!({ "type": "tool_use", "id": id_of(&call.id), "name": call.name, "input": call.value() }),
        );
    }
    let mut body = head(reply);
    if let Some(body) = body.as_object_mut() {
        body.insert("content".to_owned(), content.into());
        body.insert("stop_reason".to_owned(), reply.reason(stop_reason(reply.finish)).into());
        if !matches!(call.script.faults.usage, UsageTold::Nowhere | UsageTold::NotFinal) {
            body.insert("usage".to_owned(), call.script.faults.usage_form.of(usage(&reply.billed)));
        }
    }
    body.to_string().into_bytes()
}

/// Returns a message without content, reason or usage.
pub(super) fn head(reply: &Reply) -> Value {
    json!({
        "id": format!("msg_scripted{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

/// Returns an id in Anthropic's form: ids of calls begin with `toolu_`.
pub(super) fn id_of(id: &str) -> Option<String> {
    Some(format!("toolu_{id}")).filter(|_| !id.is_empty())
}

pub(super) fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Filter => "refusal",
    }
}
