//! Response of chat completions: unary replies and chunks of a stream.

use nexus_core::Result;
use nexus_core::llm::{Completion, FinishReason};
use serde::Deserialize;
use serde_json::Value;

use super::error::classify;
use super::tool_calls::{CallPart, Calls};
use super::usage::WireUsage;
use crate::http::finish::{Finish, FinishTable, finish_reason};
use crate::http::thoughts::ThoughtSplitter;
use crate::http::{ErrorResponse, Vendor, counts};

/// Chunk of a stream, or unary reply.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireReply {
    /// `null` from some servers, beside usage.
    pub(super) choices: Option<Vec<Choice>>,
    #[serde(deserialize_with = "counts::usage")]
    pub(super) usage: Option<WireUsage>,
    error: Value,
}

/// One answer; a request asks for one only.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    index: Option<i64>,
    /// Content of a chunk.
    pub(super) delta: Option<Words>,
    /// Content of a unary reply.
    message: Option<Words>,
    pub(super) finish_reason: Option<String>,
}

/// Content of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Words {
    pub(super) content: Option<String>,
    /// Text of the model's refusal, in place of an answer.
    pub(super) refusal: Option<String>,
    /// Reasoning, as servers of open models send it.
    reasoning_content: Option<String>,
    /// Reasoning by its newer name; some servers send both.
    reasoning: Option<Value>,
    pub(super) tool_calls: Option<Vec<CallPart>>,
}

impl Words {
    /// Takes the reasoning.
    pub(super) fn thought(&mut self) -> Option<String> {
        let newer = self.reasoning.take().as_ref().and_then(Value::as_str).map(str::to_owned);
        self.reasoning_content.take().or(newer)
    }
}

impl WireReply {
    /// Returns the error of a reply with status 200, if `error` is anything but null, false, 0 or empty.
    pub(super) fn check(&self, vendor: &Vendor) -> Result<()> {
        let is_error = match &self.error {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Bool(true) => true,
            Value::Number(number) => number.as_f64() != Some(0.0),
        };
        if is_error {
            Err(ErrorResponse::in_answer(&self.error).into_error(vendor, classify))
        } else {
            Ok(())
        }
    }

    /// Takes the answer with index 0.
    pub(super) fn choice(&mut self) -> Option<Choice> {
        self.choices.take()?.into_iter().find(|choice| choice.index.unwrap_or(0) == 0)
    }
}

impl Choice {
    /// Returns the finish reason; some servers send empty ones before the end.
    pub(super) fn reason(&self) -> Option<&str> {
        self.finish_reason.as_deref().filter(|reason| !reason.is_empty())
    }
}

/// Finish reasons of OpenAI (`stop`, `length`, `content_filter`, `tool_calls`, `function_call`, in its API reference) and
/// their synonyms on servers with its API, as these document or send them: Hugging Face TGI (`eos_token`,
/// `stop_sequence`), Together (`eos`), Mistral (`model_length`, `error`), DeepSeek (`insufficient_system_resource`), Zhipu
/// (`sensitive`, `network_error`, `model_context_window_exceeded`), vLLM and `SGLang` (`abort`), and gateways that pass on the
/// words of Anthropic (`end_turn`, `max_tokens`, `tool_use`, `refusal`) or Gemini (`safety`, `recitation`, `blocklist`,
/// `prohibited_content`, `spii`) and Cohere (`complete`).
const FINISH: FinishTable = &[
    ("stop", Finish::Complete),
    ("eos", Finish::Complete),
    ("eos_token", Finish::Complete),
    ("stop_sequence", Finish::Complete),
    ("end_turn", Finish::Complete),
    ("complete", Finish::Complete),
    ("length", Finish::Length),
    ("max_tokens", Finish::Length),
    ("max_output_tokens", Finish::Length),
    ("model_length", Finish::Length),
    ("model_context_window_exceeded", Finish::Length),
    ("tool_calls", Finish::Tools),
    ("function_call", Finish::Tools),
    ("tool_use", Finish::Tools),
    ("content_filter", Finish::Filter),
    ("refusal", Finish::Filter),
    ("sensitive", Finish::Filter),
    ("safety", Finish::Filter),
    ("recitation", Finish::Filter),
    ("blocklist", Finish::Filter),
    ("prohibited_content", Finish::Filter),
    ("spii", Finish::Filter),
    ("error", Finish::Failure),
    ("abort", Finish::Failure),
    ("network_error", Finish::Failure),
    ("insufficient_system_resource", Finish::Failure),
];

