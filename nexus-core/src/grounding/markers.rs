//! Citation markers: reads the citations of an answer whose wire carries only text with `[1]` in it.
//!
//! [`citations_in`] finds the claim before each marker and the nearest sentence of the passage. The module does not
//! judge whether the passage supports the claim: [`Citation::score`] is the share of the claim's words in the quote,
//! and nothing more. It compares values: see [`Citation::findings`].

use std::collections::HashSet;
use std::ops::Range;

use super::findings::missing_values;
use super::quotable_units::{Sentence, SentenceKind, sentences};
use super::{Citation, Evidence};
use crate::language::Language;
use crate::retrieve::analysis::analyse;

/// Upper bound on the digits of a marker: `[1999]` is a year.
const MAX_DIGITS: usize = 3;

/// Citations read from the markers of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marked {
    /// One citation per claim and passage, in the order of the markers.
    pub citations: Vec<Citation>,
    /// Byte ranges and numbers of the markers that point at no passage shown. A marker that a passage itself holds, in
    /// the same words, is a quotation and not among them; nor is one in `code`.
    pub dangling: Vec<(Range<usize>, u32)>,
}

/// Reads the markers of `text`, a model's answer to `evidence`.
///
/// `[1]`, `[1, 2]` and `【1】` are markers. One that opens a sentence belongs to the sentence before; code holds none.
pub fn citations_in(text: &str, evidence: &[Evidence]) -> Marked {
    let claims = sentences(text);
    let mut marked = Marked::default();
    let mut seen = HashSet::new();
    // Of each citation: the place of its claim, and its passage.
    let mut cited: Vec<(usize, &Evidence)> = Vec::new();
    for Marker { range, numbers } in markers(text) {
        let Some(place) = claim(text, &claims, &range) else { continue };
        for number in numbers {
            if !seen.insert((place, number)) {
                continue;
            }
            let words =
                claims.get(place).map(|claim| without_markers(text, &claim.range)).unwrap_or_default();
            let shown = evidence.iter().find(|evidence| evidence.number == number);
            match shown.and_then(|shown| Some((shown, nearest(&words, shown)?))) {
                Some((shown, citation)) => {
                    cited.push((place, shown));
                    marked.citations.push(citation);
                }
                None if is_quoted(text, &range, evidence) || is_in_code(text, range.start) => {}
                None => marked.dangling.push((range.clone(), number)),
            }
        }
    }
    for (citation, (place, _)) in marked.citations.iter_mut().zip(&cited) {
        let sources: Vec<&Evidence> =
            cited.iter().filter(|(other, _)| other == place).map(|(_, shown)| *shown).collect();
        citation.findings.extend(missing_values(&citation.claim, &sources));
    }
    marked
}

/// Returns `text` with every marker's number mapped by `renumber`, or `None` when a number has no mapping.
///
/// Serves an answer that is shown beside the same passages under other numbers.
pub fn renumbered(text: &str, renumber: impl Fn(u32) -> Option<u32>) -> Option<String> {
    let claims = sentences(text);
    let (mut written, mut end) = (String::with_capacity(text.len()), 0);
    for Marker { range, numbers } in markers(text) {
        if claim(text, &claims, &range).is_none() {
            continue;
        }
        let others = numbers.iter().map(|number| renumber(*number)).collect::<Option<Vec<u32>>>()?;
        if others == numbers {
            continue;
        }
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        written.extend([text.get(end..range.start)?, "[", &others.join(", "), "]"]);
        end = range.end;
    }
    written.push_str(text.get(end..)?);
    Some(written)
}

/// Returns the index of the sentence around the marker, or of the one before when the marker opens a sentence.
fn claim(text: &str, claims: &[Sentence], marker: &Range<usize>) -> Option<usize> {
    let place = claims.iter().rposition(|claim| claim.range.start <= marker.start)?;
    let claim = claims.get(place)?;
    if claim.kind == SentenceKind::Code {
        return None;
    }
    let before = claim.range.start..marker.start;
    let opens = !without_markers(text, &before).contains(char::is_alphanumeric);
    Some(if opens { place.saturating_sub(1) } else { place })
}

