//! The permitted set: which versions one search may find. Both arms look at the same one.
//!
//! A set follows from liveness, grants, and the query's tags, ids and filter. It is kept with the corpus's watermark and
//! brought up to date with what changed since, so a search pays for changes and not for the size of the corpus.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_core::access::{Authorised, Grantee, Visibility};
use nexus_core::retrieve::filter::reserved;
use nexus_core::retrieve::{Filter, Query};
use nexus_core::{DocumentId, Result, Timestamp};
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use crate::bits::Bits;
use crate::catalogue::Catalogue;
use crate::corpus::CorpusRow;
use crate::error::sql;
use crate::row::{from_json, to_json};
use crate::version::Described;

/// How many sets are kept. Each is a bit per version.
const KEPT: usize = 64;

/// The versions that one kind of search may find.
#[derive(Clone, Debug)]
pub(crate) struct Permitted {
    watermark: i64,
    pub(crate) versions: Bits,
    /// How many passages they have.
    pub(crate) passages: u64,
    /// The set holds from this moment on, and before the other: grants expire.
    holds: (i64, i64),
}

/// What a set depends on beside the corpus's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    corpus: i64,
    visibility: Visibility,
    tags: Vec<String>,
    documents: BTreeSet<DocumentId>,
    filter: Option<String>,
}

/// The grantees of a visibility as a JSON list of texts; nothing when it sees all.
pub(crate) fn grantees(visibility: &Visibility) -> Result<Option<String>> {
    match visibility {
        Visibility::All => Ok(None),
        Visibility::Granted(grantees) => {
            to_json(&grantees.iter().map(Grantee::to_string).collect::<Vec<_>>()).map(Some)
        }
    }
}

/// What searches remember of corpora from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    catalogues: Mutex<HashMap<i64, Arc<Catalogue>>>,
    sets: Mutex<Vec<(Scope, Arc<Permitted>)>>,
}

impl Memory {
    /// The catalogue as of the snapshot; nothing when a newer snapshot was catalogued already.
    pub(crate) fn catalogue(
        &self,
        connection: &Connection,
        row: CorpusRow,
    ) -> Result<Option<Arc<Catalogue>>> {
        let mut kept = self.catalogues.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.remove(&row.ordinal).unwrap_or_default();
        if before.watermark >= row.watermark {
            let is_newer = before.watermark > row.watermark;
            kept.insert(row.ordinal, Arc::clone(&before));
            return Ok((!is_newer).then_some(before));
        }
        let mut catalogue = Arc::unwrap_or_clone(before);
        catalogue.catch_up(connection, row.ordinal, row.watermark)?;
        let catalogue = Arc::new(catalogue);
        kept.insert(row.ordinal, Arc::clone(&catalogue));
        Ok(Some(catalogue))
    }

    /// What `query` may find, as of the catalogue; nothing when that of a newer snapshot is known already.
    pub(crate) fn permitted(
        &self,
        connection: &Connection,
        row: CorpusRow,
        catalogue: &Catalogue,
        query: &Authorised<Query>,
    ) -> Result<Option<Arc<Permitted>>> {
        let request = query.request();
        let scope = Scope {
            corpus: row.ordinal,
            visibility: query.visibility().clone(),
            tags: request.tags.clone(),
            documents: request.documents.iter().cloned().collect(),
            filter: request.filter.as_ref().map(Filter::to_string),
        };
        let now = request.now.as_micros();
        let before = self.find(&scope);
        if before.as_ref().is_some_and(|set| set.watermark > row.watermark) {
            return Ok(None);
        }
        let set = match before.filter(|set| set.holds_at(now)) {
            Some(set) if set.watermark == row.watermark => set,
            before => {
                let mut set = before.map_or_else(Permitted::nothing, Arc::unwrap_or_clone);
                set.catch_up(connection, &scope, request, catalogue)?;
                Arc::new(set)
            }
        };
        self.put(scope, Arc::clone(&set));
        Ok(Some(set))
    }

    /// Forgets a corpus that is gone.
    pub(crate) fn forget(&self, corpus: i64) {
        self.catalogues.lock().unwrap_or_else(PoisonError::into_inner).remove(&corpus);
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).retain(|(scope, _)| scope.corpus != corpus);
    }

    fn find(&self, scope: &Scope) -> Option<Arc<Permitted>> {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.iter().find(|(kept, _)| kept == scope).map(|(_, set)| Arc::clone(set))
    }

    /// Keeps a set, unless a newer one is known; the one that was used longest ago makes room.
    fn put(&self, scope: Scope, set: Arc<Permitted>) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.iter().any(|(kept, known)| *kept == scope && known.watermark > set.watermark) {
            return;
        }
        sets.retain(|(kept, _)| *kept != scope);
        if sets.len() >= KEPT {
            sets.remove(0);
        }
        sets.push((scope, set));
    }
}