/// Maps a finish reason.
///
/// # Errors
/// [`Truncated`](nexus_core::llm::ProviderErrorKind::Truncated) for a reason that tells of a failure.
pub(super) fn finish(reason: &str, vendor: &Vendor) -> Result<FinishReason> {
    let failed = || vendor.error_saying(nexus_core::llm::ProviderErrorKind::Truncated, reason);
    finish_reason(FINISH, reason).ok_or_else(failed)
}

/// Adjusts the finish reason: a refusal is the model's own content filter, and tool calls take precedence over any
/// name of the server for completion.
pub(super) fn settle(finish: FinishReason, refused: bool, called: bool) -> FinishReason {
    match finish {
        FinishReason::Complete | FinishReason::Unknown(_) if refused => FinishReason::ContentFilter,
        FinishReason::Complete | FinishReason::Unknown(_) if called => FinishReason::ToolCalls,
        FinishReason::Complete
        | FinishReason::Abstained(_)
        | FinishReason::Length
        | FinishReason::ContentFilter
        | FinishReason::ToolCalls
        | FinishReason::Unknown(_) => finish,
    }
}

/// Reason of a reply without one: nothing says that it is whole.
pub(super) const ABSENT: &str = "absent";

/// Converts a unary reply.
pub(super) fn read(mut wire: WireReply, mut calls: Calls, vendor: &Vendor) -> Result<Completion> {
    wire.check(vendor)?;
    let Some(choice) = wire.choice() else {
        return Err(vendor.protocol("the reply has no choices"));
    };
    let finish = finish(choice.reason().unwrap_or(ABSENT), vendor)?;
    let mut words = choice.message.unwrap_or_default();
    let mut reply = Completion { reasoning: words.thought().unwrap_or_default(), ..Completion::empty() };
    let mut splitter = ThoughtSplitter::default();
    let content = splitter.push(&words.content.take().unwrap_or_default());
    content.into_iter().chain(splitter.finish()).for_each(|piece| reply.add(piece));
    let refusal = words.refusal.unwrap_or_default();
    words.tool_calls.unwrap_or_default().into_iter().for_each(|part| calls.add(part));
    let called = !calls.is_empty();
    Ok(Completion {
        text: reply.text + &refusal,
        reasoning: reply.reasoning,
        tool_calls: calls.finish()?,
        usage: wire.usage.and_then(WireUsage::buckets),
        finish: settle(finish, !refusal.is_empty(), called),
        ..Completion::empty()
    })
}

#[cfg(test)]
mod tests {
    use nexus_core::llm::ProviderErrorKind;
    use serde_json::json;

    use super::*;

    fn reply(body: Value) -> Result<Completion> {
        let vendor = Vendor::new("acme");
        read(serde_json::from_value(body).unwrap(), Calls::new(vendor.clone(), 0), &vendor)
    }

    #[test]
    fn a_reply_without_a_reason_ends_unknown_and_one_without_a_choice_is_refused() {
        let whole =
            reply(json!({"choices": [{"message": {"content": "yes"}, "finish_reason": null}]})).unwrap();
        let finish = FinishReason::unknown(ABSENT);
        assert_eq!((whole.text.as_str(), whole.finish, whole.usage), ("yes", finish, None));
        for none in [json!({}), json!({"choices": []}), json!({"choices": [{"index": 1}]})] {
            assert_eq!(ProviderErrorKind::of(&reply(none).unwrap_err()), Some(ProviderErrorKind::Protocol));
        }
    }

    #[test]
    fn a_refusal_of_the_models_is_its_text_and_no_answer() {
        let refused =
            json!({"choices": [{"message": {"content": null, "refusal": "No."}, "finish_reason": "stop"}]});
        let refused = reply(refused).unwrap();
        assert_eq!((refused.text.as_str(), refused.finish), ("No.", FinishReason::ContentFilter));
    }

    #[test]
    fn an_error_under_status_200_is_an_error() {
        let error = reply(json!({"error": {"message": "no", "code": "insufficient_quota"}})).unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Billing));
    }
}