/// Returns a citation of the sentence of `evidence` that shares most words with `claim`, the first of equals. A heading is
/// quoted only where there is nothing else, and nothing is quoted where no sentence shares a word.
fn nearest(claim: &str, evidence: &Evidence) -> Option<Citation> {
    let language = Language::detect(&evidence.text).unwrap_or_default();
    let wanted = terms(claim, language);
    let fit = |sentence: &Sentence| {
        let words = terms(evidence.text.get(sentence.range.clone()).unwrap_or_default(), language);
        let common = as_f32(wanted.intersection(&words).count());
        let covered = common / as_f32(wanted.len().max(1));
        (common / as_f32((wanted.len() * words.len()).max(1)).sqrt(), covered)
    };
    let candidates = sentences(&evidence.text);
    let is_statement = |sentence: &&Sentence| sentence.kind != SentenceKind::Heading;
    let has_statement = candidates.iter().any(|sentence| is_statement(&sentence));
    let scored = candidates
        .iter()
        .filter(|sentence| !has_statement || is_statement(sentence))
        .map(|sentence| (sentence, fit(sentence)))
        .rev();
    match scored.max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0)) {
        Some((best, (fit, covered))) if fit > 0.0 => evidence.cite(claim, best.range.clone(), covered),
        Some(_) | None => evidence.cite_without_quote(claim),
    }
}

/// Returns whether a passage holds the marker at `marker` together with the word before or after it.
fn is_quoted(text: &str, marker: &Range<usize>, evidence: &[Evidence]) -> bool {
    let (before, after) = (text.get(..marker.start), text.get(marker.end..));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let begins = before.trim_end().rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let word = after.trim_start().find(char::is_whitespace).unwrap_or(after.trim_start().len());
    let ends = marker.end + (after.len() - after.trim_start().len()) + word;
    let with_before = text.get(begins..marker.end).filter(|_| !before.trim().is_empty());
    let with_after = text.get(marker.start..ends).filter(|_| after.contains(char::is_alphanumeric));
    let quoted = [with_before, with_after];
    quoted.into_iter().flatten().any(|words| evidence.iter().any(|shown| shown.text.contains(words)))
}

/// Returns whether the byte `at` is between backticks of its line.
fn is_in_code(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    line.matches('`').count() % 2 == 1
}

fn terms(text: &str, language: Language) -> HashSet<String> {
    analyse(text, language).into_iter().map(|token| token.term).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
fn as_f32(count: usize) -> f32 {
    count as f32
}

/// Returns the bytes `range` of `text` without markers and the white space before each.
pub(crate) fn without_markers(text: &str, range: &Range<usize>) -> String {
    let slice = text.get(range.clone()).unwrap_or_default();
    let mut words = String::with_capacity(slice.len());
    let mut end = 0;
    for marker in markers(slice) {
        words.push_str(slice.get(end..marker.range.start).unwrap_or_default().trim_end());
        end = marker.range.end;
    }
    words.push_str(slice.get(end..).unwrap_or_default());
    words.trim().to_owned()
}

struct Marker {
    range: Range<usize>,
    numbers: Vec<u32>,
}

fn markers(text: &str) -> impl Iterator<Item = Marker> + '_ {
    text.match_indices(['[', '【']).filter_map(|(start, open)| {
        let inner = start + open.len();
        let rest = text.get(inner..)?;
        let (length, close) =
            rest.char_indices().find(|(_, c)| matches!(c, ']' | '】' | '[' | '【' | '\n'))?;
        let numbers = numbers(rest.get(..length)?)?;
        matches!(close, ']' | '】')
            .then_some(Marker { range: start..inner + length + close.len_utf8(), numbers })
    })
}