impl Permitted {
    fn nothing() -> Self {
        Self { watermark: 0, versions: Bits::default(), passages: 0, holds: (i64::MIN, i64::MAX) }
    }

    fn holds_at(&self, now: i64) -> bool {
        self.holds.0 <= now && now < self.holds.1
    }

    fn catch_up(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        query: &Query,
        catalogue: &Catalogue,
    ) -> Result<()> {
        let unlimited = scope.visibility == Visibility::All;
        if unlimited && scope.is_whole_corpus() {
            self.versions = catalogue.live.clone();
            self.passages = catalogue.live_passages;
            self.watermark = catalogue.watermark;
            return Ok(());
        }
        let granted = match grantees(&scope.visibility)? {
            Some(grantees) => self.granted(connection, scope.corpus, &grantees, query.now)?,
            None => HashSet::new(),
        };
        let mut statement = connection
            .prepare_cached(
                "SELECT ordinal, document, described FROM version WHERE corpus = ?1 AND changed > ?2 ORDER BY changed",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![scope.corpus, self.watermark]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let ordinal: i64 = row.get(0).map_err(sql)?;
            let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str()?)).map_err(sql);
            let may_see = catalogue.live.contains(ordinal) && (unlimited || granted.contains(&ordinal));
            if may_see && scope.admits(query, text(1)?, text(2)?)? {
                self.versions.insert(ordinal);
            } else {
                self.versions.remove(ordinal);
            }
        }
        self.passages = catalogue.passages(&self.versions);
        self.watermark = catalogue.watermark;
        Ok(())
    }

    /// The versions, of those that changed, that a grant of `grantees` shows at `now`.
    fn granted(
        &mut self,
        connection: &Connection,
        corpus: i64,
        grantees: &str,
        now: Timestamp,
    ) -> Result<HashSet<i64>> {
        let mut statement = connection
            .prepare_cached(
                "SELECT v.ordinal, a.expires_at FROM version AS v
                 JOIN access AS a ON a.tenant = v.tenant AND a.document = v.document
                 WHERE v.corpus = ?1 AND v.changed > ?2 AND v.state = 'live'
                   AND a.permission IN ('read', 'write', 'owner')
                   AND a.grantee IN (SELECT value FROM json_each(?3))",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![corpus, self.watermark, grantees]).map_err(sql)?;
        let (now, mut granted) = (now.as_micros(), HashSet::new());
        while let Some(row) = rows.next().map_err(sql)? {
            match row.get::<_, Option<i64>>(1).map_err(sql)? {
                Some(end) if end <= now => self.holds.0 = self.holds.0.max(end),
                end => {
                    self.holds.1 = self.holds.1.min(end.unwrap_or(i64::MAX));
                    granted.insert(row.get(0).map_err(sql)?);
                }
            }
        }
        Ok(granted)
    }
}

impl Scope {
    fn is_whole_corpus(&self) -> bool {
        self.tags.is_empty() && self.documents.is_empty() && self.filter.is_none()
    }

    /// Whether the query's own filters let a document pass.
    fn admits(&self, query: &Query, document: &str, described: &str) -> Result<bool> {
        if !self.documents.is_empty() && !self.documents.iter().any(|wanted| wanted.as_str() == document) {
            return Ok(false);
        }
        if self.tags.is_empty() && query.filter.is_none() {
            return Ok(true);
        }
        let described: Described = from_json(described)?;
        let tagged = self.tags.iter().all(|tag| described.tags.contains(tag));
        Ok(tagged && query.filter.as_ref().is_none_or(|filter| filter.matches(&fields(document, described))))
    }
}

/// The fields that a filter can name: the metadata, and the reserved ones over it.
fn fields(document: &str, described: Described) -> Map<String, Value> {
    let mut fields = described.metadata;
    let texts = [
        (reserved::ID, document.to_owned()),
        (reserved::NAME, described.name),
        (reserved::CONTENT_TYPE, described.content_type),
        (reserved::CREATED_AT, described.created_at.to_string()),
        (reserved::UPDATED_AT, described.updated_at.to_string()),
    ];
    fields.extend(texts.map(|(name, text)| (name.to_owned(), Value::String(text))));
    fields.insert(reserved::TAGS.to_owned(), described.tags.into_iter().map(Value::String).collect());
    fields
}
