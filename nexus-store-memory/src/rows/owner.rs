//! Leases of owners on unfinished runs and open calls. Core decides which work can be claimed.

use nexus_core::owner::{OwnerLease, is_claimable};
use nexus_core::{OwnerId, Result, Timestamp};
use rusqlite::{Connection, params};

use crate::error::sql;

/// Statements on one kind of work.
pub(crate) struct Work {
    /// Work whose own lease has expired, oldest first, with that lease and the renewal of its owner.
    candidates: &'static str,
    set_owner: &'static str,
    release: &'static str,
    expire: &'static str,
}

/// Unfinished runs.
pub(crate) const RUNS: Work = Work {
    candidates: "SELECT r.seq, r.lease_until, l.lease_until FROM run AS r INDEXED BY run_open_by_seq
                 LEFT JOIN owner_lease AS l ON l.owner = r.driver
                 WHERE r.closed = 0 AND r.lease_until <= ?1 ORDER BY r.seq",
    set_owner: "UPDATE run SET driver = ?2, lease_until = ?3 WHERE seq = ?1",
    release: "UPDATE run SET lease_until = 0 WHERE closed = 0 AND driver = ?1",
    expire: "UPDATE run SET lease_until = 0 WHERE closed = 0 AND lease_until > 0",
};

/// Open calls.
pub(crate) const CALLS: Work = Work {
    candidates: "SELECT c.seq, c.lease_until, l.lease_until FROM llm_api_calls AS c INDEXED BY call_open
                 LEFT JOIN owner_lease AS l ON l.owner = c.owner
                 WHERE c.status = 'open' AND c.lease_until <= ?1 ORDER BY c.seq",
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
    let claimable = claimable(connection, work, now, limit)?;
    let mut set_owner = connection.prepare_cached(work.set_owner).map_err(sql)?;
    for seq in &claimable {
        set_owner.execute(params![seq, lease.owner.as_str(), lease.until.as_micros()]).map_err(sql)?;
    }
    connection
        .prepare_cached("DELETE FROM owner_lease WHERE lease_until <= ?1")
        .and_then(|mut statement| statement.execute([now.as_micros()]))
        .map_err(sql)?;
    Ok(claimable.len())
}

/// Returns at most `limit` pieces of work that can be claimed, the oldest first. It reads no row behind the last of them.
fn claimable(connection: &Connection, work: &Work, now: Timestamp, limit: usize) -> Result<Vec<i64>> {
    let mut candidates = connection.prepare_cached(work.candidates).map_err(sql)?;
    let mut rows = candidates.query([now.as_micros()]).map_err(sql)?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(row) = rows.next().map_err(sql)? else { break };
        let columns = || -> rusqlite::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
        let (seq, lease_until, renewal): (i64, i64, Option<i64>) = columns().map_err(sql)?;
        if is_claimable(Timestamp::from_micros(lease_until), renewal.map(Timestamp::from_micros), now) {
            found.push(seq);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::{self, Role};

    #[test]
    fn a_claim_reads_no_row_behind_the_last_that_it_takes() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::configure(&connection, Role::Writer).unwrap();
        migrations::migrate(&mut connection).unwrap();
        // The lease of the last run cannot be read. The first run belongs to the last tenant.
        for (tenant, lease_until) in [("c", "0"), ("b", "99"), ("a", "0"), ("a", "0.5")] {
            let run = format!(
                "INSERT INTO run (tenant, id, owner, session, closed, version, body, lease_until)
                 SELECT '{tenant}', count(*), 'u', 's', 0, 1, '{{}}', {lease_until} FROM run"
            );
            connection.execute_batch(&run).unwrap();
        }
        let now = Timestamp::from_micros(9);
        assert_eq!(claimable(&connection, &RUNS, now, 2).unwrap(), [1, 3]);
        claimable(&connection, &RUNS, now, 3).unwrap_err();
    }
}
