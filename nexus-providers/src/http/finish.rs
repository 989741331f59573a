//! Finish reasons: [`Finish`], the meaning of a vendor's word, in tables that each wire has.

use nexus_core::llm::FinishReason;

/// Meaning of a vendor's finish reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The answer is complete.
    Complete,
    /// The token limit was reached.
    Length,
    /// The vendor suppressed the answer.
    Filter,
    /// The model waits for the results of its tool calls.
    Tools,
    /// The vendor failed.
    Failure,
}

/// Table of a wire: words in lower case with `_` between their parts, and their meanings.
pub(crate) type FinishTable = &'static [(&'static str, Finish)];

/// Returns the reason for `word` by `table`, in any spelling; `None` for one that tells of a failure. A word that the
/// table does not hold is [unknown](FinishReason::unknown).
pub(crate) fn finish_reason(table: FinishTable, word: &str) -> Option<FinishReason> {
    let spelled = word.trim().to_lowercase().replace(['-', ' '], "_");
    let spelled = spelled.strip_prefix("finish_reason_").unwrap_or(&spelled);
    match table.iter().find(|(known, _)| *known == spelled).map(|(_, finish)| *finish) {
        Some(Finish::Complete) => Some(FinishReason::Complete),
        Some(Finish::Length) => Some(FinishReason::Length),
        Some(Finish::Filter) => Some(FinishReason::ContentFilter),
        Some(Finish::Tools) => Some(FinishReason::ToolCalls),
        Some(Finish::Failure) => None,
        None => Some(FinishReason::unknown(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_the_same_in_any_spelling() {
        let table: FinishTable = &[("max_tokens", Finish::Length), ("error", Finish::Failure)];
        for word in ["max_tokens", "MAX_TOKENS", "Max-Tokens", " max tokens", "FINISH_REASON_MAX_TOKENS"] {
            assert_eq!(finish_reason(table, word), Some(FinishReason::Length), "{word}");
        }
        assert_eq!(finish_reason(table, "ERROR"), None);
        assert_eq!(finish_reason(table, "Bored"), Some(FinishReason::unknown("Bored")));
    }
}
