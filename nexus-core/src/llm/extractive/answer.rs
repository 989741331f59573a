//! Quotes as events of a streamed answer.

use std::ops::Range;

use super::select::Quote;
use super::{Abstention, CompletionEvent, FinishReason, Request};
use crate::document::chunk::{EstimatedTokens, TokenCounter};
use crate::grounding::Evidence;
use crate::usage::Usage;

/// Returns the events of an abstention.
pub(super) fn abstain(request: &Request, why: Abstention) -> Vec<CompletionEvent> {
    vec![CompletionEvent::Usage(usage(request, 0)), CompletionEvent::Finish(FinishReason::Abstained(why))]
}

/// Returns the events of an answer that says `quotes`, up to the request's token limit.
pub(super) fn quote(request: &Request, quotes: &[Quote]) -> Vec<CompletionEvent> {
    let mut pieces = Vec::with_capacity(quotes.len() * 2 + 2);
    let (mut tokens, mut finish, mut before) = (0, FinishReason::Complete, None);
    for quote in quotes {
        let Some(evidence) = request.evidence.get(quote.passage) else { continue };
        let header = quote.header.clone().filter(|_| !shares_header(before, quote));
        let Some(text) = text(evidence, quote, header.as_ref(), before) else { continue };
        tokens += EstimatedTokens.count(&text);
        if request.max_tokens.is_some_and(|most| tokens > most as usize) {
            finish = FinishReason::Length;
            break;
        }
        pieces.push(CompletionEvent::Text(text));
        pieces.extend(header.and_then(|range| cite(evidence, range, quote.score)));
        pieces.extend(cite(evidence, quote.range.clone(), quote.score));
        before = Some(quote);
    }
    pieces.extend([CompletionEvent::Usage(usage(request, tokens)), CompletionEvent::Finish(finish)]);
    pieces
}

fn shares_header(before: Option<&Quote>, quote: &Quote) -> bool {
    before.is_some_and(|before| before.passage == quote.passage && before.header == quote.header)
}

/// Returns the words of a quote, between the separator before it and the marker after it.
fn text(
    evidence: &Evidence,
    quote: &Quote,
    header: Option<&Range<usize>>,
    before: Option<&Quote>,
) -> Option<String> {
    let separator = match before {
        None => "",
        Some(before) if before.own_line || quote.own_line => "\n",
        Some(_) => " ",
    };
    let words = evidence.text.get(quote.range.clone())?;
    let number = evidence.number;
    Some(match header.and_then(|range| evidence.text.get(range.clone())) {
        Some(header) => format!("{separator}{header}\n{words} [{number}]"),
        None => format!("{separator}{words} [{number}]"),
    })
}

fn cite(evidence: &Evidence, range: Range<usize>, score: f32) -> Option<CompletionEvent> {
    let words = evidence.text.get(range.clone())?;
    evidence.cite(words, range, score).map(CompletionEvent::Citation)
}

/// Returns the estimated tokens read and written: no model was called, and the price is zero.
fn usage(request: &Request, said: usize) -> Usage {
    let evidence = request.evidence.iter().map(|evidence| evidence.text.as_str());
    let read: usize =
        evidence.chain([request.question.as_str()]).map(|text| EstimatedTokens.count(text)).sum();
    let tokens = |count| u64::try_from(count).unwrap_or(u64::MAX);
    Usage { input_uncached: tokens(read), output_text: tokens(said), ..Usage::default() }
}
