//! Calls of tools on wires that leave out what the port has: ids, and arguments as the model wrote them.

use nexus_core::llm::{Request, Turn};
use serde_json::{Map, Value, json};

/// How many calls were made earlier in the conversation, so that an id made from the next number is new to it.
pub(crate) fn made_earlier(request: &Request) -> usize {
    let calls = request.history.iter().map(|turn| match turn {
        Turn::Called { calls, .. } => calls.len(),
        Turn::Said { .. } | Turn::Returned { .. } => 0,
    });
    calls.sum()
}

/// The arguments of a call as an object, for wires that carry them so.
///
/// A model may have written anything. What is no object is kept under one field, as it is: the model reads its own
/// mistake, and nothing is made up in its place.
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
