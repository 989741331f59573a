//! One search, from visible versions to passages, on one snapshot.

use nexus_core::access::Authorised;
use nexus_core::document::PassageKey;
use nexus_core::retrieve::analysis::terms_for_query;
use nexus_core::retrieve::fusion::{Arm, Fused, fuse};
use nexus_core::retrieve::{
    CANDIDATE_POOL, Hit, MAX_TOP_K, Query, QueryVector, Retrieved, SearchMode, TermScore, Weights,
    WordStatistics, check_vector,
};
use nexus_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::small;
use crate::error::{corrupt, sql};
use crate::rows::corpus::{self, CorpusRow};
use crate::rows::passage;
use crate::search::build::{Effort, NotReady};
use crate::search::indexes::Indexes;
use crate::search::live_versions::LiveVersions;
use crate::search::text::{Found, Looked};
use crate::search::vector::{Near, Space};
use crate::search::visible_versions::{Asker, VisibleVersions, permitted};

/// Runs a search on one snapshot.
pub(crate) fn search(
    indexes: &Indexes,
    connection: &Connection,
    query: &Authorised<Query>,
) -> Result<Retrieved, NotReady> {
    let request = query.request();
    check(request)?;
    let row = corpus::row(connection, query.tenant(), &request.corpus)?;
    let catalogue = indexes.catalogues.get(connection, row, Effort::Little)?;
    let asker = Asker::new(query.tenant(), query.visibility(), request);
    let may_find = permitted(&indexes.sets, connection, row, &catalogue, &asker)?;
    let own = match request.statistics {
        WordStatistics::Corpus => None,
        WordStatistics::Own => {
            Some(permitted(&indexes.sets, connection, row, &catalogue, &asker.unfiltered())?)
        }
    };
    let languages =
        own.as_ref().map_or_else(|| catalogue.languages(), |own| catalogue.languages_of(&own.versions));
    let terms = terms_for_query(&request.text, &languages);
    let near = match &request.vector {
        Some(vector) => vector_arm(indexes, connection, row, vector, &may_find, &catalogue)?,
        None => None,
    };
    let found = if terms.is_empty() {
        Vec::new()
    } else {
        let words = indexes.texts.words(connection, row, &catalogue, own.as_ref())?;
        let looked = Looked {
            permitted: &may_find,
            own: own.as_deref(),
            catalogue: &catalogue,
            most: CANDIDATE_POOL,
            explain: request.explain,
        };
        words.search(&terms, &looked)?
    };
    if near.is_none() && request.text.trim().is_empty() {
        check_comparable(connection, request, &may_find, &catalogue)?;
    }
    let mode = match (&near, terms.is_empty()) {
        (None, _) => SearchMode::Lexical,
        (Some(_), true) => SearchMode::Vector,
        (Some(_), false) => SearchMode::Hybrid,
    };
    let arms = Arms { found, near: near.unwrap_or_default(), mode };
    let hits = arms.hits(connection, request, &catalogue)?;
    Ok(Retrieved {
        hits,
        mode,
        permitted: may_find.passages,
        under_filled: may_find.passages < request.top_k as u64,
        watermark: small(row.watermark)?,
    })
}

fn check(query: &Query) -> Result<()> {
    if !(1..=MAX_TOP_K).contains(&query.top_k) {
        return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).code("INVALID_TOP_K"));
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
    catalogue: &LiveVersions,
) -> Result<Option<Vec<Near>>, NotReady> {
    let Some(model) = passage::model(connection, &vector.model)? else { return Ok(None) };
    let dimension = vector.values.len();
    // A vector of zeros has no direction: everything is equally near to it.
    let points_nowhere = vector.values.iter().all(|number| *number == 0.0);
    if points_nowhere || !catalogue.has_vectors(model, dimension) {
        return Ok(None);
    }
    let near = indexes.vectors.search(
        connection,
        (row, Space { corpus: row.ordinal, model, dimension }),
        &vector.values,
        &permitted.versions,
        catalogue,
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
    catalogue: &LiveVersions,
) -> Result<()> {
    let Some(vector) = &query.vector else { return Ok(()) };
    let Some(model) = passage::model(connection, &vector.model)? else { return Ok(()) };
    if !catalogue.has_model(&permitted.versions, model) {
        return Ok(());
    }
    Err(Error::invalid("the query vector differs in length from all vectors of its model")
        .code("INVALID_VECTOR")
        .hint("use the model that the documents were embedded with, or search for words"))
}

/// Results of each retriever.
struct Arms {
    found: Vec<Found>,
    near: Vec<Near>,
    mode: SearchMode,
}

impl Arms {
    fn hits(mut self, connection: &Connection, query: &Query, catalogue: &LiveVersions) -> Result<Vec<Hit>> {
        let lexical = self
            .found
            .iter()
            .map(|found| Ok((Candidate::new(catalogue, found.passage)?, narrow(found.score))))
            .collect::<Result<Vec<_>>>()?;
        let vector = self
            .near
            .iter()
            .map(|(passage, score)| Ok((Candidate::new(catalogue, *passage)?, *score)))
            .collect::<Result<Vec<_>>>()?;
        let weights = match self.mode {
            SearchMode::Hybrid => query.weights,
            // A single retriever has weight one.
            SearchMode::Lexical => Weights { lexical: 1.0, vector: 0.0 },
            SearchMode::Vector => Weights { lexical: 0.0, vector: 1.0 },
        };
        let arms = [
            Arm { weight: weights.lexical, candidates: &lexical },
            Arm { weight: weights.vector, candidates: &vector },
        ];
        let mut fused = fuse(query.fusion, &arms)?;
        if self.mode != SearchMode::Hybrid {
            // It keeps its order too: scores that differ in the last digit may be equal once they are normalised.
            fused.sort_by_key(|fused| fused.arms.iter().flatten().map(|arm| arm.rank).min());
        }
        fused.into_iter().take(query.top_k).map(|fused| self.hit(connection, fused)).collect()
    }

    fn hit(&mut self, connection: &Connection, fused: Fused<Candidate>) -> Result<Hit> {
        let Candidate { key, passage } = fused.id;
        let mut arms = fused.arms.into_iter();
        Ok(Hit {
            source_name: source_name(connection, passage)?,
            passage: passage::load(connection, passage, &key)?,
            score: fused.score,
            lexical: arms.next().flatten(),
            vector: arms.next().flatten(),
            terms: self.take_terms(passage),
        })
    }

    fn take_terms(&mut self, passage: i64) -> Vec<TermScore> {
        let found = self.found.iter_mut().find(|found| found.passage == passage);
        found.map(|found| std::mem::take(&mut found.terms)).unwrap_or_default()
    }
}

/// Passage in the fusion, ordered by key, which makes ties stable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    key: PassageKey,
    passage: i64,
}

impl Candidate {
    fn new(catalogue: &LiveVersions, passage: i64) -> Result<Self> {
        Ok(Self { key: catalogue.key(passage)?, passage })
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
