//! One search, from visible versions to passages, on one snapshot.

use nexus_core::access::Authorised;
use nexus_core::document::PassageKey;
use nexus_core::retrieve::analysis::LexicalQuery;
use nexus_core::retrieve::fusion::{Fused, RankedList, fuse};
use nexus_core::retrieve::{
    CANDIDATE_POOL, ComponentScore, Hit, MAX_TOP_K, Query, QueryVector, Retrieved, SearchMode, TermScore,
    WordStatistics, check_vector,
};
use nexus_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::small;
use crate::error::{corrupt, sql};
use crate::rows::corpus::{self, CorpusRow};
use crate::rows::passage;
use crate::search::build::{Effort, NotReady};
use crate::search::in_flight;
use crate::search::indexes::Indexes;
use crate::search::live_versions::LiveVersions;
use crate::search::text::{Found, Looked};
use crate::search::vector::{Near, Space};
use crate::search::visible_versions::{Viewer, VisibleVersions, permitted};

/// Runs a search on one snapshot.
pub(crate) fn search(
    indexes: &Indexes,
    connection: &Connection,
    query: &Authorised<Query>,
) -> Result<Retrieved, NotReady> {
    let request = query.request();
    check(request)?;
    let row = corpus::row(connection, query.tenant().as_str(), &request.corpus)?;
    let live_versions = indexes.live_versions.get(connection, row, Effort::Little)?;
    let viewer = Viewer::new(query.tenant().as_str(), query.visibility(), request);
    let may_find = permitted(&indexes.sets, connection, row, &live_versions, &viewer)?;
    let own = match request.statistics {
        WordStatistics::Corpus => None,
        WordStatistics::Own => {
            Some(permitted(&indexes.sets, connection, row, &live_versions, &viewer.unfiltered())?)
        }
    };
    let languages = own
        .as_ref()
        .map_or_else(|| live_versions.languages(), |own| live_versions.languages_of(&own.versions));
    let asked = LexicalQuery::read_in(request.language, &request.text, &languages);
    let near = match &request.vector {
        Some(vector) => vector_arm(indexes, connection, row, vector, &may_find, &live_versions)?,
        None => None,
    };
    let found = if asked.is_empty() {
        Vec::new()
    } else {
        let words = indexes.texts.words(connection, row, &live_versions, own.as_ref())?;
        let looked = Looked {
            permitted: &may_find,
            own: own.as_deref(),
            live_versions: &live_versions,
            most: CANDIDATE_POOL,
            explain: request.explain,
        };
        words.search(&asked, &looked)?
    };
    if near.is_none() && request.text.trim().is_empty() {
        check_comparable(connection, request, &may_find, &live_versions)?;
    }
    let mode = match (&near, asked.is_empty()) {
        (None, _) => SearchMode::Lexical,
        (Some(_), true) => SearchMode::Vector,
        (Some(_), false) => SearchMode::Hybrid,
    };
    let in_flight = in_flight::count(connection, row.ordinal, query.visibility(), request.now)?;
    let lists = RetrieverHits { found, near: near.unwrap_or_default(), mode };
    let hits = lists.hits(connection, request, &live_versions)?;
    Ok(Retrieved {
        hits,
        mode,
        permitted: may_find.passages,
        under_filled: may_find.passages < request.top_k as u64,
        documents_in_flight: in_flight,
        watermark: small(row.watermark)?,
    })
}

fn check(query: &Query) -> Result<()> {
    if !(1..=MAX_TOP_K).contains(&query.top_k) {
        return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).with_code("INVALID_TOP_K"));
    }
    query.vector.iter().try_for_each(|vector| check_vector(&vector.values))?;
    query.weights.check()
}

/// Returns the passages nearest to the question's vector; none when no visible passage has a comparable vector.
pub(crate) fn vector_arm(
    indexes: &Indexes,
    connection: &Connection,
    row: CorpusRow,
    vector: &QueryVector,
    permitted: &VisibleVersions,
    live_versions: &LiveVersions,
) -> Result<Option<Vec<Near>>, NotReady> {
    let Some(model) = passage::model(connection, &vector.model)? else { return Ok(None) };
    let dimension = vector.values.len();
    // A vector of zeros has no direction: everything is equally near to it.
    let points_nowhere = vector.values.iter().all(|number| *number == 0.0);
    if points_nowhere || !live_versions.has_vectors(model, dimension) {
        return Ok(None);
    }
    let near = indexes.vectors.search(
        connection,
        (row, Space { corpus: row.ordinal, model, dimension }),
        &vector.values,
        &permitted.versions,
        live_versions,
        CANDIDATE_POOL,
    )?;
    Ok((!near.is_empty()).then_some(near))
}

