//! Tool calls on wires that lack ids, or carry arguments as objects.

use nexus_core::llm::{Request, Turn};
use serde_json::{Map, Value, json};

/// Returns the number of earlier calls in the conversation, so that an id generated from the next number is new to
/// it.
pub(crate) fn made_earlier(request: &Request) -> usize {
    let calls = request.history.iter().map(|turn| match turn {
        Turn::Called { calls, .. } => calls.len(),
        Turn::Said { .. } | Turn::Returned { .. } => 0,
    });
    calls.sum()
}

/// Returns the arguments of a call as an object, for wires that carry them so.
///
/// Arguments that are not an object are kept under one field, unmodified, so that the model reads its own mistake.
pub(crate) fn arguments(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ if text.trim().is_empty() => Map::new(),
        _ => Map::from_iter([("not_an_object".to_owned(), json!(text))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_no_object_are_kept_as_they_are() {
        let of = |text: &str| Value::Object(arguments(text));
        assert_eq!(of(r#"{"a": [1]}"#), json!({"a": [1]}));
        assert_eq!(of(" "), json!({}));
        assert_eq!(of("[1]"), json!({"not_an_object": "[1]"}));
        assert_eq!(of(r#"{"a": "#), json!({"not_an_object": r#"{"a": "#}));
    }
}
