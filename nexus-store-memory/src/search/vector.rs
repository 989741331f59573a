//! Vector retriever: an exact scan.
//!
//! Eight-bit codes of all live vectors are in memory, one list per corpus, model and length, made at the first search
//! and updated by watermark. A scan over the codes proposes; the stored vectors decide. Each code has an error bound,
//! so the scan stops once no remaining vector can be among the best: the result equals a comparison with every stored
//! vector.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use nexus_core::Result;
use nexus_core::retrieve::check_vector;
use rusqlite::{Connection, params};
use simsimd::SpatialSimilarity;

use crate::error::sql;
use crate::rows::corpus::CorpusRow;
use crate::rows::passage;
use crate::search::bit_set::BitSet;
use crate::search::build::{Effort, NotReady, Task, begin};
use crate::search::live_versions::LiveVersions;
use crate::search::top_k::TopK;

/// Error bound of single-precision sums, as a part of the product of the lengths: well above the error of a few
/// thousand numbers in sixteen lanes.
const ROUNDING: f32 = 1e-4;

/// Upper bound on the vectors that a search loads by itself.
const SMALL: i64 = 2_000;

/// Codes of a store, by corpus, model and length.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    lists: Mutex<HashMap<Space, Arc<List>>>,
}

/// Key of comparable vectors: those of one corpus and model that are equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Space {
    pub(crate) corpus: i64,
    pub(crate) model: i64,
    pub(crate) dimension: usize,
}

#[derive(Debug, Default)]
struct List {
    /// Held while the codes are updated.
    building: Mutex<()>,
    codes: RwLock<Codes>,
}

/// A passage and its inner product with the question.
pub(crate) type Near = (i64, f32);

impl Vectors {
    /// Returns the `most` visible passages whose vectors have the greatest inner product with `query`, ties in order
    /// of key.
    pub(crate) fn search(
        &self,
        connection: &Connection,
        (row, space): (CorpusRow, Space),
        query: &[f32],
        permitted: &BitSet,
        live_versions: &LiveVersions,
        most: usize,
    ) -> Result<Vec<Near>, NotReady> {
        let list = self.list(space);
        list.catch_up(connection, row, space, Effort::Little)?;
        let codes = list.read();
        // Another search may have updated the codes: they lack retired versions then.
        if codes.watermark != row.watermark {
            return Err(NotReady::Overtaken);
        }
        Ok(codes.nearest(connection, query, permitted, live_versions, most)?)
    }

    /// Applies all changes, however many.
    pub(crate) fn prepare(
        &self,
        connection: &Connection,
        row: CorpusRow,
        space: Space,
    ) -> Result<(), NotReady> {
        self.list(space).catch_up(connection, row, space, Effort::Full)
    }

    /// Drops the codes of a deleted corpus.
    pub(crate) fn forget(&self, corpus: i64) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).retain(|space, _| space.corpus != corpus);
    }

    fn list(&self, space: Space) -> Arc<List> {
        Arc::clone(self.lists.lock().unwrap_or_else(PoisonError::into_inner).entry(space).or_default())
    }
}

