//! How much a request can consume at most, before it is sent: [`max_input_tokens`].
//!
//! A token of any vendor's vocabulary stands for at least one byte of what it was made from, so bytes bound tokens from
//! above. Estimates by characters are for people and never decide.

use crate::llm::prompt::{render, render_tools};
use crate::llm::{CallSignature, Completion, Request};
use crate::price::Rates;
use crate::usage::Usage;

/// What a vendor's chat template may add around a message.
const PER_MESSAGE: u64 = 32;
/// What it may add once.
const PER_REQUEST: u64 = 128;

/// The most tokens that the prompt of `request` can be billed as.
pub(super) fn max_input_tokens(request: &Request) -> u64 {
    let text = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let messages = render(request);
    let mut bound = PER_REQUEST;
    for message in &messages {
        bound = bound.saturating_add(PER_MESSAGE).saturating_add(text(&message.content));
        for call in &message.calls {
            let signature = call.signature.as_ref().map_or("", CallSignature::as_str);
            let parts = [&call.id, &call.name, &call.arguments].map(|part| text(part));
            let call = parts.into_iter().fold(text(signature), u64::saturating_add);
            bound = bound.saturating_add(PER_MESSAGE).saturating_add(call);
        }
    }
    for tool in render_tools(request) {
        let schema = text(&tool.parameters.to_string());
        let tool = text(&tool.name).saturating_add(text(&tool.description)).saturating_add(schema);
        // Vendors rewrite schemas in languages of their own, which can be longer.
        bound = bound.saturating_add(PER_MESSAGE).saturating_add(tool.saturating_mul(2));
    }
    let format = request.parameters.format.as_ref().and_then(|format| serde_json::to_string(format).ok());
    bound.saturating_add(format.map_or(0, |format| text(&format).saturating_mul(2)))
}

/// The most tokens of an answer that `reply` can be billed as. Text and thoughts are bounded by their bytes, and both together
/// by `most`, which the vendor was told; the dearer of the two comes first.
pub(super) fn output_bound(reply: &Completion, most: u64, rates: &Rates) -> Usage {
    let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let calls = reply
        .tool_calls
        .iter()
        .map(|call| bytes(call.name.len()).saturating_add(bytes(call.arguments.len())));
    let (text, thoughts) =
        (calls.fold(bytes(reply.text.len()), u64::saturating_add), bytes(reply.reasoning.len()));
    let (output_text, output_reasoning) = if rates.reasoning.is_none_or(|rate| rate >= rates.output) {
        let thoughts = thoughts.min(most);
        (text.min(most.saturating_sub(thoughts)), thoughts)
    } else {
        let text = text.min(most);
        (text, thoughts.min(most.saturating_sub(text)))
    };
    Usage { output_text, output_reasoning, ..Usage::default() }
}

/// The most tokens that `texts` can be billed as when they are embedded.
pub(super) fn max_text_tokens(texts: &[String]) -> u64 {
    let text = |text: &String| u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(PER_MESSAGE);
    texts.iter().map(text).fold(PER_REQUEST, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::ToolCall;
    use crate::price::PriceRow;

    #[test]
    fn every_byte_of_every_text_counts() {
        let bound =
            |texts: &[&str]| max_text_tokens(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(bound(&["a", "é"]), bound(&["abc"]) + PER_MESSAGE);
    }

    proptest::proptest! {
        /// Whatever an answer holds, and whichever of its tokens are dearer, what is estimated is within the worst case.
        #[test]
        fn an_answers_bound_is_within_its_worst_case(
            text in ".{0,60}", thoughts in ".{0,60}", arguments in ".{0,20}",
            most in 0_u64..80, input in 0_u64..500, output in 0_u64..90, reasoning in proptest::option::of(0_u64..90),
        ) {
            let tool = ToolCall {
                id: "1".to_owned(), name: "clock".to_owned(), arguments, signature: None,
            };
            let reply = Completion { text, reasoning: thoughts, tool_calls: vec![tool], ..Completion::empty() };
            let rates = Rates { input: 7, output, reasoning, ..Rates::default() };
            let usage = Usage { input_uncached: input, ..output_bound(&reply, most, &rates) };
            let row = PriceRow { rates, ..PriceRow::free("p", "m") };
            proptest::prop_assert!(usage.output().unwrap() <= most);
            proptest::prop_assert!(row.cost(&usage).unwrap() <= row.worst_case(input, most).unwrap());
        }
    }

    #[test]
    fn every_byte_counts() {
        let short = max_input_tokens(&Request::asking("a"));
        assert_eq!(max_input_tokens(&Request::asking("a".repeat(1_001))), short + 1_000);
        assert_eq!(max_input_tokens(&Request::asking("é")), short + 1);
        let told = Request { instructions: "be brief".to_owned(), ..Request::asking("a") };
        assert_eq!(max_input_tokens(&told), short + 8 + PER_MESSAGE);
    }
}
