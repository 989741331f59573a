//! Selection: the fewest candidates that answer, best first, each with what it leans on.

use std::cmp::Ordering;
use std::ops::Range;
use std::rc::Rc;

use super::contradiction::Statement;
use super::lexicon::{Expected, plain_words};
use super::question::Question;
use super::repetition::{Words, repeats, words_of};
use super::unit::{self, Unit};
use super::{contradiction, requirements, score};
use crate::grounding::Evidence;
use crate::grounding::quotable_units::SentenceKind;
use crate::retrieve::analysis::language_of_question;

/// Upper bound on the candidates of an answer.
const MAX_CHOSEN: usize = 3;
/// Score from which a span that the question asks for, such as a date, is quoted alone.
const SURE: f32 = 0.95;
/// Upper bound on the items of a list that are quoted.
const MAX_ITEMS: usize = 12;
/// Share of the best candidate's score from which another one is quoted too.
const MARGIN: f32 = 0.6;
/// Least score of a passage that is shown as the nearest one.
const NEAR: f32 = 0.2;

/// Bytes of one passage that are quoted together.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// Index of the passage in the evidence.
    pub passage: usize,
    /// Byte range in the passage's text.
    pub range: Range<usize>,
    /// Byte range of the header row, for a quoted table row.
    pub header: Option<Range<usize>>,
    /// Whether the quote stands on a line of its own: a row, an item, a line of code.
    pub own_line: bool,
    /// Probability that it answers.
    pub score: f32,
}

/// Quotes that answer a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Confidence that the quotes hold the answer, from 0 to 1; 0 without quotes.
    pub confidence: f32,
    /// Quotes, best first.
    pub quotes: Vec<Quote>,
    /// Nearest passage, whether it answers or not.
    pub nearest: Option<Quote>,
}

/// Scored candidate.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub(super) unit: Unit,
    pub(super) score: f32,
    pub(super) meets: bool,
}

/// Picks the sentences of `evidence` that answer `question`.
pub fn select(question: &str, evidence: &[Evidence]) -> Selection {
    let passages = read(question, evidence);
    let mut ranked: Vec<&Scored> =
        passages.iter().flat_map(|passage| &passage.scored).filter(|scored| scored.score > 0.0).collect();
    ranked.sort_by(|one, other| order(evidence, one, other));
    let nearest = ranked.first().filter(|scored| scored.score >= NEAR).map(|scored| quote(scored));
    ranked.retain(|scored| scored.meets);
    let Some(best) = ranked.first().copied() else { return Selection { nearest, ..Selection::default() } };
    let groups = groups(evidence, &passages, &ranked, best);
    Selection { confidence: best.score, quotes: quotes(evidence, &passages, &groups), nearest }
}

/// Candidate with its features: what the weights are fitted on.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Index of the passage in the evidence.
    pub passage: usize,
    /// Byte range in the passage's text.
    pub range: Range<usize>,
    /// Whether it meets the requirements of the question.
    pub meets: bool,
    /// Features.
    pub features: [f32; score::FEATURES],
}

/// Returns the candidates for an answer to `question`.
pub fn candidates(question: &str, evidence: &[Evidence]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (passage, (read, evidence)) in read(question, evidence).iter().zip(evidence).enumerate() {
        let scored = read.scored.iter().filter(|scored| scored.score > 0.0);
        found.extend(scored.map(|scored| Candidate {
            passage,
            range: scored.unit.sentence.range.clone(),
            meets: scored.meets,
            features: score::features(&read.question, evidence, &scored.unit),
        }));
    }
    found
}

fn is_related(unit: &Unit) -> bool {
    (unit.own | unit.related | unit.context | unit.before) != 0
}

/// Passage with its candidates.
#[derive(Debug)]
struct Passage {
    question: Rc<Question>,
    scored: Vec<Scored>,
}

fn read(question: &str, evidence: &[Evidence]) -> Vec<Passage> {
    let asked = language_of_question(question);
    let mut questions: Vec<Rc<Question>> = Vec::new();
    let mut passages = Vec::with_capacity(evidence.len());
    for (place, evidence) in evidence.iter().enumerate() {
        let language = unit::language(asked, evidence);
        let known = questions.iter().find(|question| question.language == language).cloned();
        let question = known.unwrap_or_else(|| {
            let read = Rc::new(Question::read(question, language));
            questions.push(Rc::clone(&read));
            read
        });
        let units = unit::units(place, evidence, &question);
        let scored = units.iter().map(|unit| scored(&question, evidence, &units, unit)).collect();
        passages.push(Passage { question, scored });
    }
    passages
}

fn scored(question: &Question, evidence: &Evidence, units: &[Unit], unit: &Unit) -> Scored {
    let score = if unit.is_statement && is_related(unit) {
        score::probability(&score::features(question, evidence, unit))
    } else {
        0.0
    };
    let meets = score > 0.0 && requirements::meets(question, evidence, units, unit);
    Scored { unit: unit.clone(), score, meets }
}

