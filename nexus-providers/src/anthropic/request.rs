//! Request body of `POST /v1/messages`. A parameter that the wire cannot express is rejected by name.

use nexus_core::llm::prompt::{RenderedMessage, render, render_tools};
use nexus_core::llm::{Parameters, ProviderErrorKind, ReasoningEffort, Request, ResponseFormat, ToolChoice};
use nexus_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::models::{Thinking, Traits, traits};
use super::thinking::{Unsealed, unseal};
use crate::http::Vendor;
use crate::http::messages::{Side, turns};
use crate::http::parameters::{check, decimal};
use crate::http::tool_calls::arguments;

/// Default of `max_tokens`, a required field of the wire.
const MAX_TOKENS: u32 = 4_096;
/// Smallest thinking budget that the vendor accepts.
const LEAST_BUDGET: u32 = 1_024;

/// Writes the body of `request` for `model`.
///
/// # Errors
/// [`ProviderErrorKind::InvalidRequest`] for a parameter that the wire, or this model, cannot express.
pub(super) fn body(vendor: &Vendor, request: &Request, model: &str, stream: bool) -> Result<Value> {
    let writer = Writer { vendor, request, traits: traits(model) };
    let (system, messages) = messages(render(request), model);
    let mut body = Map::from_iter([
        ("model".to_owned(), model.into()),
        ("max_tokens".to_owned(), writer.max_tokens().into()),
        ("messages".to_owned(), messages.into()),
    ]);
    let mut set = |name: &str, value: Option<Value>| {
        body.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("system", (!system.is_empty()).then(|| system.into()));
    set("stream", stream.then_some(Value::Bool(true)));
    check(&request.parameters, vendor)?;
    writer.check_parameters()?;
    let Parameters { temperature, top_p, top_k, stop, .. } = &request.parameters;
    set("temperature", temperature.map(decimal));
    set("top_p", top_p.map(decimal));
    set("top_k", top_k.map(Value::from));
    set("stop_sequences", (!stop.is_empty()).then(|| stop.clone().into()));
    set("tools", writer.tools());
    set("tool_choice", writer.tool_choice()?);
    set("thinking", writer.thinking()?);
    set("output_config", writer.output_config()?);
    Ok(body.into())
}

/// Returns the system text and the turns.
fn messages(rendered: Vec<RenderedMessage>, model: &str) -> (String, Vec<Value>) {
    let (system, turns) = turns(rendered, |message| blocks(message, model));
    let turn = |(side, content)| {
        let role = match side {
            Side::User => "user",
            Side::Model => "assistant",
        };
        json!({"role": role, "content": content})
    };
    (system, turns.into_iter().map(turn).collect())
}

/// Returns the content blocks of a message. Empty texts are left out, since the vendor rejects them. Thinking blocks
/// of `model` keep their place: around the text, and before the call that followed.
fn blocks(message: RenderedMessage, model: &str) -> Vec<Value> {
    let RenderedMessage { content, calls, answers, .. } = message;
    if let Some((call, _)) = answers {
        return vec![json!({"type": "tool_result", "tool_use_id": call, "content": content})];
    }
    let mut text = (!content.is_empty()).then(|| json!({"type": "text", "text": content}));
    let mut blocks = Vec::new();
    for call in calls {
        let Unsealed { before, after } = unseal(&call, model);
        blocks.extend(before.into_iter().chain(text.take()).chain(after));
        blocks.push(
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments(&call.arguments)}),
        );
    }
    blocks.extend(text);
    blocks
}

/// Writer of the model-dependent fields.
struct Writer<'r> {
    vendor: &'r Vendor,
    request: &'r Request,
    traits: Traits,
}

