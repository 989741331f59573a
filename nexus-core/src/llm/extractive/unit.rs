//! Candidate answers: each sentence of a passage with what stands around it.
//!
//! A row has the names of its columns, an item the line that leads in, a sentence the headings above it; a sentence that
//! leans on the one before it, by a pronoun or a word of the question at its beginning, has that one too.

use std::ops::Range;

use super::lexicon;
use super::named;
use super::question::{Question, Terms};
use super::repetition;
use crate::grounding::Evidence;
use crate::grounding::quotable_units::{Sentence, SentenceKind, sentences};
use crate::language::Language;
use crate::retrieve::analysis::{Token, is_function_word, words};

/// Upper bound on the sentences that one leans on.
const MAX_LEANING: usize = 3;
/// Words of a sentence within which its subject is expected.
const SUBJECT_WORDS: usize = 12;

/// Candidate.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Index of the evidence.
    pub(super) passage: usize,
    /// Index of the sentence within it.
    pub(super) place: usize,
    /// Byte range and kind.
    pub(super) sentence: Sentence,
    /// Question's terms in the sentence.
    pub(super) own: Terms,
    /// Question's terms of which the sentence holds a synonym or a related word.
    pub(super) related: Terms,
    /// Question's terms in the headings, the names of the columns and the document's name.
    pub(super) context: Terms,
    /// Question's terms in the sentences that it leans on.
    pub(super) before: Terms,
    /// Question's terms anywhere in the passage.
    pub(super) passage_terms: Terms,
    /// Places of the sentences that it leans on, the nearest first.
    pub(super) leans_on: Vec<usize>,
    /// Place of the line that leads it in, for an item.
    pub(super) led_by: Option<usize>,
    /// Whether the sentence before it is the question itself.
    pub(super) follows_question: bool,
    /// Whether it states something: headings and questions do not.
    pub(super) is_statement: bool,
    /// Number of words beside those of the question.
    pub(super) news: usize,
    /// Share of the question's neighbouring terms that are neighbours in the sentence.
    pub(super) adjacency: f32,
    /// Number of content words before the question's first term.
    pub(super) first: usize,
}

/// Returns the language of a passage; of one too short to tell, that of the question, else English.
pub(super) fn language(asked: Option<Language>, evidence: &Evidence) -> Language {
    let text = &evidence.text;
    let sample = text.get(..text.floor_char_boundary(SAMPLE_BYTES)).unwrap_or(text);
    Language::detect(sample).or(asked).unwrap_or_default()
}

/// Bytes of a passage that language detection reads.
const SAMPLE_BYTES: usize = 512;

/// Returns the candidates of the passage at index `passage`.
pub(super) fn units(passage: usize, evidence: &Evidence, question: &Question) -> Vec<Unit> {
    let mut tokens = words(&evidence.text, question.language).into_iter().peekable();
    let document = document_terms(evidence, question);
    let mut units: Vec<Unit> = Vec::new();
    for (place, sentence) in sentences(&evidence.text).into_iter().enumerate() {
        let mut own = Vec::new();
        while let Some(token) = tokens.next_if(|token| token.span.start < sentence.range.end) {
            if token.span.start >= sentence.range.start {
                own.push(token);
            }
        }
        units.push(unit(passage, place, sentence, &own, evidence, question));
    }
    for place in 0..units.len() {
        let items = items(evidence, &units, place);
        if let Some(lead) = units.get_mut(place).filter(|_| !items.is_empty()) {
            lead.news += items.len();
            lead.is_statement = true;
        }
        for item in units.get_mut(items).unwrap_or_default() {
            item.led_by = Some(place);
            item.is_statement = true;
        }
    }
    let everything = units.iter().fold(document, |terms, unit| terms | unit.own | unit.related);
    let (mut heading, mut columns): (Terms, (Option<Range<usize>>, Terms)) = (0, (None, 0));
    for place in 0..units.len() {
        let leans_on = leans_on(evidence, &units, place, question);
        let before = leans_on
            .iter()
            .filter_map(|place| units.get(*place))
            .fold(0, |terms, unit| terms | unit.own | unit.related);
        let asked = place
            .checked_sub(1)
            .and_then(|before| units.get(before))
            .filter(|before| repetition::asks(text(evidence, before)));
        let (asked_terms, follows) = asked.map_or((0, false), |before| {
            (before.own | before.related, repetition::is_question(text(evidence, before), &question.words))
        });
        let Some(unit) = units.get_mut(place) else { break };
        if unit.sentence.kind == SentenceKind::Heading && !unit.is_statement {
            heading = unit.own | unit.related;
        }
        let header = unit.sentence.header();
        if columns.0 != header {
            let text = header.clone().and_then(|range| evidence.text.get(range)).unwrap_or_default();
            columns = (header, terms_of(text, question));
        }
        unit.context = document | heading | columns.1 | asked_terms;
        unit.before = before;
        unit.leans_on = leans_on;
        unit.passage_terms = everything;
        unit.follows_question = follows;
        if follows {
            unit.own |= asked_terms;
        }
    }
    units
}

