//! The vector arm: an exact scan.
//!
//! Eight-bit codes of all live vectors are in memory, one list per corpus and model, made at the first search and
//! kept up to date by watermark. A scan over the codes proposes; the stored vectors decide. Each code knows how far it can
//! be off, so the scan knows when what it did not look at more closely cannot matter: the result is that of
//! comparing every stored vector.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use nexus_core::Result;
use rusqlite::{Connection, params};
use simsimd::SpatialSimilarity;

use crate::best::Best;
use crate::bits::Bits;
use crate::catalogue::Catalogue;
use crate::error::sql;
use crate::passage;

/// How far single-precision sums can be off, as a part of the product of the lengths: well above what sums of a few
/// thousand numbers in sixteen lanes need.
const ROUNDING: f32 = 1e-4;

/// The codes of a store, by corpus and model.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    lists: Mutex<HashMap<(i64, i64), List>>,
}

type List = Arc<RwLock<Codes>>;

/// A passage and its inner product with the question.
pub(crate) type Near = (i64, f32);

impl Vectors {
    /// The `most` permitted passages whose vectors have the greatest inner product with `query`, ties in order of key.
    pub(crate) fn search(
        &self,
        connection: &Connection,
        (corpus, model): (i64, i64),
        query: &[f32],
        permitted: &Bits,
        catalogue: &Catalogue,
        most: usize,
    ) -> Result<Vec<Near>> {
        let list = self.list(corpus, model);
        let behind = list.read().unwrap_or_else(PoisonError::into_inner).watermark < catalogue.watermark;
        if behind {
            let mut codes = list.write().unwrap_or_else(PoisonError::into_inner);
            codes.catch_up(connection, corpus, model, query.len(), catalogue)?;
        }
        let codes = list.read().unwrap_or_else(PoisonError::into_inner);
        codes.nearest(connection, query, permitted, catalogue, most)
    }

    /// Forgets a corpus that is gone.
    pub(crate) fn forget(&self, corpus: i64) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).retain(|(kept, _), _| *kept != corpus);
    }

    fn list(&self, corpus: i64, model: i64) -> List {
        Arc::clone(
            self.lists.lock().unwrap_or_else(PoisonError::into_inner).entry((corpus, model)).or_default(),
        )
    }
}

/// The codes of one model's vectors in one corpus.
#[derive(Debug, Default)]
struct Codes {
    watermark: i64,
    dimension: usize,
    numbers: Vec<i8>,
    rows: Vec<Code>,
    versions: HashSet<i64>,
}

/// What is known of a vector beside its eight-bit numbers.
#[derive(Clone, Copy, Debug)]
struct Code {
    passage: i64,
    /// The stored vector's id.
    vector: i64,
    /// What one step of a number is worth.
    scale: f32,
    /// The length of what the numbers leave out.
    rest: f32,
    /// The length of what the numbers stand for.
    length: f32,
}

impl Codes {
    fn catch_up(
        &mut self,
        connection: &Connection,
        corpus: i64,
        model: i64,
        dimension: usize,
        catalogue: &Catalogue,
    ) -> Result<()> {
        if self.watermark >= catalogue.watermark {
            return Ok(());
        }
        self.dimension = dimension;
        let mut statement = connection
            .prepare_cached("SELECT ordinal, state = 'live' AND model = ?3 FROM version WHERE corpus = ?1 AND changed > ?2")
            .map_err(sql)?;
        let changed: Vec<(i64, Option<bool>)> = statement
            .query_map(params![corpus, self.watermark, model], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(sql)?;
        let mut gone = HashSet::new();
        for (version, live) in changed {
            if live != Some(true) {
                if self.versions.remove(&version) {
                    gone.insert(version);
                }
            } else if self.versions.insert(version) {
                passage::each_vector(connection, version, model, |vector, passage, numbers| {
                    self.push(passage, vector, numbers);
                })?;
            }
        }
        if !gone.is_empty() {
            self.remove(&gone);
        }
        self.watermark = catalogue.watermark;
        Ok(())
    }

    fn push(&mut self, passage: i64, vector: i64, numbers: &[f32]) {
        let Quantised { codes, scale, rest, length } = quantise(numbers);
        self.numbers.extend(codes);
        self.rows.push(Code { passage, vector, scale, rest, length });
    }

    fn remove(&mut self, gone: &HashSet<i64>) {
        let kept = |code: &Code| !gone.contains(&passage::split(code.passage).0);
        let mut numbers = Vec::with_capacity(self.numbers.len());
        for (code, chunk) in self.rows.iter().zip(self.numbers.chunks_exact(self.dimension)) {
            if kept(code) {
                numbers.extend_from_slice(chunk);
            }
        }
        self.numbers = numbers;
        self.rows.retain(kept);
    }

    fn nearest(
        &self,
        connection: &Connection,
        query: &[f32],
        permitted: &Bits,
        catalogue: &Catalogue,
        most: usize,
    ) -> Result<Vec<Near>> {
        if self.rows.is_empty() || most == 0 {
            return Ok(Vec::new());
        }
        let asked = Asked::new(query);
        let mut proposals = self.scan(&asked, permitted, most);
        let (mut exact, mut from) = (Vec::new(), 0);
        let mut worth = f32::NEG_INFINITY;
        while from < proposals.len() {
            let rest = proposals.get_mut(from..).unwrap_or_default();
            // First the most promising; then, in one go, whatever may still be better than the last that counts.
            let part = if from == 0 {
                front(rest, most)
            } else {
                partition(rest, |proposal| proposal.at_most >= worth)
            };
            if part == 0 {
                break;
            }
            look_closely(connection, query, rest.get(..part).unwrap_or_default(), &mut exact)?;
            keep_best(&mut exact, most, catalogue);
            from += part;
            if let Some((_, least)) = exact.get(most - 1) {
                worth = *least;
            }
        }
        Ok(exact)
    }

    /// The permitted passages that may be among the `most` nearest, each with an upper bound of its product.
    fn scan(&self, asked: &Asked, permitted: &Bits, most: usize) -> Vec<Proposal> {
        let (mut proposals, mut sure) = (Vec::new(), Best::new(most));
        let mut last = (i64::MIN, false);
        for (code, numbers) in self.rows.iter().zip(self.numbers.chunks_exact(self.dimension)) {
            let (version, _) = passage::split(code.passage);
            if last.0 != version {
                last = (version, permitted.contains(version));
            }
            if !last.1 {
                continue;
            }
            let product = i8::dot(&asked.codes, numbers).unwrap_or(0.0);
            let (at_least, at_most) = asked.bounds(code, product);
            sure.note(at_least);
            // INVARIANT: as many as count are surely better than what is left out here.
            if sure.least().is_none_or(|least| at_most >= least) {
                proposals.push(Proposal { passage: code.passage, vector: code.vector, at_most });
            }
        }
        proposals
    }
}

/// A passage that may be near.
#[derive(Clone, Copy, Debug)]
struct Proposal {
    passage: i64,
    vector: i64,
    at_most: f32,
}

/// The question's vector as codes.
struct Asked {
    codes: Vec<i8>,
    scale: f32,
    rest: f32,
    length: f32,
}

impl Asked {
    fn new(query: &[f32]) -> Self {
        let Quantised { codes, scale, rest, .. } = quantise(query);
        let length = dot(query, query).sqrt();
        Self { codes, scale, rest, length }
    }

