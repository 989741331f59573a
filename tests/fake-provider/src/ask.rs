//! Conversation without a vendor's field names: [`Ask`], common to all dialects.

use serde_json::Value;

/// Role of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// Tool that may be called.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Request of the client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    /// Upper bound on the tokens of output.
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stream: bool,
    /// JSON schema that the reply must follow; null is any.
    pub(crate) format: Option<Value>,
}

impl Ask {
    /// Returns the characters divided by four, rounded up: the price of the prompt before any cache.
    pub(crate) fn tokens(&self) -> u64 {
        let text: usize = self.turns.iter().map(|turn| turn.text.chars().count()).sum();
        let tools: usize =
            self.tools.iter().map(|tool| tool.name.len() + tool.schema.to_string().chars().count()).sum();
        tokens(text + tools).max(1)
    }

    pub(crate) fn ends_with(&self, role: Role) -> bool {
        self.turns.last().is_some_and(|turn| turn.role == role)
    }
}

/// Converts characters to tokens.
pub(crate) fn tokens(characters: usize) -> u64 {
    characters.div_ceil(4) as u64
}

/// Returns the text of a message's content: a string, or parts of which the texts count.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part_text).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn part_text(part: &Value) -> String {
    match part.get("text").or_else(|| part.get("content")) {
        Some(Value::String(text)) => text.clone(),
        Some(nested @ Value::Array(_)) => text_of(nested),
        Some(_) | None => String::new(),
    }
}

/// Returns a string field of an object; empty when it is absent.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Returns an array field of an object; empty when it is absent.
pub(crate) fn items<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
