//! Request body of `POST /api/chat`. A parameter that the wire cannot express is rejected by name.

use nexus_core::Result;
use nexus_core::llm::prompt::{RenderedMessage, Role, render, render_tools};
use nexus_core::llm::{Parameters, ReasoningEffort, Request, ResponseFormat, ToolChoice};
use serde_json::{Map, Value, json};

use crate::http::Vendor;
use crate::http::parameters::{check, decimal};
use crate::http::tool_calls::arguments;

/// Writes the body of `request` for `model` with a context window of `context` tokens.
///
/// It forbids the server to truncate a prompt that does not fit, and to drop its beginning during the answer.
///
/// # Errors
/// [`InvalidRequest`](nexus_core::llm::ProviderErrorKind::InvalidRequest) for a parameter that the wire cannot
/// express.
pub(super) fn body(
    vendor: &Vendor,
    request: &Request,
    model: &str,
    context: u32,
    stream: bool,
) -> Result<Value> {
    check(&request.parameters, vendor)?;
    let messages: Vec<Value> = render(request).into_iter().map(message).collect();
    let mut body = json!({
        "model": model,
        "messages": messages,
        "stream": stream,
        "truncate": false,
        "shift": false,
        "options": options(&request.parameters, request.max_tokens, context),
    });
    let tools = tools(vendor, request)?;
    let format = request.parameters.format.as_ref().map(|format| match format {
        ResponseFormat::Json => json!("json"),
        ResponseFormat::JsonSchema { schema, .. } => schema.clone(),
    });
    let optional = [("tools", tools), ("format", format), ("think", request.parameters.reasoning.map(think))];
    if let Some(body) = body.as_object_mut() {
        let set = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        body.extend(set);
    }
    Ok(body)
}

fn message(message: RenderedMessage) -> Value {
    let RenderedMessage { role, content, calls, answers } = message;
    let role = match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut rendered = json!({"role": role, "content": content});
    let calls: Vec<Value> = calls
        .into_iter()
        .map(|call| json!({"id": call.id, "function": {"name": call.name, "arguments": arguments(&call.arguments)}}))
        .collect();
    if let Some(fields) = rendered.as_object_mut() {
        if !calls.is_empty() {
            fields.insert("tool_calls".to_owned(), calls.into());
        }
        if let Some((call, name)) = answers {
            fields.insert("tool_name".to_owned(), name.into());
            fields.insert("tool_call_id".to_owned(), call.into());
        }
    }
    rendered
}

fn options(parameters: &Parameters, max_tokens: Option<u32>, context: u32) -> Map<String, Value> {
    let Parameters { temperature, top_p, top_k, stop, seed, presence_penalty, frequency_penalty, .. } =
        parameters;
    let options = [
        ("num_ctx", Some(context.into())),
        ("num_predict", max_tokens.map(Value::from)),
        ("temperature", temperature.map(decimal)),
        ("top_p", top_p.map(decimal)),
        ("top_k", top_k.map(Value::from)),
        ("stop", (!stop.is_empty()).then(|| stop.clone().into())),
        ("seed", seed.map(Value::from)),
        ("presence_penalty", presence_penalty.map(decimal)),
        ("frequency_penalty", frequency_penalty.map(decimal)),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Returns the tools. The wire cannot force a call, and prevents calls only by an absent list of tools.
fn tools(vendor: &Vendor, request: &Request) -> Result<Option<Value>> {
    match request.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => return Ok(None),
        ToolChoice::Required | ToolChoice::Named(_) => {
            return Err(vendor.cannot("tool_choice that forces a call"));
        }
    }
    let tools: Vec<Value> = render_tools(request)
        .into_iter()
        .map(|tool| {
            let function =
                json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
            json!({"type": "function", "function": function})
        })
        .collect();
    Ok((!tools.is_empty()).then(|| tools.into()))
}

/// Returns the `think` field: a switch or a level, which the model may not support.
fn think(effort: ReasoningEffort) -> Value {
    match effort {
        ReasoningEffort::Minimal => false.into(),
        ReasoningEffort::Low => "low".into(),
        ReasoningEffort::Medium => true.into(),
        ReasoningEffort::High => "high".into(),
    }
}

#[cfg(test)]
mod tests;
