//! Adjacency: raises found passages in which words of the query are neighbours, as in the query.

use nexus_core::Result;
use nexus_core::retrieve::analysis::LexicalQuery;
use nexus_core::retrieve::bm25::Bm25;
use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, SegmentReader};

use super::clauses::{Clause, Clauses};
use super::search::{Found, explained};
use crate::error::text;

/// Weight of two neighbours beside the more frequent of the two words: measured on four judged collections, more loses
/// where texts are lists of words.
const ADJACENCY: f32 = 0.2;

/// Weight of two neighbours of which one has a digit, in a search for a name.
const NUMBERED: f32 = 1.0;

/// Adds the scores of neighbours to `found`, which are passages of `segments`.
pub(super) fn add(
    segments: &[&SegmentReader],
    clauses: &Clauses,
    query: &LexicalQuery,
    bm25: Bm25,
    explain: bool,
    found: &mut [Found],
) -> Result<()> {
    let place = |word: usize| clauses.places.get(word).copied().flatten();
    let pairs: Vec<(usize, usize, u32)> = query
        .pairs
        .iter()
        .filter_map(|pair| Some((place(pair.first)?, place(pair.second)?, pair.distance)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    for (segment, reader) in segments.iter().enumerate() {
        let mut here: Vec<&mut Found> = found.iter_mut().filter(|found| found.segment == segment).collect();
        here.sort_unstable_by_key(|found| found.doc);
        for &(first, second, distance) in &pairs {
            let (Some(one), Some(other)) = (clauses.all.get(first), clauses.all.get(second)) else {
                continue;
            };
            let holds_both = |found: &Found| found.held.holds(first) && found.held.holds(second);
            let docs: Vec<DocId> =
                here.iter().filter(|found| holds_both(found)).map(|found| found.doc).collect();
            if docs.is_empty() {
                continue;
            }
            let (ones, others) = (positions(reader, one, &docs)?, positions(reader, other, &docs)?);
            let pair = neighbours(one, other, query.is_name);
            let both = here.iter_mut().filter(|found| holds_both(found));
            for ((found, one), other) in both.zip(&ones).zip(&others) {
                let frequency =
                    one.iter().filter(|at| other.binary_search(&(**at + distance)).is_ok()).count();
                if let Some(frequency) = u32::try_from(frequency).ok().filter(|frequency| *frequency > 0) {
                    let score = bm25.score(pair.weight, pair.passages, frequency, found.length);
                    found.score += score;
                    if explain {
                        found.terms.push(explained(&pair, frequency, score));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Returns two neighbours as a word, which as many passages hold as the more frequent of the two.
fn neighbours(first: &Clause, second: &Clause, is_name: bool) -> Clause {
    let common = if first.passages > second.passages { first } else { second };
    // Numbers beside each other, or beside a word, are one name: `KX 90210`.
    let is_numbered =
        is_name && [first, second].iter().any(|word| word.text.contains(|c: char| c.is_ascii_digit()));
    let weight = if is_numbered { NUMBERED } else { ADJACENCY };
    Clause { text: format!("{} {}", first.text, second.text), weight, ..common.clone() }
}

/// Returns the positions of a word in each of `docs`, which are ascending.
fn positions(reader: &SegmentReader, clause: &Clause, docs: &[DocId]) -> Result<Vec<Vec<u32>>> {
    let inverted = reader.inverted_index(clause.term.field()).map_err(text)?;
    let postings = inverted
        .read_postings(&clause.term, IndexRecordOption::WithFreqsAndPositions)
        .map_err(|error| text(error.into()))?;
    let Some(mut postings) = postings else { return Ok(vec![Vec::new(); docs.len()]) };
    let of = |&doc: &DocId| {
        let at = if postings.doc() < doc { postings.seek(doc) } else { postings.doc() };
        let mut positions = Vec::new();
        if at == doc {
            postings.positions(&mut positions);
        }
        positions
    };
    Ok(docs.iter().map(of).collect())
}