fn unit(
    passage: usize,
    place: usize,
    sentence: Sentence,
    tokens: &[Token],
    evidence: &Evidence,
    question: &Question,
) -> Unit {
    let (mut own, mut related, mut news, mut first) = (0, 0, 0, usize::MAX);
    let mut places = Vec::new();
    let mut content = 0;
    for token in tokens {
        if let Some((term, is_same)) = question.term(&token.term) {
            first = first.min(content);
            places.push((term, token.position));
            if is_same { own |= 1 << term } else { related |= 1 << term }
        } else {
            let word = evidence.text.get(token.span.clone()).unwrap_or_default().to_lowercase();
            news += usize::from(!question.words.contains(&word));
            content += usize::from(first == usize::MAX && !is_function_word(&word, question.language));
        }
    }
    let text = evidence.text.get(sentence.range.clone()).unwrap_or_default();
    let asks = repetition::asks(text) || repetition::prints(text, &sentence.kind, &question.words);
    let is_title = evidence.heading_path.iter().any(|heading| heading == text);
    let is_statement = !asks && !is_title && sentence.kind != SentenceKind::Heading && !tokens.is_empty();
    Unit {
        passage,
        place,
        own,
        related: related & !own,
        context: 0,
        before: 0,
        passage_terms: 0,
        leans_on: Vec::new(),
        led_by: None,
        follows_question: false,
        is_statement,
        news,
        adjacency: adjacency(question, &places),
        first,
        sentence,
    }
}

/// Returns the share of the pairs of neighbouring terms of the question that are near each other, in `places`.
fn adjacency(question: &Question, places: &[(usize, u32)]) -> f32 {
    let pairs = question.terms.len().saturating_sub(1);
    let is_near = |one: usize| {
        places
            .iter()
            .filter(|(term, _)| *term == one)
            .any(|(_, at)| places.iter().any(|(term, other)| *term == one + 1 && at.abs_diff(*other) <= 2))
    };
    let near = (0..pairs).filter(|one| is_near(*one)).count();
    if pairs == 0 { 0.0 } else { as_f32(near) / as_f32(pairs) }
}

/// Returns the places of the sentences that the one at `place` leans on, the nearest first.
fn leans_on(evidence: &Evidence, units: &[Unit], place: usize, question: &Question) -> Vec<usize> {
    let Some(unit) = units.get(place) else { return Vec::new() };
    if let (SentenceKind::Heading, Some(lead)) = (&unit.sentence.kind, unit.led_by) {
        return vec![lead];
    }
    let is_item = unit.sentence.kind == SentenceKind::Item;
    if is_item {
        return lead_in(evidence, units, place);
    }
    if unit.sentence.kind != SentenceKind::Prose {
        return lead_in_of_rows(evidence, units, place);
    }
    let mut found = Vec::new();
    let mut at = place;
    while found.len() < MAX_LEANING && at > 0 {
        let leans = units.get(at).is_some_and(|unit| leans(evidence, unit, question, found.is_empty()));
        let Some(before) = units.get(at - 1).filter(|_| leans) else { break };
        let is_sentence =
            before.sentence.kind == SentenceKind::Prose && text(evidence, before).ends_with(is_end);
        if !is_sentence || !before.is_statement {
            break;
        }
        found.push(at - 1);
        at -= 1;
    }
    found
}

