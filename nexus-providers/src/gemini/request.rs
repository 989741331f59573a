//! Request body of `generateContent`. A parameter that the wire cannot express is rejected by name.

use nexus_core::Result;
use nexus_core::llm::prompt::{RenderedMessage, render, render_tools};
use nexus_core::llm::{Parameters, ReasoningEffort, Request, ResponseFormat, ToolChoice};
use serde_json::{Map, Value, json};

use super::response::{is_made_up, signature};
use crate::http::Vendor;
use crate::http::messages::{Side, turns};
use crate::http::parameters::{check, decimal};
use crate::http::tool_calls::arguments;

/// Placeholder for a missing thought signature. Newer models require one in each turn with calls, and calls of
/// another vendor have none.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Writes the body of `request` for `model`.
///
/// # Errors
/// [`InvalidRequest`](nexus_core::llm::ProviderErrorKind::InvalidRequest) for a parameter that the wire cannot
/// express.
pub(super) fn body(vendor: &Vendor, request: &Request, model: &str) -> Result<Value> {
    let (system, contents) = contents(render(request));
    let mut body = Map::new();
    body.insert("contents".to_owned(), contents.into());
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": system}]}));
    }
    tools(vendor, &mut body, request)?;
    let config = generation(vendor, request, model)?;
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), config.into());
    }
    Ok(body.into())
}

/// Returns the system text and the turns.
fn contents(rendered: Vec<RenderedMessage>) -> (String, Vec<Value>) {
    let (system, turns) = turns(rendered, parts);
    let turn = |(side, parts)| {
        let role = match side {
            Side::User => "user",
            Side::Model => "model",
        };
        json!({"role": role, "parts": parts})
    };
    (system, turns.into_iter().map(turn).collect())
}

fn parts(message: RenderedMessage) -> Vec<Value> {
    let RenderedMessage { content, calls, answers, .. } = message;
    if let Some((call, name)) = answers {
        let response = with_id(json!({"name": name, "response": {"result": content}}), call);
        return vec![json!({"functionResponse": response})];
    }
    let text = (!content.is_empty()).then(|| json!({"text": content}));
    // The vendor signs the first of parallel calls only.
    let is_signed = calls.iter().any(|call| signature(call).is_some());
    let calls = calls.into_iter().map(|call| {
        let signature = signature(&call).or((!is_signed).then_some(NO_SIGNATURE)).map(str::to_owned);
        let function = with_id(json!({"name": call.name, "args": arguments(&call.arguments)}), call.id);
        let mut part = Map::from_iter([("functionCall".to_owned(), function)]);
        part.extend(signature.map(|signature| ("thoughtSignature".to_owned(), signature.into())));
        part.into()
    });
    text.into_iter().chain(calls).collect()
}

/// Adds the id, unless the adapter generated it; calls and results then match by their order.
fn with_id(mut function: Value, id: String) -> Value {
    if let Some(fields) = function.as_object_mut()
        && !is_made_up(&id)
    {
        fields.insert("id".to_owned(), id.into());
    }
    function
}

fn tools(vendor: &Vendor, body: &mut Map<String, Value>, request: &Request) -> Result<()> {
    let mode = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({"mode": "NONE"})),
        ToolChoice::Required => Some(json!({"mode": "ANY"})),
        ToolChoice::Named(name) => Some(json!({"mode": "ANY", "allowedFunctionNames": [name]})),
    };
    if request.tools.is_empty() {
        let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Named(_));
        return if forced { Err(vendor.cannot("tool_choice without tools")) } else { Ok(()) };
    }
    let declarations = render_tools(request).into_iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
    });
    let declarations: Vec<Value> = declarations.collect();
    body.insert("tools".to_owned(), json!([{"functionDeclarations": declarations}]));
    body.extend(mode.map(|mode| ("toolConfig".to_owned(), json!({"functionCallingConfig": mode}))));
    Ok(())
}

fn generation(vendor: &Vendor, request: &Request, model: &str) -> Result<Map<String, Value>> {
    let Request { max_tokens, parameters, .. } = request;
    check(parameters, vendor)?;
    let Parameters { temperature, top_p, top_k, stop, seed, presence_penalty, frequency_penalty, .. } =
        parameters;
    if seed.is_some_and(|seed| i32::try_from(seed).is_err()) {
        return Err(vendor.cannot("seed of more than 32 bits"));
    }
    let (mime, schema) = match &parameters.format {
        None => (None, None),
        Some(ResponseFormat::Json) => (Some("application/json".into()), None),
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            (Some("application/json".into()), Some(schema.clone()))
        }
    };
    let fields = [
        ("maxOutputTokens", max_tokens.map(Value::from)),
        ("temperature", temperature.map(decimal)),
        ("topP", top_p.map(decimal)),
        ("topK", top_k.map(Value::from)),
        ("stopSequences", (!stop.is_empty()).then(|| stop.clone().into())),
        ("seed", seed.map(Value::from)),
        ("presencePenalty", presence_penalty.map(decimal)),
        ("frequencyPenalty", frequency_penalty.map(decimal)),
        ("responseMimeType", mime),
        ("responseJsonSchema", schema),
        ("thinkingConfig", parameters.reasoning.map(|effort| thinking(effort, model))),
    ];
    Ok(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Returns the thinking configuration: a level, or a token budget on older models.
fn thinking(effort: ReasoningEffort, model: &str) -> Value {
    let shown = effort != ReasoningEffort::Minimal;
    if model.starts_with("gemini-2.5") {
        let least = if model.starts_with("gemini-2.5-pro") { 128 } else { 0 };
        let budget = match effort {
            ReasoningEffort::Minimal => least,
            ReasoningEffort::Low => 1_024,
            ReasoningEffort::Medium => 8_192,
            ReasoningEffort::High => 24_576,
        };
        return json!({"includeThoughts": shown, "thinkingBudget": budget});
    }
    let level = match effort {
        ReasoningEffort::Minimal if knows_minimal(model) => "minimal",
        ReasoningEffort::Minimal | ReasoningEffort::Low => "low",
        ReasoningEffort::Medium => "medium",
        ReasoningEffort::High => "high",
    };
    json!({"includeThoughts": shown, "thinkingLevel": level})
}

/// Whether `model` supports the level below "low"; other models reject it.
fn knows_minimal(model: &str) -> bool {
    let names = ["gemini-3-flash", "gemini-3.5-flash", "gemini-3.6-flash"];
    model.contains("flash-lite") || names.into_iter().any(|name| model.starts_with(name))
}

#[cfg(test)]
mod tests;
