//! Evaluation of extractive answers: whether they hold the gold answer, and whether they abstain when there is none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use nexus_core::DocumentId;
use nexus_core::document::chunk::{EstimatedTokens, TokenCounter};
use nexus_core::document::{Block, BlockKind, ChunkConfig, Chunker, PassageKey};
use nexus_core::grounding::Evidence;
use nexus_core::grounding::quotable_units::{SentenceKind, sentences};
use nexus_core::language::Language;
use nexus_core::llm::extractive::select;
use nexus_core::retrieve::analysis::{analyse, strip_question_words};

use crate::bm25::Bm25;
use crate::dataset::{Document, Question};
use crate::metrics::{mean, share};

/// Number of passages behind an answer.
pub const TOP_K: usize = 5;

/// Searchable passages of a collection.
#[derive(Debug)]
pub struct Passages {
    evidence: Vec<Evidence>,
    index: Bm25,
}

impl Passages {
    /// Returns the ids of the documents of the best passages for `question`.
    pub fn shown(&self, question: &str) -> Vec<String> {
        self.search(question).iter().map(document).collect()
    }

    /// Chunks `documents` as ingestion would, titles as headings, and indexes the chunks.
    ///
    /// # Errors
    /// When a document's id is invalid.
    pub fn of(documents: &[Document]) -> Result<Self> {
        let mut evidence = Vec::new();
        for document in documents {
            evidence.extend(cut(document)?);
        }
        let index =
            Bm25::new(evidence.iter().map(|evidence: &Evidence| (evidence.text.as_str(), Language::English)));
        Ok(Self { evidence, index })
    }

    /// Returns the best passages for the subject of `question`, numbered from 1.
    pub fn search(&self, question: &str) -> Vec<Evidence> {
        let found = self.index.search(&strip_question_words(question), TOP_K);
        let passages = found.iter().filter_map(|(place, score)| Some((self.evidence.get(*place)?, *score)));
        (1..)
            .zip(passages)
            .map(|(number, (evidence, score))| Evidence { number, score, ..evidence.clone() })
            .collect()
    }
}

fn cut(document: &Document) -> Result<Vec<Evidence>> {
    let id = DocumentId::parse(document.id.as_str())?;
    let counter: Arc<dyn TokenCounter> = Arc::new(EstimatedTokens);
    let mut chunker = Chunker::new(ChunkConfig::default(), counter);
    let mut chunks = Vec::new();
    if !document.title.is_empty() {
        let kind = BlockKind::Heading { level: 1 };
        chunks.extend(chunker.push(Block { kind, text: document.title.clone(), page: None }));
    }
    chunks.extend(chunker.push(Block {
        kind: BlockKind::Paragraph,
        text: document.text.clone(),
        page: None,
    }));
    chunks.extend(chunker.finish());
    let evidence = chunks.into_iter().map(|chunk| Evidence {
        number: 1,
        passage: PassageKey { document: id.clone(), version: 1, index: chunk.index },
        source_name: document.id.clone(),
        page: None,
        heading_path: chunk.heading_path,
        text: chunk.text,
        span: chunk.span,
        hash: chunk.hash,
        score: 0.0,
    });
    Ok(evidence.collect())
}

/// Answer of an answerer.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Quotes, with the document of each.
    pub quotes: Vec<(String, String)>,
    /// Confidence; 1 for an answerer that never abstains.
    pub confidence: f32,
    /// Time taken.
    pub took: Duration,
}

/// Runs the extractive answerer.
pub fn extractive(question: &str, evidence: &[Evidence]) -> Said {
    let start = Instant::now();
    let selection = select(question, evidence);
    let took = start.elapsed();
    let quote = |quote: &nexus_core::llm::extractive::Quote| {
        let evidence = evidence.get(quote.passage)?;
        Some((evidence.text.get(quote.range.clone())?.to_owned(), document(evidence)))
    };
    Said {
        quotes: selection.quotes.iter().filter_map(quote).collect(),
        confidence: selection.confidence,
        took,
    }
}

/// Floor: the first `count` sentences of the best passage.
pub fn lead(evidence: &[Evidence], count: usize) -> Said {
    let quotes = evidence.iter().take(1).flat_map(statements).take(count).collect();
    Said { quotes, confidence: 1.0, took: Duration::ZERO }
}

/// Floor: the `count` sentences of all passages that BM25 ranks first, with the sentences as its documents.
pub fn best_by_bm25(question: &str, evidence: &[Evidence], count: usize) -> Said {
    let all: Vec<_> = evidence.iter().flat_map(statements).collect();
    let index = Bm25::new(all.iter().map(|(text, _)| (text.as_str(), Language::English)));
    let best = index.search(question, count).into_iter().filter_map(|(place, _)| all.get(place).cloned());
    Said { quotes: best.collect(), confidence: 1.0, took: Duration::ZERO }
}

