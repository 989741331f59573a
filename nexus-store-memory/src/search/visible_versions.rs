//! Visible versions: the versions that one search may find. Both retrievers use the same set.
//!
//! A set follows from liveness, grants, and the query's tags, ids and filter. It is cached with the corpus's
//! watermark and updated with later changes, so the cost of a search depends on changes and not on the size of the
//! corpus.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use nexus_core::access::{Grantee, Visibility};
use nexus_core::retrieve::filter::reserved;
use nexus_core::retrieve::{Filter, Query};
use nexus_core::{DocumentId, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use crate::convert::{from_json, limit, to_json};
use crate::error::sql;
use crate::rows::corpus::CorpusRow;
use crate::rows::version::Described;
use crate::search::bit_set::BitSet;
use crate::search::build::NotReady;
use crate::search::live_versions::LiveVersions;
use crate::search::visibility_cache::VisibilityCache;

/// Versions that searches of one scope may find.
#[derive(Clone, Debug)]
pub(crate) struct VisibleVersions {
    pub(crate) watermark: i64,
    pub(crate) versions: BitSet,
    /// Number of passages of the versions.
    pub(crate) passages: u64,
    /// Period of validity, from the first moment until before the second: grants expire.
    holds: (i64, i64),
}

/// Inputs of a set beside the corpus's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) corpus: i64,
    visibility: Visibility,
    tags: Vec<String>,
    documents: BTreeSet<DocumentId>,
    filter: Option<String>,
}

/// Principal, time and filters of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) visibility: &'a Visibility,
    pub(crate) now: Timestamp,
    pub(crate) tags: &'a [String],
    pub(crate) documents: &'a [DocumentId],
    pub(crate) filter: Option<&'a Filter>,
}

impl<'a> Viewer<'a> {
    /// Returns the viewer of `query`.
    pub(crate) fn new(tenant: &'a str, visibility: &'a Visibility, query: &'a Query) -> Self {
        let Query { now, tags, documents, filter, .. } = query;
        Self { tenant, visibility, now: *now, tags, documents, filter: filter.as_ref() }
    }

    /// Returns the same viewer without filters: for all readable versions.
    pub(crate) fn unfiltered(self) -> Self {
        Self { tags: &[], documents: &[], filter: None, ..self }
    }

    fn scope(&self, corpus: i64) -> Scope {
        Scope {
            corpus,
            visibility: self.visibility.clone(),
            tags: self.tags.to_vec(),
            documents: self.documents.iter().cloned().collect(),
            filter: self.filter.map(Filter::to_string),
        }
    }
}

/// Returns the grantees of a visibility as a JSON list of texts; none when it sees all.
pub(crate) fn grantees(visibility: &Visibility) -> Result<Option<String>> {
    match visibility {
        Visibility::All => Ok(None),
        Visibility::Granted(grantees) => {
            to_json(&grantees.iter().map(Grantee::to_string).collect::<Vec<_>>()).map(Some)
        }
    }
}

/// Returns the versions that `viewer` may find, of the live versions.
pub(crate) fn permitted(
    kept: &VisibilityCache,
    connection: &Connection,
    row: CorpusRow,
    live_versions: &LiveVersions,
    viewer: &Viewer<'_>,
) -> Result<Arc<VisibleVersions>, NotReady> {
    let scope = viewer.scope(row.ordinal);
    let before = kept.find(&scope);
    if before.as_ref().is_some_and(|set| set.watermark > row.watermark) {
        return Err(NotReady::Overtaken);
    }
    let before = before.filter(|set| set.holds_at(viewer.now) && set.watermark >= row.swept);
    let set = match before {
        Some(set) if set.watermark == row.watermark => return Ok(set),
        before => {
            let mut set = before.map_or_else(VisibleVersions::nothing, Arc::unwrap_or_clone);
            set.catch_up(connection, &scope, viewer, live_versions)?;
            Arc::new(set)
        }
    };
    kept.put(scope, Arc::clone(&set));
    Ok(set)
}

