//! Leases of owners on unfinished runs and open calls. Work can be claimed once its own lease has expired and its owner
//! has renewed no other.

use nexus_core::owner::OwnerLease;
use nexus_core::{OwnerId, Result, Timestamp};
use rusqlite::{Connection, params};

use crate::error::sql;

/// Statements on one kind of work.
pub(crate) struct Work {
    claimable: &'static str,
    set_owner: &'static str,
    release: &'static str,
    expire: &'static str,
}

/// Unfinished runs.
pub(crate) const RUNS: Work = Work {
    claimable: "SELECT seq FROM run AS r INDEXED BY run_open WHERE r.closed = 0 AND r.lease_until <= ?1 AND NOT EXISTS
                    (SELECT 1 FROM owner_lease AS l WHERE l.owner = r.driver AND l.lease_until > ?1)",
    set_owner: "UPDATE run SET driver = ?2, lease_until = ?3 WHERE seq = ?1",
    release: "UPDATE run SET lease_until = 0 WHERE closed = 0 AND driver = ?1",
    expire: "UPDATE run SET lease_until = 0 WHERE closed = 0 AND lease_until > 0",
};

/// Open calls.
pub(crate) const CALLS: Work = Work {
    claimable: "SELECT seq FROM llm_api_calls AS c INDEXED BY call_open WHERE c.status = 'open' AND c.lease_until <= ?1
                    AND NOT EXISTS
                    (SELECT 1 FROM owner_lease AS l WHERE l.owner = c.owner AND l.lease_until > ?1)",
    set_owner: "UPDATE llm_api_calls SET owner = ?2, lease_until = ?3 WHERE seq = ?1",
    release: "UPDATE llm_api_calls SET lease_until = 0 WHERE status = 'open' AND owner = ?1",
    expire: "UPDATE llm_api_calls SET lease_until = 0 WHERE status = 'open' AND lease_until > 0",
};

/// Renews the lease of an owner, and returns whether it has work.
pub(crate) fn renew(connection: &Connection, lease: &OwnerLease) -> Result<bool> {
    let renewed = connection
        .prepare_cached(
            "INSERT INTO owner_lease (owner, lease_until) SELECT ?1, ?2
             WHERE EXISTS (SELECT 1 FROM run INDEXED BY run_open WHERE closed = 0 AND driver = ?1)
                OR EXISTS (SELECT 1 FROM llm_api_calls INDEXED BY call_open WHERE status = 'open' AND owner = ?1)
             ON CONFLICT (owner) DO UPDATE SET lease_until = excluded.lease_until",
        )
        .and_then(|mut statement| statement.execute(params![lease.owner.as_str(), lease.until.as_micros()]));
    renewed.map(|rows| rows > 0).map_err(sql)
}

/// Ends the lease of an owner, and those of its work.
pub(crate) fn release(connection: &Connection, owner: &OwnerId) -> Result<()> {
    for statement in [RUNS.release, CALLS.release, "DELETE FROM owner_lease WHERE owner = ?1"] {
        connection.execute(statement, [owner.as_str()]).map_err(sql)?;
    }
    Ok(())
}

/// Expires all leases: their holders are gone, because this process holds the directory now.
pub(crate) fn expire_leases(connection: &Connection) -> Result<()> {
    for statement in [RUNS.expire, CALLS.expire, "DELETE FROM owner_lease"] {
        connection.execute(statement, []).map_err(sql)?;
    }
    Ok(())
}

/// Gives work whose leases have expired at `now` to the owner of `lease`, the oldest first, and returns its amount.
pub(crate) fn claim(
    connection: &Connection,
    work: &Work,
    lease: &OwnerLease,
    now: Timestamp,
    limit: usize,
) -> Result<usize> {
    connection
        .prepare_cached("DELETE FROM owner_lease WHERE lease_until <= ?1")
        .and_then(|mut statement| statement.execute([now.as_micros()]))
        .map_err(sql)?;
    let mut claimable = connection.prepare_cached(work.claimable).map_err(sql)?;
    let rows = claimable.query_map([now.as_micros()], |row| row.get::<_, i64>(0));
    let mut rows = rows.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).map_err(sql)?;
    rows.sort_unstable();
    rows.truncate(limit);
    let mut set_owner = connection.prepare_cached(work.set_owner).map_err(sql)?;
    for row in &rows {
        set_owner.execute(params![row, lease.owner.as_str(), lease.until.as_micros()]).map_err(sql)?;
    }
    Ok(rows.len())
}