/// Returns whether `c` ends a sentence, or a quotation in it.
fn is_end(c: char) -> bool {
    !c.is_alphanumeric()
}

/// Returns the places of the sentences that are quoted in front of `unit`, in their order: those that it points back at,
/// the line that leads it in, and those that say words of the question that are not said in it or above it, with no
/// modifier that the question excludes.
pub(super) fn leads(evidence: &Evidence, units: &[Unit], unit: &Unit, question: &Question) -> Vec<usize> {
    let points_back = lexicon::points_back(text(evidence, unit), question.language);
    let is_excluded = |lead: &Unit| {
        let said = lexicon::modifiers(&lexicon::plain_words(text(evidence, lead)));
        said.iter().any(|said| question.modifiers.iter().any(|asked| asked.is_excluded_by(*said)))
    };
    let said = unit.own | unit.related | unit.context;
    let is_needed = |lead: &Unit| {
        let is_lead_in = unit.sentence.kind != SentenceKind::Prose
            && (lead.sentence.kind == SentenceKind::Prose || is_lead_in(evidence, lead));
        points_back || is_lead_in || ((lead.own | lead.related) & !said != 0 && !is_excluded(lead))
    };
    let mut places: Vec<usize> =
        unit.leans_on.iter().copied().filter(|place| units.get(*place).is_some_and(is_needed)).collect();
    places.sort_unstable();
    places
}

/// Returns whether a sentence leans on the one before it: it begins with a pronoun or, if `by_term`, with a word of the
/// question.
fn leans(evidence: &Evidence, unit: &Unit, question: &Question, by_term: bool) -> bool {
    let text = text(evidence, unit);
    lexicon::points_back(text, question.language)
        || (by_term && unit.first == 0 && !has_foreign_subject(text, question, ""))
}

/// Returns whether a sentence begins, by no pronoun, with a name that neither the question nor `known`, its headings, holds.
pub(super) fn has_foreign_subject(sentence: &str, question: &Question, known: &str) -> bool {
    if lexicon::points_back(sentence, question.language) {
        return false;
    }
    let words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> =
        words.take(SUBJECT_WORDS).take_while(|word| !lexicon::is_auxiliary(&word.to_lowercase())).collect();
    let is_capital = |word: &str| word.starts_with(char::is_uppercase) && word.chars().nth(1).is_some();
    words.iter().enumerate().any(|(at, word)| {
        let lower = word.to_lowercase();
        let is_name = if question.language == Language::German {
            named::is_german_name(&words, at)
        } else {
            is_capital(word)
                && (at > 0
                    || words.get(1).is_some_and(|next| {
                        is_capital(next) && next.chars().nth(1).is_some_and(char::is_lowercase)
                    }))
        };
        is_name
            && !question.words.contains(&lower)
            && !lexicon::is_calendar(&lower)
            && !known.contains(&lower)
    })
}

/// Returns the place of the line that leads in the items around the one at `place`: it ends with a colon, or stands
/// right before them.
fn lead_in(evidence: &Evidence, units: &[Unit], place: usize) -> Vec<usize> {
    let is_item = |at: &usize| units.get(*at).is_some_and(|unit| unit.sentence.kind == SentenceKind::Item);
    let is_pair = |at: usize| units.get(at).is_some_and(|unit| text(evidence, unit).contains(':'));
    let first = (0..place).rev().take_while(is_item).last().unwrap_or(place);
    let before = first.checked_sub(1).filter(|at| {
        units.get(*at).is_some_and(|unit| {
            unit.is_statement && (unit.sentence.kind == SentenceKind::Prose || is_lead_in(evidence, unit))
        })
    });
    let siblings = (first..place)
        .rev()
        .filter(|at| is_pair(place) && is_pair(*at) && !is_apart(evidence, units, *at, place));
    siblings.chain(before).collect()
}

