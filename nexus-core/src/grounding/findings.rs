//! Findings on a citation: [`missing_values`] compares the values of a claim with the passages that it cites, without a
//! model.
//!
//! A number, date, unit or name of the claim that no cited passage holds is a finding. The comparison rather misses one
//! than accuses falsely: another way to write a value is the same value, and what cannot be compared is passed over.
//!
//! - `numbers`: numbers with their units; `number_words`: numbers in words.
//! - `names`: names. Days of the calendar are read by [`crate::dates`].

mod names;
mod number_words;
mod numbers;

use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::dates;
use crate::language::Language;

/// Finding on a citation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of the finding.
    pub kind: FindingKind,
    /// Value as the claim has it; empty where the kind has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The claim has a value that the cited passages do not hold.
    ValueNotInSource,
    /// The claim shares no word with the cited passage, so the citation quotes nothing.
    NoSharedWords,
}

impl Finding {
    /// Returns the finding of a claim that shares no word with its passage.
    pub(super) fn no_shared_words() -> Self {
        Self { kind: FindingKind::NoSharedWords, value: String::new() }
    }

    /// Returns the sentence for the user.
    pub fn sentence(&self) -> String {
        match self.kind {
            FindingKind::ValueNotInSource => format!("`{}` is not in the source", self.value),
            FindingKind::NoSharedWords => "the claim shares no word with the source".to_owned(),
        }
    }
}

/// Returns the values of `claim` that none of `sources` holds, each once, in their order.
pub(super) fn missing_values(claim: &str, sources: &[&Evidence]) -> Vec<Finding> {
    let texts: Vec<String> = sources.iter().map(|source| whole_text(source)).collect();
    let source = texts.join("\n");
    if source.contains(claim) {
        return Vec::new();
    }
    let dates = dates::dates(claim);
    let mut missing = dates::missing(claim, &dates, &source);
    let date_ranges: Vec<_> = dates.into_iter().map(|date| date.range).collect();
    missing.extend(numbers::missing(claim, &date_ranges, &source));
    if is_comparable(claim, &source) {
        missing.extend(names::missing(claim, &source));
    }
    missing.sort_by_key(|(place, _)| *place);
    let mut findings: Vec<Finding> = Vec::with_capacity(missing.len());
    for (_, value) in missing {
        let finding = Finding { kind: FindingKind::ValueNotInSource, value };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Returns whether `source` holds all dates and numbers of `claim`, however they are written.
pub(crate) fn holds_quantities(claim: &str, source: &str) -> bool {
    let dates = dates::dates(claim);
    let ranges: Vec<_> = dates.iter().map(|date| date.range.clone()).collect();
    dates::missing(claim, &dates, source).is_empty() && numbers::missing(claim, &ranges, source).is_empty()
}

/// Returns the number that `word`, in lower case, names.
pub(crate) fn number_in_words(word: &str) -> Option<u32> {
    number_words::number(word)
}

/// Returns the dates of `text` as year, month and day, each 0 where the text does not say it.
pub(crate) fn partial_dates(text: &str) -> Vec<(u32, u32, u32)> {
    let readings = dates::dates(text).into_iter().filter_map(|date| date.readings.into_iter().next());
    readings.map(|day| (day.year.unwrap_or(0), day.month, day.day.unwrap_or(0))).collect()
}

/// Returns everything that is shown of a passage: its text, its headings and the name of its source.
fn whole_text(evidence: &Evidence) -> String {
    let mut text = evidence.text.clone();
    for heading in evidence.heading_path.iter().chain([&evidence.source_name]) {
        text.push('\n');
        text.push_str(heading);
    }
    text
}

/// Returns whether words of both texts can be compared: they are of one language, as far as it is known.
fn is_comparable(claim: &str, source: &str) -> bool {
    match (Language::detect(claim), Language::detect(source)) {
        (Some(one), Some(other)) => one == other,
        (Some(_) | None, None) | (None, Some(_)) => true,
    }
}

#[cfg(test)]
mod tests;