    /// The least and the most that the exact product can be: with v = c + e and q = d + f, v·q = c·d + c·f + e·q, and the
    /// last two are at most |c||f| and |e||q|.
    #[expect(clippy::cast_possible_truncation, reason = "the bounds have a margin for rounding")]
    fn bounds(&self, code: &Code, product: f64) -> (f32, f32) {
        let estimate = self.scale * code.scale * product as f32;
        let error = code.length * self.rest + code.rest * self.length;
        let margin = error + ROUNDING * code.length * self.length;
        (estimate - margin, estimate + margin)
    }
}

struct Quantised {
    codes: Vec<i8>,
    scale: f32,
    rest: f32,
    length: f32,
}

fn quantise(numbers: &[f32]) -> Quantised {
    let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    #[expect(clippy::cast_possible_truncation, reason = "the quotient is within -127 and 127")]
    let codes: Vec<i8> = numbers.iter().map(|number| (number / scale).round() as i8).collect();
    let (mut rest, mut length) = (0.0, 0.0);
    for (number, code) in numbers.iter().zip(&codes) {
        let kept = f32::from(*code) * scale;
        rest += (number - kept).powi(2);
        length += kept.powi(2);
    }
    Quantised { codes, scale, rest: rest.sqrt(), length: length.sqrt() }
}

/// The inner product, always added up in the same order.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left_chunks, left_rest) = left.as_chunks::<16>();
    let (right_chunks, right_rest) = right.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += left * right;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Moves the `count` greatest bounds to the front; returns how many there are.
fn front(proposals: &mut [Proposal], count: usize) -> usize {
    if count >= proposals.len() {
        return proposals.len();
    }
    proposals.select_nth_unstable_by(count, |a, b| b.at_most.total_cmp(&a.at_most));
    count
}

/// Moves what satisfies `test` to the front; returns how many do.
fn partition(proposals: &mut [Proposal], test: impl Fn(&Proposal) -> bool) -> usize {
    let mut kept = 0;
    for place in 0..proposals.len() {
        if proposals.get(place).is_some_and(&test) {
            proposals.swap(kept, place);
            kept += 1;
        }
    }
    kept
}

/// Computes exact products from the stored vectors.
fn look_closely(
    connection: &Connection,
    query: &[f32],
    proposals: &[Proposal],
    exact: &mut Vec<Near>,
) -> Result<()> {
    let mut numbers = Vec::with_capacity(query.len());
    for proposal in proposals {
        passage::vector(connection, proposal.vector, &mut numbers)?;
        exact.push((proposal.passage, dot(query, &numbers)));
    }
    Ok(())
}

fn keep_best(found: &mut Vec<Near>, most: usize, catalogue: &Catalogue) {
    let best_first =
        |a: &Near, b: &Near| -> Ordering { b.1.total_cmp(&a.1).then_with(|| catalogue.compare(a.0, b.0)) };
    found.sort_by(best_first);
    found.truncate(most);
}