fn statements(evidence: &Evidence) -> impl Iterator<Item = (String, String)> {
    let statements = sentences(&evidence.text).into_iter().filter(|s| s.kind != SentenceKind::Heading);
    statements.filter_map(|s| Some((evidence.text.get(s.range)?.to_owned(), document(evidence))))
}

fn document(evidence: &Evidence) -> String {
    evidence.passage.document.as_str().to_owned()
}

/// Scores of an answerer over many questions.
#[derive(Clone, Debug, Default)]
pub struct Score {
    found: usize,
    quoted: usize,
    total: usize,
    recall: Vec<f64>,
    precision: Vec<f64>,
    f1: Vec<f64>,
    words: Vec<f64>,
}

impl Score {
    /// Counts one answer.
    pub fn add(&mut self, question: &Question, said: &Said) {
        let text: Vec<&str> = said.quotes.iter().map(|(text, _)| text.as_str()).collect();
        let overlaps = question.answers.iter().map(|gold| Overlap::of(gold, &text.join(" ")));
        let best = overlaps.max_by(|a, b| a.f1().total_cmp(&b.f1())).unwrap_or_default();
        let gold = || question.selected_sentences.iter().flatten();
        self.total += 1;
        self.found +=
            usize::from(said.quotes.iter().any(|(_, document)| Some(document) == question.doc_id.as_ref()));
        self.quoted += usize::from(gold().any(|gold| text.iter().any(|quote| is_same(gold, quote))));
        self.recall.push(best.recall);
        self.precision.push(best.precision);
        self.f1.push(best.f1());
        self.words.push(text.iter().map(|text| share(text.split_whitespace().count(), 1)).sum());
    }

    /// Returns the cells of a table: gold document, gold sentence, recall, precision, F1, words.
    pub fn cells(&self) -> [String; 6] {
        [
            format!("{:.3}", share(self.found, self.total)),
            format!("{:.3}", share(self.quoted, self.total)),
            format!("{:.3}", mean(&self.recall)),
            format!("{:.3}", mean(&self.precision)),
            format!("{:.3}", mean(&self.f1)),
            format!("{:.0}", mean(&self.words)),
        ]
    }
}

/// Overlap of two texts' terms, counted as often as both contain them.
#[derive(Clone, Copy, Debug, Default)]
struct Overlap {
    recall: f64,
    precision: f64,
}

impl Overlap {
    fn of(gold: &str, said: &str) -> Self {
        let (gold, said) = (bag(gold), bag(said));
        let common =
            gold.iter().map(|(term, count)| (*count).min(said.get(term).copied().unwrap_or(0))).sum();
        Self { recall: share(common, gold.values().sum()), precision: share(common, said.values().sum()) }
    }

    fn f1(self) -> f64 {
        let sum = self.recall + self.precision;
        if sum > 0.0 { 2.0 * self.recall * self.precision / sum } else { 0.0 }
    }
}

/// Returns whether a quote is a gold sentence, up to differences in the sentence boundary.
pub fn is_same(gold: &str, quote: &str) -> bool {
    let overlap = Overlap::of(gold, quote);
    overlap.f1() >= 0.8 || overlap.recall >= 0.9 || (overlap.precision >= 0.9 && bag(quote).len() > 3)
}

fn bag(text: &str) -> HashMap<String, usize> {
    let mut bag = HashMap::new();
    for token in analyse(text, Language::English) {
        *bag.entry(token.term).or_default() += 1;
    }
    bag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cut_elsewhere_is_the_same_sentence() {
        let gold = "The tower was finished in 1889 by the engineers .";
        assert!(is_same(gold, "The tower was finished in 1889 by the engineers."));
        assert!(is_same(gold, "In short: the tower was finished in 1889 by the engineers."));
        assert!(!is_same(gold, "The tower is tall, and paint on it weighs sixty tons."));
    }

    #[test]
    fn an_answer_is_scored_by_the_gold_answer_nearest_to_it() {
        let question: Question = serde_json::from_value(serde_json::json!({
            "id": "q", "text": "When?", "doc_id": "d", "answers": ["nothing alike", "finished in 1889"],
        }))
        .unwrap();
        let quotes = vec![("It was finished in 1889".to_owned(), "d".to_owned())];
        let mut score = Score::default();
        score.add(&question, &Said { quotes, ..Said::default() });
        assert_eq!(score.cells()[..5], ["1.000", "0.000", "1.000", "1.000", "1.000"]);
    }
}
