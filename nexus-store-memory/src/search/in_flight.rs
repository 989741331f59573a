//! Documents in flight: those of a corpus that a search cannot find yet.

use nexus_core::access::Visibility;
use nexus_core::retrieve::MAX_IN_FLIGHT;
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, params};

use crate::convert::{limit, small};
use crate::error::sql;
use crate::search::visible_versions::grantees;

/// Returns the number of documents of a corpus with new content in flight that `visibility` shows at `now`.
pub(crate) fn count(
    connection: &Connection,
    corpus: i64,
    visibility: &Visibility,
    now: Timestamp,
) -> Result<u64> {
    let grantees = grantees(visibility)?;
    let found: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (
                 SELECT tenant AS of_tenant, id AS of_document
                 FROM document INDEXED BY document_by_corpus_and_status
                 WHERE corpus = ?1 AND status IN ('queued', 'processing') LIMIT ?2)
             WHERE NOT EXISTS (
                 SELECT 1 FROM job INDEXED BY job_by_document
                 WHERE tenant = of_tenant AND document = of_document
                   AND state IN ('queued', 'processing') AND reindex)
             AND (?3 IS NULL OR EXISTS (
                 SELECT 1 FROM access
                 WHERE tenant = of_tenant AND document = of_document
                   AND grantee IN (SELECT value FROM json_each(?3))
                   AND permission IN ('read', 'write', 'owner') AND (expires_at IS NULL OR expires_at > ?4)))",
        )
        .and_then(|mut statement| {
            let values = params![corpus, limit(MAX_IN_FLIGHT), grantees, now.as_micros()];
            statement.query_row(values, |row| row.get(0))
        })
        .map_err(sql)?;
    small(found)
}