impl List {
    /// Updates the codes to the snapshot of `row`.
    fn catch_up(
        &self,
        connection: &Connection,
        row: CorpusRow,
        space: Space,
        effort: Effort,
    ) -> Result<(), NotReady> {
        let is_current = || match self.read().watermark.cmp(&row.watermark) {
            Ordering::Less => Ok(false),
            Ordering::Equal => Ok(true),
            Ordering::Greater => Err(NotReady::Overtaken),
        };
        if is_current()? {
            return Ok(());
        }
        let behind = || NotReady::Behind(Task::Vectors(space));
        let building = begin(&self.building, effort).ok_or_else(behind)?;
        if is_current()? {
            return Ok(());
        }
        // Searches use the present codes while the vectors are read.
        let Some(change) = self.read().change(connection, row, space, effort)? else { return Err(behind()) };
        self.codes.write().unwrap_or_else(PoisonError::into_inner).take(change, row.watermark);
        drop(building);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Codes> {
        self.codes.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Codes of one model's vectors in one corpus.
#[derive(Debug, Default)]
struct Codes {
    watermark: i64,
    dimension: usize,
    numbers: Vec<i8>,
    rows: Vec<Code>,
    versions: HashSet<i64>,
}

/// Error terms of a vector's code beside its eight-bit numbers.
#[derive(Clone, Copy, Debug)]
struct Code {
    passage: i64,
    /// Id of the stored vector.
    vector: i64,
    /// Value of one step of a number.
    scale: f32,
    /// Length of the rounding error.
    rest: f32,
    /// Length of the coded vector.
    length: f32,
}

/// Update of codes to a later watermark. It holds whole versions, or there is no change.
struct Change {
    /// Whether the update replaces all codes.
    anew: bool,
    gone: HashSet<i64>,
    come: Vec<i64>,
    dimension: usize,
    numbers: Vec<i8>,
    rows: Vec<Code>,
}

impl Codes {
    /// Returns the changes until the snapshot of `row`; none when they are too many.
    fn change(
        &self,
        connection: &Connection,
        row: CorpusRow,
        space: Space,
        effort: Effort,
    ) -> Result<Option<Change>> {
        let anew = self.watermark < row.swept;
        let since = if anew { 0 } else { self.watermark };
        let statement = if since == 0 {
            "SELECT ordinal, 1, vectors FROM version INDEXED BY version_live
             WHERE corpus = ?1 AND state = 'live' AND model = ?3 AND dimension = ?4 AND ?2 = 0"
        } else {
            "SELECT ordinal, state = 'live' AND model IS ?3 AND dimension IS ?4, vectors
             FROM version INDEXED BY version_by_change WHERE corpus = ?1 AND changed > ?2"
        };
        let mut statement = connection.prepare_cached(statement).map_err(sql)?;
        let dimension = crate::convert::limit(space.dimension);
        let mut rows = statement.query(params![row.ordinal, since, space.model, dimension]).map_err(sql)?;
        let (mut gone, mut come, mut vectors) = (HashSet::new(), Vec::new(), 0_i64);
        while let Some(row) = rows.next().map_err(sql)? {
            let version: i64 = row.get(0).map_err(sql)?;
            let is_known = !anew && self.versions.contains(&version);
            let is_live: bool = row.get(1).map_err(sql)?;
            if is_live && !is_known {
                come.push(version);
                vectors = vectors.saturating_add(row.get(2).map_err(sql)?);
            } else if !is_live && is_known {
                gone.insert(version);
            }
            if effort == Effort::Little && vectors > SMALL {
                return Ok(None);
            }
        }
        let mut change =
            Change { anew, gone, come, dimension: space.dimension, numbers: Vec::new(), rows: Vec::new() };
        change.load(connection, space)?;
        Ok(Some(change))
    }

    fn take(&mut self, change: Change, watermark: i64) {
        if change.anew {
            *self = Self::default();
        }
        self.dimension = change.dimension;
        if !change.gone.is_empty() {
            self.remove(&change.gone);
        }
        self.versions.extend(change.come);
        self.numbers.extend(change.numbers);
        self.rows.extend(change.rows);
        self.watermark = watermark;
    }

    fn remove(&mut self, gone: &HashSet<i64>) {
        self.versions.retain(|version| !gone.contains(version));
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
        permitted: &BitSet,
        live_versions: &LiveVersions,
        most: usize,
    ) -> Result<Vec<Near>> {
        if self.rows.is_empty() || most == 0 {
            return Ok(Vec::new());
        }
        let asked = QueryCodes::new(query);
        let mut proposals = self.scan(&asked, permitted, most);
        let (mut exact, mut from) = (Vec::new(), 0);
        let mut worth = f32::NEG_INFINITY;
        while from < proposals.len() {
            let rest = proposals.get_mut(from..).unwrap_or_default();
            // First the most promising, then at once all that may still be better than the last that counts.
            let part = if from == 0 {
                candidates(rest, most)
            } else {
                partition(rest, |proposal| proposal.at_most >= worth)
            };
            if part == 0 {
                break;
            }
            rescore(connection, query, rest.get(..part).unwrap_or_default(), &mut exact)?;
            keep_best(&mut exact, most, live_versions);
            from += part;
            if let Some((_, least)) = exact.get(most - 1) {
                worth = *least;
            }
        }
        Ok(exact)
    }

    /// Returns the visible passages that may be among the `most` nearest, each with an upper bound of its product.
    fn scan(&self, asked: &QueryCodes, permitted: &BitSet, most: usize) -> Vec<Proposal> {
        let (mut proposals, mut sure) = (Vec::new(), TopK::new(most));
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
            // INVARIANT: at least `most` passages are surely better than those left out here.
            if sure.least().is_none_or(|least| at_most >= least) {
                proposals.push(Proposal { passage: code.passage, vector: code.vector, at_most });
            }
        }
        proposals
    }
}

impl Change {
    /// Reads the vectors of the new versions, and leaves out those that cannot be compared.
    fn load(&mut self, connection: &Connection, space: Space) -> Result<()> {
        let Self { come, dimension, numbers, rows, .. } = self;
        for version in come.iter() {
            let mut unusable = 0_u64;
            passage::each_vector(connection, *version, space.model, |vector, passage, values| {
                if values.len() != *dimension || check_vector(values).is_err() {
                    unusable += 1;
                    return;
                }
                let Quantised { codes, scale, rest, length } = quantise(values);
                numbers.extend(codes);
                rows.push(Code { passage, vector, scale, rest, length });
            })?;
            if unusable > 0 {
                tracing::warn!(version, unusable, "vectors that cannot be compared are left out of searches");
            }
        }
        Ok(())
    }
}

/// Passage that may be near.
#[derive(Clone, Copy, Debug)]
struct Proposal {
    passage: i64,
    vector: i64,
    at_most: f32,
}

/// Codes of the question's vector.
struct QueryCodes {
    codes: Vec<i8>,
    scale: f32,
    rest: f32,
    length: f32,
}

impl QueryCodes {
    fn new(query: &[f32]) -> Self {
        let Quantised { codes, scale, rest, .. } = quantise(query);
        let length = dot(query, query).sqrt();
        Self { codes, scale, rest, length }
    }

    /// Returns the least and the greatest possible exact product: with v = c + e and q = d + f, v·q = c·d + c·f +
    /// e·q, and the last two are at most |c||f| and |e||q|.
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

/// Returns the inner product, always added up in the same order.
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

/// Moves the `count` greatest bounds to the front; returns their number.
fn candidates(proposals: &mut [Proposal], count: usize) -> usize {
    if count >= proposals.len() {
        return proposals.len();
    }
    proposals.select_nth_unstable_by(count, |a, b| b.at_most.total_cmp(&a.at_most));
    count
}

/// Moves the proposals that satisfy `test` to the front; returns their number.
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
fn rescore(
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

fn keep_best(found: &mut Vec<Near>, most: usize, live_versions: &LiveVersions) {
    let best_first = |a: &Near, b: &Near| -> Ordering {
        b.1.total_cmp(&a.1).then_with(|| live_versions.compare(a.0, b.0))
    };
    found.sort_by(best_first);
    found.truncate(most);
}