/// Parses `1`, `1, 2` or `1;2`; `None` for anything else.
fn numbers(list: &str) -> Option<Vec<u32>> {
    let number = |part: &str| {
        let part = part.trim();
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= MAX_DIGITS;
        if is_number { part.parse().ok() } else { None }
    };
    list.split([',', ';']).map(number).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grounding::tests::evidence;

    fn shown(texts: &[&str]) -> Vec<Evidence> {
        (1..).zip(texts).map(|(number, text)| Evidence { number, ..evidence(text) }).collect()
    }

    /// Checks the number, claim and quote of each citation, and the dangling numbers.
    #[track_caller]
    fn check(answer: &str, texts: &[&str], citations: &[(u32, &str, &str)], dangling: &[u32]) {
        let shown = shown(texts);
        let marked = citations_in(answer, &shown);
        let found: Vec<_> =
            marked.citations.iter().map(|c| (c.number, c.claim.as_str(), c.quote.as_str())).collect();
        assert_eq!(found, citations);
        assert_eq!(marked.dangling.iter().map(|(_, number)| *number).collect::<Vec<_>>(), dangling);
        assert!(marked.citations.iter().all(|citation| citation.check(&shown).is_ok()));
    }

    const HANDBOOK: [&str; 2] = [
        "Welcome to Acme. Probation lasts six months. It may be extended once.",
        "Lunch is free. Desks are shared on Fridays.",
    ];

    #[test]
    fn a_marker_cites_the_nearest_sentence_of_its_passage() {
        let claim = "New staff are on probation for six months.";
        let answer = "New staff are on probation for six months [1].";
        check(answer, &HANDBOOK, &[(1, claim, "Probation lasts six months.")], &[]);
    }

    #[test]
    fn a_marker_after_the_full_stop_belongs_to_the_sentence_before() {
        check(
            "Probation takes six months. [1] On Fridays desks are shared. [2]",
            &HANDBOOK,
            &[
                (1, "Probation takes six months.", "Probation lasts six months."),
                (2, "On Fridays desks are shared.", "Desks are shared on Fridays."),
            ],
            &[],
        );
    }

    #[test]
    fn several_passages_may_carry_one_claim() {
        let claim = "Lunch is free during probation.";
        check(
            "Lunch is free during probation [1, 2][1].",
            &HANDBOOK,
            &[(1, claim, "Probation lasts six months."), (2, claim, "Lunch is free.")],
            &[],
        );
    }

    #[test]
    fn a_marker_that_points_at_nothing_shown_is_reported() {
        check("Lunch is free [7].", &HANDBOOK, &[], &[7]);
        let marked = citations_in("Lunch is free [7].", &shown(&HANDBOOK));
        assert_eq!(marked.dangling, [(14..17, 7)]);
    }

    #[test]
    fn a_marker_that_a_passage_holds_itself_is_a_quotation() {
        let texts = ["Lunch is free, see [12]. [13] Smith, On lunch."];
        for (answer, dangling) in [
            ("Lunch is free, see [12].", &[][..]),
            ("Free. [13] Smith, On lunch.", &[]),
            ("Take `list[14]` here.", &[]),
            ("Lunch is free [12].", &[12]),
            ("Lunch is free [13].", &[13]),
        ] {
            check(answer, &texts, &[], dangling);
        }
    }

    #[test]
    fn other_brackets_are_text() {
        check("Founded in [2024], see [the list] and [a1] and [1", &HANDBOOK, &[], &[]);
        check("```\nlet first = list[1];\n```", &HANDBOOK, &[], &[]);
    }

    #[test]
    fn a_claim_in_another_script_still_cites_its_passage() {
        let marked = citations_in("試用期間は六か月です【1】。", &shown(&HANDBOOK));
        let citation = marked.citations.first().unwrap();
        assert_eq!((citation.number, citation.score.to_bits()), (1, 0.0_f32.to_bits()));
        assert_eq!((citation.quote.as_str(), citation.findings.len()), ("", 1), "no quote is invented");
    }

    #[test]
    fn a_heading_is_not_quoted_beside_a_statement() {
        let texts = ["# Probation in months\n\nIt lasts six months."];
        let claim = "Probation lasts six months.";
        check("Probation lasts six months [1].", &texts, &[(1, claim, "It lasts six months.")], &[]);
    }

    #[test]
    fn a_value_is_looked_for_in_all_passages_that_its_claim_cites() {
        let found = |answer: &str| {
            let marked = citations_in(answer, &shown(&HANDBOOK));
            let findings = marked.citations.into_iter().flat_map(|citation| citation.findings);
            findings.map(|finding| finding.value).collect::<Vec<_>>()
        };
        assert_eq!(found("Probation lasts 9 months [1]."), ["9 months"]);
        assert_eq!(found("Probation lasts 6 months and desks are shared on Fridays [1][2]."), [""; 0]);
    }

    #[test]
    fn markers_get_other_numbers_and_code_keeps_its_own() {
        let swap =
            |number| [(1, 3), (2, 2), (3, 1)].into_iter().find(|pair| pair.0 == number).map(|pair| pair.1);
        for (text, expected) in [
            ("Paid [1], free 【2】 and new [3][1].", "Paid [3], free 【2】 and new [1][3]."),
            ("Both [1, 2] in [2024] and [1", "Both [3, 2] in [2024] and [1"),
            ("So [1].\n\n```\nlet first = list[1];\n```", "So [3].\n\n```\nlet first = list[1];\n```"),
        ] {
            assert_eq!(renumbered(text, swap).as_deref(), Some(expected));
        }
        assert_eq!(renumbered("Paid [1], unknown [7].", swap), None);
    }

    proptest! {
        #[test]
        fn every_citation_quotes_what_was_shown(answer in "([A-Za-z]{1,8}|[.] |\\[[0-9]\\]|【2】|\\[|\n| ){0,60}") {
            let shown = shown(&HANDBOOK);
            let marked = citations_in(&answer, &shown);
            for citation in marked.citations {
                prop_assert!(citation.check(&shown).is_ok());
            }
            for (range, number) in marked.dangling {
                prop_assert!(number == 0 || number > 2);
                prop_assert!(answer.get(range).is_some());
            }
        }
    }
}
