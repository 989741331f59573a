//! Evaluates chunking: `chunking DATA`.
//!
//! DATA holds a collection whose questions name the spans of characters that answer them (as `chunking_eval` does).
//! Each chunker splits all documents into one corpus; BM25 retrieves five chunks for each question. Recall is the
//! share of the answering characters that were retrieved, precision the share of the retrieved characters that answer,
//! and `IoU` both at once, repeated text counting each time. *Ideal* precision takes every chunk that holds a part of
//! the answer, whatever its rank, and *whole* is the share of answering spans that one chunk holds completely. Beside
//! each chunker of Nexus stands one that cuts at a fixed number of tokens or characters, with the same overlap.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use nexus_benches::Table;
use nexus_benches::bm25::Bm25;
use nexus_benches::clock::fastest;
use nexus_benches::dataset::{Dataset, Document, Question};
use nexus_benches::metrics::{mean, share};
use nexus_core::document::chunk::{ChunkConfig, ChunkSize, Chunker, EstimatedTokens, TokenCounter};
use nexus_core::document::{Block, BlockKind};
use nexus_core::language::Language;

const TOP: usize = 5;

/// Chunk: its document's index and its characters in the document.
struct Piece<'a> {
    document: &'a str,
    span: Range<usize>,
    text: String,
}

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::args().nth(1).context("usage: chunking DATA")?);
    let folder = if root.join("chunking_eval").is_dir() { root.join("chunking_eval") } else { root };
    let dataset = Dataset::read(&folder)?;
    let columns =
        ["chunker", "chunks", "recall", "precision", "IoU", "ideal precision", "whole", "chunks/s a core"];
    let mut table = Table::new("Chunking: five chunks by BM25", columns);
    for config in [
        ChunkConfig::tokens(200, 0)?,
        ChunkConfig::tokens(400, 0)?,
        ChunkConfig::tokens(400, 50)?,
        ChunkConfig::default(),
        ChunkConfig::chars(1200, 150)?,
    ] {
        table =
            table.row(judge(&dataset, &format!("Nexus {}", name(config)), |text| structured(text, config)));
        table = table.row(judge(&dataset, &format!("fixed {}", name(config)), |text| fixed(text, config)));
    }
    table.print();
    Ok(())
}

fn name(config: ChunkConfig) -> String {
    match config.size() {
        ChunkSize::Tokens(size) => format!("{size} tokens, {} over", config.overlap()),
        ChunkSize::Chars(size) => format!("{size} chars, {} over", config.overlap()),
    }
}

fn judge(dataset: &Dataset, name: &str, cut: impl Fn(&str) -> Vec<Range<usize>>) -> Vec<String> {
    let all = || dataset.documents.iter().map(|document| cut(&document.text)).collect();
    let spans: Vec<Vec<Range<usize>>> = all();
    let rate = share(spans.iter().map(Vec::len).sum(), 1) / fastest(5, all).as_secs_f64();
    let pieces: Vec<Piece<'_>> =
        dataset.documents.iter().zip(spans).flat_map(|(d, spans)| pieces(d, spans)).collect();
    let index = Bm25::new(pieces.iter().map(|piece| (piece.text.as_str(), Language::English)));
    let scores: Vec<[f64; 5]> =
        dataset.questions.iter().map(|question| score(question, &pieces, &index)).collect();
    let column =
        |place: usize| mean(&scores.iter().filter_map(|row| row.get(place).copied()).collect::<Vec<_>>());
    let shown = (0..5).map(|place| format!("{:.4}", column(place)));
    [name.to_owned(), pieces.len().to_string()]
        .into_iter()
        .chain(shown)
        .chain([format!("{rate:.0}")])
        .collect()
}