/// Returns whether a unit leads in what follows it: it ends with a colon.
fn is_lead_in(evidence: &Evidence, unit: &Unit) -> bool {
    matches!(unit.sentence.kind, SentenceKind::Prose | SentenceKind::Heading)
        && text(evidence, unit).ends_with([':', '：'])
}

/// Returns the places of the items that the unit at `place` leads in.
pub(super) fn items(evidence: &Evidence, units: &[Unit], place: usize) -> std::ops::Range<usize> {
    let leads = units.get(place).is_some_and(|unit| is_lead_in(evidence, unit));
    let rest = units.get(place + 1..).unwrap_or_default();
    let count = rest.iter().take_while(|unit| leads && is_item(evidence, unit)).count();
    place + 1..place + 1 + count
}

/// Returns the places of the sentences that list what the one at `place` names, as "these include" does.
pub(super) fn enumeration(
    evidence: &Evidence,
    units: &[Unit],
    place: usize,
    language: Language,
) -> std::ops::Range<usize> {
    let next = units.get(place + 1).filter(|next| {
        next.sentence.kind == SentenceKind::Prose && lexicon::enumerates(text(evidence, next), language)
    });
    place + 1..place + 1 + usize::from(next.is_some())
}

/// Returns whether a unit after a lead-in is one of its items: a list item, or a short line of its own that no mark makes
/// a heading.
fn is_item(evidence: &Evidence, unit: &Unit) -> bool {
    let before = evidence.text.get(..unit.sentence.range.start).unwrap_or_default();
    let is_line = unit.sentence.kind == SentenceKind::Heading
        && !before.trim_end().ends_with('#')
        && !is_lead_in(evidence, unit);
    unit.sentence.kind == SentenceKind::Item || is_line
}

/// Returns whether a blank line stands between two units.
fn is_apart(evidence: &Evidence, units: &[Unit], one: usize, other: usize) -> bool {
    let (Some(one), Some(other)) = (units.get(one), units.get(other)) else { return true };
    evidence
        .text
        .get(one.sentence.range.end..other.sentence.range.start)
        .is_some_and(|gap| gap.contains("\n\n"))
}

fn lead_in_of_rows(evidence: &Evidence, units: &[Unit], place: usize) -> Vec<usize> {
    let is_row = |at: &usize| {
        units.get(*at).is_some_and(|unit| matches!(unit.sentence.kind, SentenceKind::Row { .. }))
    };
    if !is_row(&place) {
        return Vec::new();
    }
    let first = (0..place).rev().take_while(is_row).last().unwrap_or(place);
    let before =
        first.checked_sub(1).filter(|at| units.get(*at).is_some_and(|unit| is_lead_in(evidence, unit)));
    before.into_iter().collect()
}

/// Returns the text of a unit.
pub(super) fn text<'e>(evidence: &'e Evidence, unit: &Unit) -> &'e str {
    evidence.text.get(unit.sentence.range.clone()).unwrap_or_default()
}

/// Returns the name of the document without its extension.
pub(super) fn document_name(evidence: &Evidence) -> &str {
    evidence.source_name.rsplit_once('.').map_or(evidence.source_name.as_str(), |(stem, _)| stem)
}

fn document_terms(evidence: &Evidence, question: &Question) -> Terms {
    let name = document_name(evidence).replace(['_', '-'], " ");
    let headings = evidence.heading_path.iter().map(String::as_str);
    headings.chain([name.as_str()]).fold(0, |terms, text| terms | terms_of(text, question))
}

fn terms_of(text: &str, question: &Question) -> Terms {
    let found = words(text, question.language).into_iter().filter_map(|token| question.term(&token.term));
    found.fold(0, |terms, (term, _)| terms | 1 << term)
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
pub(super) fn as_f32(count: usize) -> f32 {
    count as f32
}
