//! Thinking blocks carried from one turn to the next: [`Thoughts`] seals them into the signature of the tool call
//! that followed, and [`unseal`] restores them.
//!
//! The vendor requires the blocks back unmodified, readable and redacted ones alike, in the turn with the call,
//! before it continues from the result. Blocks are valid for the model that wrote them only, and newer models reject
//! others, so the seal names the model.

use nexus_core::llm::{CallSignature, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Prefix of Claude's signatures, which keeps them from other vendors and other vendors' signatures from Claude.
const SIGNED: &str = "anthropic:";

/// Content block in the vendor's JSON.
pub(super) type RawBlock = Map<String, Value>;

/// Thinking blocks since the last tool call.
#[derive(Debug)]
pub(super) struct Thoughts {
    model: String,
    /// The blocks; `None` marks the place of text between them.
    blocks: Vec<Option<RawBlock>>,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    model: String,
    blocks: Vec<Option<RawBlock>>,
}

/// Thinking blocks of one tool call.
#[derive(Debug, Default)]
pub(super) struct Unsealed {
    /// Blocks before the text of the call's turn.
    pub(super) before: Vec<Value>,
    /// Blocks between this text and the call.
    pub(super) after: Vec<Value>,
}

impl Thoughts {
    /// Creates an empty list for `model`.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), blocks: Vec::new() }
    }

    /// Adds a complete block, if the vendor signed or redacted it; it accepts no other block back.
    pub(super) fn add(&mut self, block: RawBlock) {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_sealed = match text("type") {
            "thinking" => !text("signature").is_empty(),
            kind => kind == "redacted_thinking",
        };
        if is_sealed {
            self.blocks.push(Some(block));
        }
    }

    /// Marks the place of text.
    pub(super) fn said(&mut self) {
        if !self.blocks.contains(&None) {
            self.blocks.push(None);
        }
    }

    /// Returns the signature of the next call; `None` without blocks.
    pub(super) fn seal(&mut self) -> Option<CallSignature> {
        let blocks = std::mem::take(&mut self.blocks);
        if blocks.iter().all(Option::is_none) {
            return None;
        }
        let seal = serde_json::to_string(&Seal { model: self.model.clone(), blocks }).ok()?;
        Some(CallSignature::new(format!("{SIGNED}{seal}")))
    }
}

/// Returns the blocks sealed in `call`; empty if another model or vendor wrote them.
pub(super) fn unseal(call: &ToolCall, model: &str) -> Unsealed {
    let seal = call.signature.as_ref().and_then(|signature| signature.as_str().strip_prefix(SIGNED));
    let seal = seal.and_then(|seal| serde_json::from_str::<Seal>(seal).ok());
    let Some(Seal { blocks, .. }) = seal.filter(|seal| seal.model == model) else {
        return Unsealed::default();
    };
    let values = |blocks: &[Option<RawBlock>]| blocks.iter().flatten().cloned().map(Value::Object).collect();
    let words = blocks.iter().position(Option::is_none).unwrap_or(blocks.len());
    let (before, after) = blocks.split_at(words);
    Unsealed { before: values(before), after: values(after) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn block(value: Value) -> RawBlock {
        serde_json::from_value(value).unwrap()
    }

    fn thinking(words: &str) -> RawBlock {
        block(json!({"type": "thinking", "thinking": words, "signature": "EqQB", "yet_to_come": [1]}))
    }

    fn call(signature: Option<CallSignature>) -> ToolCall {
        ToolCall { id: "t".to_owned(), name: "clock".to_owned(), arguments: "{}".to_owned(), signature }
    }

    #[test]
    fn blocks_come_back_as_they_were_on_the_side_of_the_words_where_they_were() {
        let mut thoughts = Thoughts::of("claude-x");
        let withheld = block(json!({"type": "redacted_thinking", "data": "EmwK"}));
        thoughts.add(thinking("first"));
        thoughts.said();
        thoughts.add(withheld.clone());
        thoughts.said();
        let call = call(thoughts.seal());
        let Unsealed { before, after } = unseal(&call, "claude-x");
        assert_eq!((before, after), (vec![thinking("first").into()], vec![withheld.into()]));
        assert_eq!(thoughts.seal(), None, "each call has its own");
        assert!(!format!("{call:?}").contains("first"), "{call:?}");
    }

    #[test]
    fn the_thoughts_of_another_model_or_vendor_stay_where_they_are() {
        let mut thoughts = Thoughts::of("claude-x");
        thoughts.add(thinking("first"));
        let own = call(thoughts.seal());
        for (call, model) in [
            (&own, "claude-y"),
            (&call(Some(CallSignature::new("gemini:EqQB"))), "claude-x"),
            (&call(Some(CallSignature::new("anthropic:{"))), "claude-x"),
            (&call(None), "claude-x"),
        ] {
            let Unsealed { before, after } = unseal(call, model);
            assert!(before.is_empty() && after.is_empty(), "{model}");
        }
    }

    #[test]
    fn what_the_vendor_did_not_sign_is_nothing_to_go_back() {
        let mut thoughts = Thoughts::of("claude-x");
        thoughts.add(block(json!({"type": "thinking", "thinking": "unsigned", "signature": ""})));
        thoughts.add(block(json!({"type": "text", "text": "words"})));
        thoughts.said();
        assert_eq!(thoughts.seal(), None);
    }
}