/// Returns recall, precision, `IoU`, ideal precision and wholeness for one question.
fn score(question: &Question, pieces: &[Piece<'_>], index: &Bm25) -> [f64; 5] {
    let asked = question.doc_id.as_deref().unwrap_or_default();
    let answer: Vec<Range<usize>> = question.char_spans().collect();
    let found: Vec<&Piece<'_>> =
        index.search(&question.text, TOP).iter().filter_map(|(place, _)| pieces.get(*place)).collect();
    let length: usize = answer.iter().map(Range::len).sum();
    let retrieved: usize = found.iter().map(|piece| piece.span.len()).sum();
    let hit = covered(&answer, found.iter().filter(|piece| piece.document == asked).map(|piece| &piece.span));
    let holding: Vec<&Range<usize>> = pieces
        .iter()
        .filter(|piece| piece.document == asked && answer.iter().any(|span| overlap(span, &piece.span) > 0))
        .map(|piece| &piece.span)
        .collect();
    let ideal = covered(&answer, holding.iter().copied());
    let held: usize = holding.iter().map(|span| span.len()).sum();
    let whole =
        answer.iter().filter(|span| holding.iter().any(|held| overlap(span, held) == span.len())).count();
    [
        share(hit, length),
        share(hit, retrieved),
        share(hit, retrieved + length - hit),
        share(ideal, held + length - ideal),
        share(whole, answer.len()),
    ]
}

/// Counts the characters of `answer` in any of `spans`.
fn covered<'a>(answer: &[Range<usize>], spans: impl Iterator<Item = &'a Range<usize>>) -> usize {
    let mut spans: Vec<&Range<usize>> = spans.collect();
    spans.sort_unstable_by_key(|span| span.start);
    answer
        .iter()
        .map(|part| {
            let mut seen = part.start;
            spans.iter().fold(0, |sum, span| {
                let rest = seen.max(part.start)..part.end;
                let new = overlap(&rest, span);
                seen = seen.max(span.end.min(part.end));
                sum + new
            })
        })
        .sum()
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// Returns Nexus's chunks of `text`, a paragraph a block, as bytes of `text`.
fn structured(text: &str, config: ChunkConfig) -> Vec<Range<usize>> {
    let mut chunker = Chunker::new(config, Arc::new(EstimatedTokens));
    let mut starts: Vec<(u64, usize)> = Vec::new();
    let (mut chunks, mut joined, mut at) = (Vec::new(), 0u64, 0);
    for part in text.split("\n\n") {
        if !part.trim().is_empty() {
            starts.push((joined, at));
            joined += part.len() as u64 + 2;
            chunks.extend(chunker.push(Block {
                kind: BlockKind::Paragraph,
                text: part.to_owned(),
                page: None,
            }));
        }
        at += part.len() + 2;
    }
    chunks.extend(chunker.finish());
    let place = |offset: u64| {
        let block = starts.partition_point(|(joined, _)| *joined <= offset).saturating_sub(1);
        let (joined, at) = starts.get(block).copied().unwrap_or_default();
        at + usize::try_from(offset - joined).unwrap_or(usize::MAX)
    };
    chunks.iter().map(|chunk| place(chunk.span.start)..place(chunk.span.end)).collect()
}

/// Returns chunks of exactly the budget, wherever that falls, as bytes of `text`.
fn fixed(text: &str, config: ChunkConfig) -> Vec<Range<usize>> {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let longest = |start: usize, limit: u32| {
        let fits = |end: &usize| {
            let part = text.get(start..*end).unwrap_or_default();
            let size = match config.size() {
                ChunkSize::Tokens(_) => EstimatedTokens.count(part),
                ChunkSize::Chars(_) => part.chars().count(),
            };
            size <= limit as usize
        };
        let from = bounds.partition_point(|bound| *bound <= start);
        let near = bounds.get(from..bounds.len().min(from + 20_000)).unwrap_or_default();
        near.get(near.partition_point(fits).saturating_sub(1)).copied().unwrap_or(text.len())
    };
    let (mut spans, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let end = longest(start, config.size().limit());
        spans.push(start..end);
        if end == text.len() {
            break;
        }
        start = longest(start, config.size().limit() - config.overlap());
    }
    spans
}

fn pieces(document: &Document, spans: Vec<Range<usize>>) -> impl Iterator<Item = Piece<'_>> {
    let chars: Vec<usize> = document.text.char_indices().map(|(at, _)| at).collect();
    spans.into_iter().map(move |span| Piece {
        document: &document.id,
        text: document.text.get(span.clone()).unwrap_or_default().to_owned(),
        span: chars.partition_point(|at| *at < span.start)..chars.partition_point(|at| *at < span.end),
    })
}