impl Writer<'_> {
    fn max_tokens(&self) -> u32 {
        self.request.max_tokens.unwrap_or(MAX_TOKENS)
    }

    fn check_parameters(&self) -> Result<()> {
        let Parameters { temperature, top_p, top_k, seed, presence_penalty, frequency_penalty, .. } =
            &self.request.parameters;
        let samples = self.traits.samples;
        let refused = [
            ("seed", seed.is_some()),
            ("presence_penalty", presence_penalty.is_some()),
            ("frequency_penalty", frequency_penalty.is_some()),
            ("temperature for this model", temperature.is_some() && !samples),
            ("top_p for this model", top_p.is_some() && !samples),
            ("top_k for this model", top_k.is_some() && !samples),
        ];
        match refused.into_iter().find(|(_, refused)| *refused) {
            Some((parameter, _)) => Err(self.vendor.cannot(parameter)),
            None => Ok(()),
        }
    }

    fn tools(&self) -> Option<Value> {
        let tools = render_tools(self.request).into_iter().map(
            |tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}),
        );
        (!self.request.tools.is_empty()).then(|| tools.collect())
    }

    fn tool_choice(&self) -> Result<Option<Value>> {
        let is_idle = self.request.tools.is_empty();
        if self.forces_a_tool() && (is_idle || !self.traits.forces_tools) {
            let what =
                if is_idle { "tool_choice without tools" } else { "tool_choice that forces this model" };
            return Err(self.vendor.cannot(what));
        }
        Ok(match &self.request.tool_choice {
            ToolChoice::None if is_idle => None,
            ToolChoice::Auto => None,
            ToolChoice::None => Some(json!({"type": "none"})),
            ToolChoice::Required => Some(json!({"type": "any"})),
            ToolChoice::Named(name) => Some(json!({"type": "tool", "name": name})),
        })
    }

    fn forces_a_tool(&self) -> bool {
        matches!(self.request.tool_choice, ToolChoice::Required | ToolChoice::Named(_))
    }

    fn thinking(&self) -> Result<Option<Value>> {
        let Some(effort) = self.request.parameters.reasoning else { return Ok(None) };
        match (self.traits.thinking, effort) {
            (Thinking::Effort { least }, ReasoningEffort::Minimal) => {
                Ok(least.map(|least| json!({"type": least})))
            }
            (Thinking::Effort { .. }, _) => Ok(Some(json!({"type": "adaptive", "display": "summarized"}))),
            (Thinking::Budget, effort) => self.budget(effort),
        }
    }

    /// Returns the thinking budget, a share of the answer's tokens, after checking the parameters that exclude a
    /// budget.
    fn budget(&self, effort: ReasoningEffort) -> Result<Option<Value>> {
        let max_tokens = self.max_tokens();
        let share = match effort {
            ReasoningEffort::Minimal => return Ok(None),
            ReasoningEffort::Low => max_tokens / 5,
            ReasoningEffort::Medium => max_tokens / 2,
            ReasoningEffort::High => max_tokens / 5 * 4,
        };
        let budget = share.max(LEAST_BUDGET);
        if budget >= max_tokens {
            return Err(no_room());
        }
        let Parameters { temperature, top_p, top_k, .. } = self.request.parameters;
        let clashes = [
            ("temperature beside reasoning", temperature.is_some_and(|t| (t - 1.0).abs() > f32::EPSILON)),
            ("top_p below 0.95 beside reasoning", top_p.is_some_and(|top_p| top_p < 0.95)),
            ("top_k beside reasoning", top_k.is_some()),
            ("tool_choice that forces beside reasoning", self.forces_a_tool()),
        ];
        match clashes.into_iter().find(|(_, clashes)| *clashes) {
            Some((parameters, _)) => Err(self.vendor.cannot(parameters)),
            None => Ok(Some(json!({"type": "enabled", "budget_tokens": budget}))),
        }
    }

    /// Returns the effort and the format. The wire carries a schema, but neither its name nor JSON without a schema.
    fn output_config(&self) -> Result<Option<Value>> {
        let Parameters { reasoning, format, .. } = &self.request.parameters;
        let mut config = Map::new();
        if let (Some(effort), Thinking::Effort { .. }) = (reasoning, self.traits.thinking) {
            let effort = match effort {
                ReasoningEffort::Minimal | ReasoningEffort::Low => "low",
                ReasoningEffort::Medium => "medium",
                ReasoningEffort::High => "high",
            };
            config.insert("effort".to_owned(), effort.into());
        }
        match format {
            None => {}
            Some(ResponseFormat::Json) => return Err(self.vendor.cannot("format of JSON without a schema")),
            Some(ResponseFormat::JsonSchema { schema, .. }) => {
                config.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
            }
        }
        Ok((!config.is_empty()).then(|| config.into()))
    }
}

fn no_room() -> Error {
    let hint = format!("set `max_tokens` above {LEAST_BUDGET}, or request minimal reasoning");
    ProviderErrorKind::InvalidRequest
        .error("the thinking budget leaves no tokens for the answer")
        .with_hint(hint)
        .with("parameter", "reasoning")
}

#[cfg(test)]
mod tests;
