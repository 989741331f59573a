//! A conversation as every dialect means it: [`Ask`], without a vendor's field names.

use serde_json::Value;

/// Who speaks.
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

/// A tool that may be called.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    /// The most tokens of output.
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stream: bool,
    /// The reply must be JSON of this schema; null is any.
    pub(crate) format: Option<Value>,
}

impl Ask {
    /// Characters by four, rounded up: the price of the prompt before any cache.
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

/// How many tokens so many characters are.
pub(crate) fn tokens(characters: usize) -> u64 {
    characters.div_ceil(4) as u64
}

/// The text of a message's content: a string, or parts of which the texts count.
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

/// A string field of an object; empty when it is not there.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// An array field of an object; empty when it is not there.
pub(crate) fn items<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