/// Checks that a search by vector alone found nothing because its model has no vectors, and not because its vector
/// has another length: such a search has no words to fall back on.
fn check_comparable(
    connection: &Connection,
    query: &Query,
    permitted: &VisibleVersions,
    live_versions: &LiveVersions,
) -> Result<()> {
    let Some(vector) = &query.vector else { return Ok(()) };
    let Some(model) = passage::model(connection, &vector.model)? else { return Ok(()) };
    if !live_versions.has_model(&permitted.versions, model) {
        return Ok(());
    }
    Err(Error::invalid("the query vector differs in length from all vectors of its model")
        .with_code("INVALID_VECTOR")
        .with_hint("use the model that the documents were embedded with, or search for words"))
}

/// Results of each retriever.
struct RetrieverHits {
    found: Vec<Found>,
    near: Vec<Near>,
    mode: SearchMode,
}

impl RetrieverHits {
    fn hits(
        mut self,
        connection: &Connection,
        query: &Query,
        live_versions: &LiveVersions,
    ) -> Result<Vec<Hit>> {
        let lexical = self
            .found
            .iter()
            .map(|found| Ok((Candidate::new(live_versions, found.passage)?, narrow(found.score))))
            .collect::<Result<Vec<_>>>()?;
        let vector = self
            .near
            .iter()
            .map(|(passage, score)| Ok((Candidate::new(live_versions, *passage)?, *score)))
            .collect::<Result<Vec<_>>>()?;
        let ranked = match self.mode {
            SearchMode::Hybrid => fuse(
                query.fusion,
                &[
                    RankedList { weight: query.weights.lexical, candidates: &lexical },
                    RankedList { weight: query.weights.vector, candidates: &vector },
                ],
            )?,
            SearchMode::Lexical => alone(lexical, |score| vec![Some(score), None]),
            SearchMode::Vector => alone(vector, |score| vec![None, Some(score)]),
        };
        ranked.into_iter().take(query.top_k).map(|fused| self.hit(connection, fused)).collect()
    }

    fn hit(&mut self, connection: &Connection, fused: Fused<Candidate>) -> Result<Hit> {
        let Candidate { key, passage } = fused.id;
        let mut lists = fused.components.into_iter();
        Ok(Hit {
            source_name: source_name(connection, passage)?,
            passage: passage::load(connection, passage, &key)?,
            score: fused.score,
            lexical: lists.next().flatten(),
            vector: lists.next().flatten(),
            terms: self.take_terms(passage),
        })
    }

    fn take_terms(&mut self, passage: i64) -> Vec<TermScore> {
        let found = self.found.iter_mut().find(|found| found.passage == passage);
        found.map(|found| std::mem::take(&mut found.terms)).unwrap_or_default()
    }
}

/// Returns the candidates of a single retriever, which keep their order and their scores.
fn alone(
    candidates: Vec<(Candidate, f32)>,
    components: impl Fn(ComponentScore) -> Vec<Option<ComponentScore>>,
) -> Vec<Fused<Candidate>> {
    let fused = |(rank, (id, score))| Fused {
        id,
        score,
        components: components(ComponentScore { score, rank, contribution: score }),
    };
    (1..).zip(candidates).map(fused).collect()
}

/// Passage in the fusion, ordered by key, which makes ties stable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    key: PassageKey,
    passage: i64,
}

impl Candidate {
    fn new(live_versions: &LiveVersions, passage: i64) -> Result<Self> {
        Ok(Self { key: live_versions.key(passage)?, passage })
    }
}

/// Returns the document name as of the version of a passage.
fn source_name(connection: &Connection, passage: i64) -> Result<String> {
    connection
        .prepare_cached("SELECT json_extract(described, '$.name') FROM version WHERE ordinal = ?1")
        .and_then(|mut statement| {
            statement.query_row(params![passage::split(passage).0], |row| row.get(0)).optional()
        })
        .map_err(sql)?
        .ok_or_else(|| corrupt("a passage that was found belongs to a missing version"))
}

#[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
fn narrow(score: f64) -> f32 {
    score as f32
}
