//! Request body of chat completions.

use nexus_core::Result;
use nexus_core::llm::prompt::{RenderedMessage, Role, render, render_tools};
use nexus_core::llm::{Parameters, ReasoningEffort, Request, ResponseFormat, ToolCall, ToolChoice, ToolSpec};
use serde::Serialize;
use serde_json::{Value, json};

use super::Dialect;
use crate::http::Vendor;

/// Body of `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub(super) struct WireRequest<'r> {
    model: &'r str,
    messages: Vec<Value>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<ReasoningEffort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// Writes `request` for `model` in `dialect`.
///
/// # Errors
/// [`InvalidRequest`](nexus_core::llm::ProviderErrorKind::InvalidRequest) naming the parameter that the dialect
/// lacks.
pub(super) fn write<'r>(
    request: &'r Request,
    model: &'r str,
    dialect: Dialect,
    stream: bool,
    vendor: &Vendor,
) -> Result<WireRequest<'r>> {
    let parameters = &request.parameters;
    check(request, dialect, vendor)?;
    let is_newer = dialect.max_completion_tokens;
    Ok(WireRequest {
        model,
        messages: render(request).into_iter().map(message).collect(),
        stream,
        stream_options: (stream && dialect.stream_usage).then_some(StreamOptions { include_usage: true }),
        max_completion_tokens: request.max_tokens.filter(|_| is_newer),
        max_tokens: request.max_tokens.filter(|_| !is_newer),
        tools: render_tools(request).iter().map(tool).collect(),
        tool_choice: choice(&request.tool_choice).filter(|_| !request.tools.is_empty()),
        temperature: parameters.temperature,
        top_p: parameters.top_p,
        top_k: parameters.top_k,
        stop: &parameters.stop,
        seed: parameters.seed,
        presence_penalty: parameters.presence_penalty,
        frequency_penalty: parameters.frequency_penalty,
        reasoning_effort: parameters.reasoning,
        response_format: parameters.format.as_ref().map(format),
    })
}

/// Rejects parameters that the dialect lacks.
fn check(request: &Request, dialect: Dialect, vendor: &Vendor) -> Result<()> {
    let Parameters { temperature, top_p, presence_penalty, frequency_penalty, .. } = &request.parameters;
    let numbers = [temperature, top_p, presence_penalty, frequency_penalty];
    let refused = if request.parameters.top_k.is_some() && !dialect.top_k {
        "`top_k`"
    } else if request.parameters.reasoning.is_some() && !dialect.reasoning_effort {
        "`reasoning`"
    } else if request.parameters.format == Some(ResponseFormat::Json) && !dialect.json_object {
        "`format` of `json` without a schema"
    } else if matches!(request.tool_choice, ToolChoice::Named(_)) && !dialect.named_tool {
        "`tool_choice` that names a tool"
    } else if request.tools.is_empty() && !matches!(request.tool_choice, ToolChoice::Auto | ToolChoice::None)
    {
        "`tool_choice` without tools"
    } else if numbers.into_iter().flatten().any(|number| !number.is_finite()) {
        "parameter that is not a number"
    } else {
        return Ok(());
    };
    Err(vendor.cannot(refused))
}

fn message(message: RenderedMessage) -> Value {
    let RenderedMessage { role, content, calls, answers } = message;
    match (role, answers) {
        (Role::Tool, Some((call, _))) => json!({"role": "tool", "tool_call_id": call, "content": content}),
        (Role::System, _) => json!({"role": "system", "content": content}),
        (Role::Assistant, _) if !calls.is_empty() => {
            let calls: Vec<Value> = calls.iter().map(called).collect();
            let content = Some(content).filter(|content| !content.is_empty());
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        (Role::Assistant, _) => json!({"role": "assistant", "content": content}),
        (Role::User | Role::Tool, _) => json!({"role": "user", "content": content}),
    }
}

fn called(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

fn tool(tool: &ToolSpec) -> Value {
    let ToolSpec { name, description, parameters } = tool;
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

/// Returns the `tool_choice`, absent for `auto`, the default of the wire.
fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

fn format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Json => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema } => {
            json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": true}})
        }
    }
}
