//! Tool calls assembled from their parts, however a server numbers them.

use nexus_core::Result;
use nexus_core::llm::ToolCall;
use serde::Deserialize;
use serde_json::Value;

use crate::http::Vendor;

/// Part of a tool call, or a complete one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallPart {
    index: Option<i64>,
    id: Option<String>,
    function: Option<FunctionPart>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FunctionPart {
    name: Option<String>,
    /// A string by the specification; some servers send the object itself.
    arguments: Option<Value>,
}

/// Tool calls of one reply.
///
/// OpenAI numbers calls from 0 and sends id and name once. Other servers omit the number, use 0 for every call, start
/// at 1, send id and name apart, repeat them, also as empty texts, or have no ids. So an id takes precedence over a
/// number, and a name starts a call where the previous call has one.
#[derive(Debug)]
pub(super) struct Calls {
    vendor: Vendor,
    open: Vec<Open>,
    /// Number of earlier calls in the conversation, so that generated ids are new to it.
    earlier: usize,
}

#[derive(Debug, Default)]
struct Open {
    index: Option<i64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    pub(super) fn new(vendor: Vendor, earlier: usize) -> Self {
        Self { vendor, open: Vec::new(), earlier }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds the next part.
    pub(super) fn add(&mut self, part: CallPart) {
        let function = part.function.unwrap_or_default();
        let (id, name) = (part.id.unwrap_or_default(), function.name.unwrap_or_default());
        let open = self.place(part.index, &id, &name);
        if open.id.is_empty() {
            open.id = id;
        }
        if open.name.is_empty() {
            open.name = name;
        }
        match function.arguments {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => open.arguments.push_str(&text),
            Some(whole) => open.arguments = whole.to_string(),
        }
    }

    /// Finds or opens the call of a part with this number, id and name.
    fn place(&mut self, index: Option<i64>, id: &str, name: &str) -> &mut Open {
        let by_id = self.open.iter().position(|open| !id.is_empty() && open.id == id);
        let place = by_id.or_else(|| {
            let place = match index {
                Some(_) => self.open.iter().rposition(|open| open.index == index)?,
                None => self.open.len().checked_sub(1)?,
            };
            self.open.get(place).is_some_and(|open| open.takes(id, name)).then_some(place)
        });
        let place = place.unwrap_or_else(|| {
            self.open.push(Open { index, ..Open::default() });
            self.open.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
        &mut self.open[place]
    }

    /// Takes the complete calls.
    ///
    /// # Errors
    /// [`Protocol`](nexus_core::llm::ProviderErrorKind::Protocol) for a call without a name.
    pub(super) fn finish(&mut self) -> Result<Vec<ToolCall>> {
        let open = std::mem::take(&mut self.open);
        (self.earlier..).zip(open).map(|(number, open)| self.close(number, open)).collect()
    }

    fn close(&self, number: usize, open: Open) -> Result<ToolCall> {
        let Open { id, name, arguments, .. } = open;
        if name.is_empty() {
            return Err(self.vendor.protocol("a tool call without a name"));
        }
        let id = if id.is_empty() { format!("call_{number}") } else { id };
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        Ok(ToolCall { id, name, arguments, signature: None })
    }
}

impl Open {
    /// Whether a part with this id and name continues this call.
    fn takes(&self, id: &str, name: &str) -> bool {
        let new_id = !id.is_empty() && !self.id.is_empty();
        let new_name = !name.is_empty() && !self.name.is_empty() && (name != self.name || self.is_whole());
        !new_id && !new_name
    }

    /// Whether the arguments are complete, so that a repeated name starts another call.
    fn is_whole(&self) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(&self.arguments).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(parts: &Value, expected: &[(&str, &str, &str)]) {
        let mut calls = Calls::new(Vendor::new("acme"), 2);
        for part in parts.as_array().unwrap() {
            calls.add(serde_json::from_value(part.clone()).unwrap());
        }
        let calls = calls.finish().unwrap();
        let calls: Vec<_> = calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str()))
            .collect();
        assert_eq!(calls, expected);
    }

    #[test]
    fn parts_go_by_their_number() {
        check(
            &json!([
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
                {"index": 0, "function": {"arguments": "{\"x\""}},
                {"index": 1, "function": {"arguments": "{}"}},
                {"index": 0, "function": {"arguments": ":1}"}},
            ]),
            &[("a", "f", "{\"x\":1}"), ("b", "g", "{}")],
        );
    }

    #[test]
    fn numbers_may_be_missing_all_zero_or_begin_at_one() {
        for numbers in [[None, None], [Some(0), Some(0)], [Some(1), Some(2)]] {
            check(
                &json!([
                    {"index": numbers[0], "id": "a", "function": {"name": "f", "arguments": "{\"x\""}},
                    {"index": numbers[0], "function": {"arguments": ":1}"}},
                    {"index": numbers[1], "id": "b", "function": {"name": "f", "arguments": "{}"}},
                ]),
                &[("a", "f", "{\"x\":1}"), ("b", "f", "{}")],
            );
        }
    }

    #[test]
    fn id_and_name_may_come_apart_and_again() {
        check(
            &json!([
                {"index": 0, "id": "a"},
                {"index": 0, "function": {"name": "f"}},
                {"index": 0, "id": "", "function": {"name": "", "arguments": "{\"x\""}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": ":1}"}},
            ]),
            &[("a", "f", "{\"x\":1}")],
        );
    }

    #[test]
    fn calls_without_ids_get_some_that_are_new_to_the_conversation() {
        check(
            &json!([
                {"index": 0, "function": {"name": "f", "arguments": "{}"}},
                {"index": 0, "function": {"name": "f", "arguments": "{}"}},
                {"function": {"name": "g", "arguments": null}},
            ]),
            &[("call_2", "f", "{}"), ("call_3", "f", "{}"), ("call_4", "g", "{}")],
        );
    }

    #[test]
    fn arguments_are_kept_as_the_model_wrote_them() {
        check(
            &json!([
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{not json"}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": {"x": 1}}},
            ]),
            &[("a", "f", "{not json"), ("b", "g", "{\"x\":1}")],
        );
    }

    #[test]
    fn a_call_of_nothing_is_no_call() {
        let mut calls = Calls::new(Vendor::new("acme"), 0);
        calls.add(CallPart { id: Some("a".to_owned()), ..CallPart::default() });
        assert_eq!(calls.finish().unwrap_err().code(), "PROVIDER_PROTOCOL");
    }
}