impl VisibleVersions {
    fn nothing() -> Self {
        Self { watermark: 0, versions: BitSet::default(), passages: 0, holds: (i64::MIN, i64::MAX) }
    }

    fn holds_at(&self, now: Timestamp) -> bool {
        self.holds.0 <= now.as_micros() && now.as_micros() < self.holds.1
    }

    fn catch_up(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        viewer: &Viewer<'_>,
        live_versions: &LiveVersions,
    ) -> Result<()> {
        let grantees = grantees(&scope.visibility)?;
        if grantees.is_none() && scope.is_whole_corpus() {
            self.versions = live_versions.live.clone();
        } else if self.watermark > 0 {
            let granted = grantees
                .map(|grantees| self.granted(connection, Granted::SINCE, scope, viewer, &grantees))
                .transpose()?;
            self.take_changes(connection, scope, viewer, live_versions, granted.as_ref())?;
        } else if let Some(grantees) = grantees {
            let is_few = has_few_grants(connection, viewer.tenant, &grantees, live_versions)?;
            let source = if is_few { Granted::OF_GRANTEES } else { Granted::OF_CORPUS };
            for version in self.granted(connection, source, scope, viewer, &grantees)? {
                if live_versions.live.contains(version) && scope.admits(connection, viewer, version)? {
                    self.versions.insert(version);
                }
            }
        } else {
            self.take_live(connection, scope, viewer)?;
        }
        self.passages = live_versions.passages(&self.versions);
        self.watermark = live_versions.watermark;
        Ok(())
    }

    /// Applies the versions that changed since then.
    fn take_changes(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        viewer: &Viewer<'_>,
        live_versions: &LiveVersions,
        granted: Option<&HashSet<i64>>,
    ) -> Result<()> {
        let mut statement = connection
            .prepare_cached(
                "SELECT ordinal, document, described FROM version INDEXED BY version_by_change
                 WHERE corpus = ?1 AND changed > ?2",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![scope.corpus, self.watermark]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let ordinal: i64 = row.get(0).map_err(sql)?;
            let may_see = granted.is_none_or(|granted| granted.contains(&ordinal));
            if live_versions.live.contains(ordinal) && may_see && scope.admits_row(viewer, row)? {
                self.versions.insert(ordinal);
            } else {
                self.versions.remove(ordinal);
            }
        }
        Ok(())
    }