/// Orders candidates: best first; equals by their words, then by their document, so that the order of the passages
/// decides nothing.
fn order(evidence: &[Evidence], one: &Scored, other: &Scored) -> Ordering {
    let (text_one, text_other) = (text(evidence, &one.unit), text(evidence, &other.unit));
    let source = |scored: &Scored| {
        evidence
            .get(scored.unit.passage)
            .map(|evidence| (&evidence.source_name, evidence.passage.document.as_str(), evidence.span.start))
    };
    other
        .score
        .total_cmp(&one.score)
        .then_with(|| plain_words(text_one).cmp(&plain_words(text_other)))
        .then(source(one).cmp(&source(other)))
        .then(one.unit.passage.cmp(&other.unit.passage))
        .then(one.unit.place.cmp(&other.unit.place))
}

/// Returns the chosen candidates, each with those that contradict it.
fn groups<'s>(
    evidence: &[Evidence],
    passages: &'s [Passage],
    ranked: &[&'s Scored],
    best: &'s Scored,
) -> Vec<Vec<&'s Scored>> {
    let is_typed =
        passages.get(best.unit.passage).is_some_and(|passage| passage.question.expected.is_typed());
    let most = if is_typed && best.score >= SURE { 1 } else { MAX_CHOSEN };
    let mut groups: Vec<Vec<&Scored>> = Vec::new();
    let mut said: Vec<Words> = Vec::new();
    for scored in ranked.iter().copied().filter(|scored| scored.score >= MARGIN * best.score) {
        let contradicted = groups
            .iter_mut()
            .find(|group| group.iter().any(|other| contradicts(evidence, passages, scored, other)));
        let words = words_of(text(evidence, &scored.unit));
        if let Some(group) = contradicted {
            group.push(scored);
        } else if groups.len() < most && !said.iter().any(|other| repeats(&words, other)) {
            said.push(words);
            groups.push(vec![scored]);
        }
    }
    for group in &mut groups {
        group.sort_by(|one, other| match (statement(evidence, one), statement(evidence, other)) {
            (Some(one), Some(other)) => one.order(&other),
            _ => Ordering::Equal,
        });
        group.dedup_by(|one, other| text(evidence, &one.unit) == text(evidence, &other.unit));
    }
    groups
}

fn contradicts(evidence: &[Evidence], passages: &[Passage], one: &Scored, other: &Scored) -> bool {
    let question = passages.get(one.unit.passage).map(|passage| &passage.question);
    match (statement(evidence, one), statement(evidence, other), question) {
        (Some(one), Some(other), Some(question)) => one.contradicts(&other, question),
        _ => false,
    }
}

fn statement<'s>(evidence: &'s [Evidence], scored: &'s Scored) -> Option<Statement<'s>> {
    evidence.get(scored.unit.passage).map(|evidence| Statement { evidence, unit: &scored.unit })
}

/// Returns the quotes of the chosen candidates: each after what it leans on, a lead-in with its items, and
/// contradicting ones with the dates of their documents.
fn quotes(evidence: &[Evidence], passages: &[Passage], groups: &[Vec<&Scored>]) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    let mut add = |scored: &Scored| {
        let quote = quote(scored);
        if !quotes.iter().any(|other| other.passage == quote.passage && other.range == quote.range) {
            quotes.push(quote);
        }
    };
    for group in groups {
        for scored in group {
            let Some((evidence, passage)) =
                evidence.get(scored.unit.passage).zip(passages.get(scored.unit.passage))
            else {
                continue;
            };
            let units: Vec<Unit> = passage.scored.iter().map(|scored| scored.unit.clone()).collect();
            unit::leads(evidence, &units, &scored.unit, &passage.question)
                .into_iter()
                .filter_map(|place| passage.scored.get(place))
                .for_each(&mut add);
            add(scored);
            let items = unit::items(evidence, &units, scored.unit.place).take(MAX_ITEMS);
            items.filter_map(|place| passage.scored.get(place)).for_each(&mut add);
            if passage.question.expected == Expected::Anything {
                unit::enumeration(evidence, &units, scored.unit.place, passage.question.language)
                    .filter_map(|place| passage.scored.get(place))
                    .for_each(&mut add);
            }
            if group.len() > 1 {
                passage
                    .scored
                    .iter()
                    .filter(|scored| contradiction::dates_document(evidence, &scored.unit))
                    .for_each(&mut add);
            }
        }
    }
    quotes
}

fn quote(scored: &Scored) -> Quote {
    let unit = &scored.unit;
    Quote {
        passage: unit.passage,
        range: unit.sentence.range.clone(),
        header: unit.sentence.header(),
        own_line: unit.sentence.kind != SentenceKind::Prose,
        score: scored.score,
    }
}

fn text<'e>(evidence: &'e [Evidence], unit: &Unit) -> &'e str {
    evidence.get(unit.passage).map_or("", |evidence| unit::text(evidence, unit))
}
