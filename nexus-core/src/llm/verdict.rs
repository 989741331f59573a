//! Verdict on a reply: [`judge`] is the one rule for replies of every provider, used by runs and by the answer cache.

use serde::{Deserialize, Serialize};

use super::{Abstention, FinishReason, abstention};
use crate::error::{Error, ErrorKind, Result};
use crate::grounding::markers::{citations_in, without_markers};
use crate::grounding::{Citation, Evidence, not_shown};

/// Mark of a text that is no answer: it was written by a model, and nothing proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMark {
    /// The text ends before its end.
    Incomplete,
    /// The text cites no passage.
    Uncited,
}

/// Worth of a complete reply to a question over passages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyVerdict {
    /// The reply is complete and cites a passage that was shown.
    Answered,
    /// The reply says that the passages do not hold the answer.
    Abstained(Abstention),
    /// The vendor suppressed the reply.
    Blocked,
    /// The reply has text, and no end that the vendor calls complete: `max_tokens`, `tool_calls`, or
    /// `finish_unknown:` with the vendor's word.
    Incomplete(String),
    /// The reply is complete and cites no passage.
    Uncited,
}

/// Returns the verdict on a reply whose text is `text` and that ended by `finish`, to a question over `evidence`.
/// `citations` are its citations, already [checked](Citation::check).
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) with `EMPTY_ANSWER` for a blank reply;
/// [`Unexpected`](ErrorKind::Unexpected) with `CITATION_NOT_SHOWN` for one that cites a passage that was not shown.
pub fn judge(
    text: &str,
    citations: &[Citation],
    finish: &FinishReason,
    evidence: &[Evidence],
) -> Result<ReplyVerdict> {
    match finish {
        FinishReason::Abstained(reason) => return Ok(ReplyVerdict::Abstained(*reason)),
        FinishReason::ContentFilter => return Ok(ReplyVerdict::Blocked),
        FinishReason::Complete
        | FinishReason::Length
        | FinishReason::ToolCalls
        | FinishReason::Unknown(_) => {}
    }
    if is_blank(&without_markers(text, &(0..text.len()))) {
        return Err(empty(*finish == FinishReason::Length));
    }
    if !citations_in(text, evidence).dangling.is_empty() {
        return Err(not_shown());
    }
    Ok(match finish {
        FinishReason::Length => ReplyVerdict::Incomplete("max_tokens".to_owned()),
        FinishReason::ToolCalls => ReplyVerdict::Incomplete("tool_calls".to_owned()),
        FinishReason::Unknown(word) => ReplyVerdict::Incomplete(format!("finish_unknown:{word}")),
        FinishReason::Complete | FinishReason::Abstained(_) | FinishReason::ContentFilter => {
            if !citations.is_empty() {
                ReplyVerdict::Answered
            } else if abstention::is_abstention(text) {
                ReplyVerdict::Abstained(Abstention::Model)
            } else {
                ReplyVerdict::Uncited
            }
        }
    })
}

/// Returns whether a text has no word: nothing but blanks, characters without a width, and punctuation.
fn is_blank(text: &str) -> bool {
    let is_unseen =
        |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    text.chars().all(|c| c.is_whitespace() || is_unseen(c) || c.is_ascii_punctuation())
}

/// Returns the error of a blank reply; `is_cut` says whether the token limit ended it.
fn empty(is_cut: bool) -> Error {
    let error = Error::new(ErrorKind::Unavailable, "the model gave an empty reply").with_code("EMPTY_ANSWER");
    if is_cut {
        error.with_hint("its tokens were used up before the text began: raise `llm.max_tokens`")
    } else {
        error.with_hint("ask again, or ask another model")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grounding::tests::evidence;

    #[test]
    fn each_reply_has_its_verdict() {
        let shown = [evidence("Invoices are kept for ten years, as required [12].")];
        let verdict = |text: &str, finish: FinishReason| {
            judge(text, &citations_in(text, &shown).citations, &finish, &shown).map_err(|error| error.code())
        };
        let incomplete = |reason: &str| ReplyVerdict::Incomplete(reason.to_owned());
        let cited = "Ten years [1].";
        for (text, finish, expected) in [
            (cited, FinishReason::Complete, Ok(ReplyVerdict::Answered)),
            (cited, FinishReason::Length, Ok(incomplete("max_tokens"))),
            (cited, FinishReason::ToolCalls, Ok(incomplete("tool_calls"))),
            (cited, FinishReason::unknown("bored\n"), Ok(incomplete("finish_unknown:bored"))),
            ("Ten years.", FinishReason::Complete, Ok(ReplyVerdict::Uncited)),
            ("Ten years [1, 9].", FinishReason::Complete, Err("CITATION_NOT_SHOWN")),
            ("Ten years [9].", FinishReason::Length, Err("CITATION_NOT_SHOWN")),
            ("Ten years, as required [12] [1].", FinishReason::Complete, Ok(ReplyVerdict::Answered)),
            (
                "The passages do not say.",
                FinishReason::Complete,
                Ok(ReplyVerdict::Abstained(Abstention::Model)),
            ),
            ("The passages do not say [1].", FinishReason::Complete, Ok(ReplyVerdict::Answered)),
            ("[1]", FinishReason::Complete, Err("EMPTY_ANSWER")),
            ("\u{200b}\u{200b}", FinishReason::Complete, Err("EMPTY_ANSWER")),
            (" \n\u{a0}", FinishReason::Complete, Err("EMPTY_ANSWER")),
            ("", FinishReason::Length, Err("EMPTY_ANSWER")),
            ("", FinishReason::ContentFilter, Ok(ReplyVerdict::Blocked)),
            (cited, FinishReason::ContentFilter, Ok(ReplyVerdict::Blocked)),
        ] {
            assert_eq!(verdict(text, finish.clone()), expected, "{text:?} {finish:?}");
        }
    }

    #[test]
    fn an_unknown_reason_is_one_short_line() {
        let FinishReason::Unknown(word) = FinishReason::unknown(&format!(" a\nb\u{1b}{}", "x".repeat(90)))
        else {
            panic!("it is unknown")
        };
        assert!(word.starts_with(r"a\nb\u{1b}xxx") && word.len() < 60, "{word}");
    }
}