    /// Adds all live versions that pass the filters.
    fn take_live(&mut self, connection: &Connection, scope: &Scope, viewer: &Viewer<'_>) -> Result<()> {
        let mut statement = connection
            .prepare_cached(
                "SELECT ordinal, document, described FROM version INDEXED BY version_live
                 WHERE corpus = ?1 AND state = 'live'",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![scope.corpus]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            if scope.admits_row(viewer, row)? {
                self.versions.insert(row.get(0).map_err(sql)?);
            }
        }
        Ok(())
    }

    /// Returns the versions that a grant shows now to one of `grantees`.
    fn granted(
        &mut self,
        connection: &Connection,
        statement: &str,
        scope: &Scope,
        viewer: &Viewer<'_>,
        grantees: &str,
    ) -> Result<HashSet<i64>> {
        let mut statement = connection.prepare_cached(statement).map_err(sql)?;
        let mut rows =
            statement.query(params![scope.corpus, viewer.tenant, grantees, self.watermark]).map_err(sql)?;
        let (now, mut granted) = (viewer.now.as_micros(), HashSet::new());
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

/// Sources of granted versions: corpus `?1`, tenant `?2`, grantees `?3`, watermark `?4`.
struct Granted;

impl Granted {
    /// Versions that changed since the watermark.
    const SINCE: &str = "SELECT v.ordinal, a.expires_at FROM version AS v INDEXED BY version_by_change
         CROSS JOIN access AS a ON a.tenant = ?2 AND a.document = v.document
         WHERE v.corpus = ?1 AND v.changed > ?4 AND v.state = 'live'
           AND a.permission IN ('read', 'write', 'owner') AND a.grantee IN (SELECT value FROM json_each(?3))";

    /// Live versions of the corpus.
    const OF_CORPUS: &str = "SELECT v.ordinal, a.expires_at FROM version AS v INDEXED BY version_live
         CROSS JOIN access AS a ON a.tenant = ?2 AND a.document = v.document
         WHERE v.corpus = ?1 AND v.state = 'live' AND ?4 = 0
           AND a.permission IN ('read', 'write', 'owner') AND a.grantee IN (SELECT value FROM json_each(?3))";

    /// Versions of the grants.
    const OF_GRANTEES: &str = "SELECT d.live, a.expires_at FROM access AS a INDEXED BY access_by_grantee
         CROSS JOIN document AS d ON d.tenant = a.tenant AND d.id = a.document
         WHERE a.tenant = ?2 AND a.grantee IN (SELECT value FROM json_each(?3))
           AND a.permission IN ('read', 'write', 'owner') AND d.corpus = ?1 AND d.live IS NOT NULL AND ?4 = 0";
}

/// Returns whether the grantees have far fewer grants in the tenant than the corpus has documents.
fn has_few_grants(
    connection: &Connection,
    tenant: &str,
    grantees: &str,
    live_versions: &LiveVersions,
) -> Result<bool> {
    let few = limit(live_versions.len() / 4);
    connection
        .prepare_cached(
            "SELECT count(*) <= ?3 FROM (SELECT 1 FROM access INDEXED BY access_by_grantee
             WHERE tenant = ?1 AND grantee IN (SELECT value FROM json_each(?2)) LIMIT ?3 + 1)",
        )
        .and_then(|mut statement| statement.query_row(params![tenant, grantees, few], |row| row.get(0)))
        .map_err(sql)
}

impl Scope {
    fn is_whole_corpus(&self) -> bool {
        self.tags.is_empty() && self.documents.is_empty() && self.filter.is_none()
    }

    /// Returns the approximate size of the scope in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let grantees = match &self.visibility {
            Visibility::All => 0,
            Visibility::Granted(grantees) => grantees.iter().map(|grantee| grantee.id().len() + 32).sum(),
        };
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 24).sum();
        let documents: usize = self.documents.iter().map(|id| id.as_str().len() + 32).sum();
        size_of::<Self>() + grantees + tags + documents + self.filter.as_ref().map_or(0, String::len)
    }

    /// Returns whether a version passes the query's own filters.
    fn admits(&self, connection: &Connection, viewer: &Viewer<'_>, version: i64) -> Result<bool> {
        if self.is_whole_corpus() {
            return Ok(true);
        }
        connection
            .prepare_cached("SELECT ordinal, document, described FROM version WHERE ordinal = ?1")
            .and_then(|mut statement| {
                statement.query_row(params![version], |row| Ok(self.admits_row(viewer, row))).optional()
            })
            .map_err(sql)?
            .unwrap_or(Ok(false))
    }

    /// As [`admits`](Self::admits), by the version's row: ordinal, document, description.
    fn admits_row(&self, viewer: &Viewer<'_>, row: &rusqlite::Row<'_>) -> Result<bool> {
        if self.is_whole_corpus() {
            return Ok(true);
        }
        let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str()?)).map_err(sql);
        let document = text(1)?;
        if !self.documents.is_empty() && !self.documents.iter().any(|wanted| wanted.as_str() == document) {
            return Ok(false);
        }
        if self.tags.is_empty() && viewer.filter.is_none() {
            return Ok(true);
        }
        let described: Described = match from_json(text(2)?) {
            Ok(described) => described,
            Err(error) => {
                // The damaged row fails its own requests, and not the searches for other documents.
                tracing::warn!(error = error.report(), document, "a document's description cannot be read");
                return Ok(false);
            }
        };
        let tagged = self.tags.iter().all(|tag| described.tags.contains(tag));
        Ok(tagged && viewer.filter.is_none_or(|filter| filter.matches(&fields(document, described))))
    }
}

/// Returns the fields that a filter can name: the metadata, and the reserved ones over it.
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
