//! Grounding: the passages shown to a model ([`Evidence`]) and the [`Citation`]s that point at them.

mod findings;
pub mod markers;
pub mod quotable_units;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::document::PassageKey;
use crate::error::{Error, ErrorKind, Result};
use crate::id::DocumentId;
use crate::retrieve::Hit;

pub use findings::{Finding, FindingKind};
pub(crate) use findings::{holds_quantities, number_in_words, partial_dates};

/// Passage as shown to a model. Always data, never instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Citation number in the answer, from 1.
    pub number: u32,
    /// Key of the passage.
    pub passage: PassageKey,
    /// Display name of the document.
    pub source_name: String,
    /// Page on which the passage begins, where the format has pages.
    pub page: Option<u32>,
    /// Headings above the passage, outermost first.
    pub heading_path: Vec<String>,
    /// Text of the passage.
    pub text: String,
    /// Byte range in the document's text.
    pub span: Range<u64>,
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
    /// Fused score of the search hit.
    pub score: f32,
}

impl Evidence {
    /// Turns the hits of a search into evidence, numbered from 1 in their order.
    pub fn number(hits: Vec<Hit>) -> Vec<Self> {
        (1..)
            .zip(hits)
            .map(|(number, hit)| Self {
                number,
                passage: hit.passage.key,
                source_name: hit.source_name,
                page: hit.passage.page,
                heading_path: hit.passage.heading_path,
                text: hit.passage.text,
                span: hit.passage.span,
                hash: hit.passage.hash,
                score: hit.score,
            })
            .collect()
    }

    /// Cites the bytes `range` of this passage's text for `claim`; `None` when the range is no slice of the text.
    pub fn cite(&self, claim: impl Into<String>, range: Range<usize>, score: f32) -> Option<Citation> {
        let quote = self.text.get(range.clone())?.to_owned();
        let start = self.span.start.checked_add(u64::try_from(range.start).ok()?)?;
        let end = self.span.start.checked_add(u64::try_from(range.end).ok()?)?;
        Some(Citation {
            number: self.number,
            claim: claim.into(),
            source_id: self.passage.document.clone(),
            source_name: self.source_name.clone(),
            passage: self.passage.clone(),
            page: self.page,
            quote,
            span: start..end,
            score,
            findings: Vec::new(),
        })
    }

    /// Cites this passage for `claim` without a quote: the claim shares no word with it.
    fn cite_without_quote(&self, claim: impl Into<String>) -> Option<Citation> {
        let citation = self.cite(claim, 0..0, 0.0)?;
        Some(Citation { findings: vec![Finding::no_shared_words()], ..citation })
    }
}

/// Claim of an answer and the quote that supports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// Number of the evidence, as `[1]` in the answer.
    pub number: u32,
    /// Words of the answer that rest on the quote.
    pub claim: String,
    /// Document of the source.
    pub source_id: DocumentId,
    /// Display name of the document.
    pub source_name: String,
    /// Passage within the document.
    pub passage: PassageKey,
    /// Page, where the format has pages.
    pub page: Option<u32>,
    /// Quoted words; empty where the claim shares no word with the passage, which is a finding then.
    pub quote: String,
    /// Byte range of the quote in the document's text.
    pub span: Range<u64>,
    /// Score of the quote, on the scale of the component that cited it.
    pub score: f32,
    /// Findings of the comparison of the claim with the passages that it cites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Citation {
    /// Checks that the citation points at evidence that was shown, and quotes it verbatim.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) with `CITATION_NOT_SHOWN` or `CITATION_NOT_A_QUOTE`.
    pub fn check(&self, shown: &[Evidence]) -> Result<()> {
        let evidence = shown
            .iter()
            .find(|evidence| evidence.number == self.number && evidence.passage == self.passage)
            .ok_or_else(not_shown)?;
        let quoted = self.quoted_range(evidence).and_then(|range| evidence.text.get(range));
        if quoted == Some(self.quote.as_str()) && (!self.quote.trim().is_empty() || self.is_unquoted()) {
            Ok(())
        } else {
            Err(refused("the answer quotes words that the passage does not hold", "CITATION_NOT_A_QUOTE"))
        }
    }

    /// Returns whether the citation quotes nothing and says so.
    fn is_unquoted(&self) -> bool {
        self.quote.is_empty()
            && self.findings.iter().any(|finding| finding.kind == FindingKind::NoSharedWords)
    }

    fn quoted_range(&self, evidence: &Evidence) -> Option<Range<usize>> {
        let start = self.span.start.checked_sub(evidence.span.start)?;
        let end = self.span.end.checked_sub(evidence.span.start)?;
        Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

/// Returns the error of an answer that cites a passage that was not shown.
pub(crate) fn not_shown() -> Error {
    refused("the answer cites a passage that was not shown", "CITATION_NOT_SHOWN")
}

fn refused(message: &'static str, code: &'static str) -> Error {
    Error::new(ErrorKind::Unexpected, message).with_code(code)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns evidence number 1 with `text`.
    pub(crate) fn evidence(text: &str) -> Evidence {
        Evidence {
            number: 1,
            passage: PassageKey { document: DocumentId::parse("d").unwrap(), version: 1, index: 0 },
            source_name: "source.md".to_owned(),
            page: None,
            heading_path: Vec::new(),
            text: text.to_owned(),
            span: 100..100 + text.len() as u64,
            hash: String::new(),
            score: 1.0,
        }
    }

    #[test]
    fn a_citation_of_shown_words_is_accepted() {
        let evidence = evidence("Probation lasts six months.");
        let citation = evidence.cite("six months", 16..26, 1.0).unwrap();
        assert_eq!((citation.quote.as_str(), citation.span.clone()), ("six months", 116..126));
        assert!(citation.check(&[evidence]).is_ok());
    }

    #[test]
    fn a_citation_of_a_passage_that_was_not_shown_is_refused() {
        let citation = evidence("Probation lasts six months.").cite("six", 16..19, 1.0).unwrap();
        let other = Evidence { number: 2, ..evidence("Probation lasts six months.") };
        assert_eq!(citation.check(&[other]).unwrap_err().code(), "CITATION_NOT_SHOWN");
    }

    #[test]
    fn a_quote_that_differs_in_a_letter_is_refused() {
        let evidence = evidence("Probation lasts six months.");
        let citation = Citation { quote: "ten".to_owned(), ..evidence.cite("six", 16..19, 1.0).unwrap() };
        assert_eq!(citation.check(&[evidence]).unwrap_err().code(), "CITATION_NOT_A_QUOTE");
    }

    #[test]
    fn a_citation_without_a_quote_says_why() {
        let evidence = evidence("Probation lasts six months.");
        let citation = evidence.cite_without_quote("試用期間").unwrap();
        assert!(citation.check(std::slice::from_ref(&evidence)).is_ok());
        let silent = Citation { findings: Vec::new(), ..citation };
        assert_eq!(silent.check(&[evidence]).unwrap_err().code(), "CITATION_NOT_A_QUOTE");
    }

    #[test]
    fn a_stored_citation_without_findings_has_none() {
        let citation = evidence("Probation lasts six months.").cite("six", 16..19, 1.0).unwrap();
        let stored = serde_json::to_value(&citation).unwrap();
        assert!(stored.get("findings").is_none());
        assert_eq!(serde_json::from_value::<Citation>(stored).unwrap(), citation);
    }

    #[test]
    fn bytes_that_are_no_slice_cannot_be_cited() {
        let evidence = evidence("é");
        assert!(evidence.cite("", 0..1, 1.0).is_none() && evidence.cite("", 0..9, 1.0).is_none());
    }
}
