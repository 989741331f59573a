//! Setup of connections, and the migrations of a database file to the current format.

use std::time::Duration;

use nexus_core::{Clock as _, Error, ErrorKind, IdSource, Result, SystemClock, UuidV7, check_clock};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, sql};

/// Application id of Nexus (`NXUS`).
const APPLICATION_ID: i32 = 0x4e58_5553;

/// Migrations from each format version to the next. Released migrations never change.
const MIGRATIONS: &[&str] = &[
    include_str!("0001_initial.sql"),
    include_str!("0002_ledger.sql"),
    include_str!("0003_audio.sql"),
    include_str!("0004_corrections.sql"),
    include_str!("0005_fewer_pages.sql"),
    include_str!("0006_indexes_and_retention.sql"),
    include_str!("0007_owners.sql"),
    include_str!("0008_resources.sql"),
    include_str!("0009_settings_version.sql"),
    include_str!("0010_idempotency_key.sql"),
    include_str!("0011_claims_in_order.sql"),
    include_str!("0012_erasures.sql"),
    include_str!("0013_readers.sql"),
];

/// Purpose of a connection, which decides the size of its page cache.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Bursts of writes.
    Writer,
    /// Searches and lists.
    Reader,
}

/// Applies the settings of every connection.
pub(crate) fn configure(connection: &Connection, role: Role) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(5)).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(256);
    // A plan stays as prepared: otherwise bound values cause a statement to be prepared again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
    let kibibytes = match role {
        Role::Writer => 8192,
        Role::Reader => 2048,
    };
    let pragmas = format!(
        "PRAGMA foreign_keys = ON; PRAGMA cache_size = -{kibibytes}; PRAGMA temp_store = MEMORY; \
         PRAGMA secure_delete = FAST;"
    );
    connection.execute_batch(&pragmas).map_err(sql)
}

/// Runs `erase` with overwriting of all that it deletes, including whole pages, which a deletion otherwise leaves for
/// speed.
pub(crate) fn with_secure_delete<T>(connection: &Connection, erase: impl FnOnce() -> Result<T>) -> Result<T> {
    let mode = |mode| connection.execute_batch(&format!("PRAGMA secure_delete = {mode};")).map_err(sql);
    mode("ON")?;
    let erased = erase();
    mode("FAST")?;
    erased
}

/// Applies the settings of a writable file: once, before the first table.
///
/// The engine checkpoints the log, and empties it when idle; its file is truncated to 64 MB when it restarts.
pub(crate) fn make_durable(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(sql)
}

/// Migrates the file to the current format. A file of a newer format is refused.
pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let version = check_format(connection)?;
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction().map_err(sql)?;
    for migration in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(migration).map_err(sql)?;
    }
    if version == 0 {
        check_clock(SystemClock.now())?;
        let instance = format!("nexus-{}", UuidV7.next());
        transaction
            .execute("INSERT INTO meta (name, value) VALUES ('instance', ?1)", params![instance])
            .map_err(sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
    transaction.pragma_update(None, "user_version", crate::convert::limit(MIGRATIONS.len())).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Returns the format of the file, if this program can use it; 0 for an empty one.
pub(crate) fn check_format(connection: &Connection) -> Result<usize> {
    check_owner(connection)?;
    let version = usize::try_from(pragma(connection, "user_version")?)
        .map_err(|_| corrupt("the database file has no valid format"))?;
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "the data directory was written by a newer version of Nexus: it has format {version}, \
                 and this program knows up to format {known}"
            ),
        )
        .with_code("STORE_TOO_NEW")
        .with_hint("upgrade this program, or restore a backup made before the upgrade")
        .with("format", version)
        .with("understood", MIGRATIONS.len()));
    }
    Ok(version)
}

/// Returns whether the file belongs to Nexus; false for one without an application id, such as an empty one.
///
/// # Errors
/// [`Corrupt`](ErrorKind::Corrupt) when it is another program's.
pub(crate) fn check_owner(connection: &Connection) -> Result<bool> {
    match (pragma(connection, "application_id")?, pragma(connection, "user_version")?) {
        (APPLICATION_ID, _) => Ok(true),
        (0, 0) => Ok(false),
        _ => Err(foreign()),
    }
}

/// Returns the error of another program's database.
pub(crate) fn foreign() -> Error {
    corrupt("the database file belongs to another program")
}

fn pragma(connection: &Connection, name: &str) -> Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(sql)
}

/// Returns whether the file has an older format than the current one.
pub(crate) fn is_older(connection: &Connection) -> Result<bool> {
    Ok((1..MIGRATIONS.len()).contains(&check_format(connection)?))
}

/// Checks the whole file for damage, after an unclean stop.
pub(crate) fn check_whole(connection: &Connection) -> Result<()> {
    let verdict: String =
        connection.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(sql)?;
    if verdict == "ok" { Ok(()) } else { Err(corrupt("the database file is damaged").with("check", verdict)) }
}

/// Returns the name of the store's instance.
pub(crate) fn instance(connection: &Connection) -> Result<String> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'instance'", [], |row| row.get(0))
        .optional()
        .map_err(sql)?
        .ok_or_else(|| corrupt("the database file names no instance"))
}

/// Returns the id that the store's marker holds too; none in a file that an earlier version wrote last.
pub(crate) fn store_id(connection: &Connection) -> Result<Option<String>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'store'", [], |row| row.get(0))
        .optional()
        .map_err(sql)
}

/// Assigns an id to a file without one.
pub(crate) fn set_store_id(connection: &Connection, id: &str) -> Result<()> {
    connection
        .execute("INSERT INTO meta (name, value) VALUES ('store', ?1)", params![id])
        .map(drop)
        .map_err(sql)
}

#[cfg(test)]
mod tests {
    use nexus_core::hex;

    use super::*;

    /// A new step is added here with its own digest. A digest that stands here is never replaced: stores were made by it.
    #[test]
    fn released_migrations_never_change() {
        let digests: Vec<String> = MIGRATIONS.iter().map(|text| hex::sha256(text.as_bytes())).collect();
        assert_eq!(
            digests,
            [
                "8e4704f6cb9ed68423fcdf0857aa0683522d95580267283fa739aa1aef2542b6",
                "07b6b38e01d5742f444d6a5440e22684fb9b86d66f6565512f63b5eb8737c78a",
                "a1b31082b3c741524ee2c7e064103e0f133f3d91b7931c92ffa49ebebcf6ff50",
                "d76032ca1e5abc24fd0a4979d98be89088e887af60daf4a9ef2d036b3e9224fe",
                "d0f5e2d69d69d3088ac9d29081f2c8a5b740346ed36e546e0294bb96612edeef",
                "28996445515beb0d6b608be201ff3b7ffa49017db823597b405a7c68170810bd",
                "5fc016170bd7982e12d112f9c3446630235d45db5d28e99ddb48ce5eacf5dfab",
                "90eb98aaa835c921fa99a38b57445dd11a9f87b27aa54c826b9d10a533f15648",
                "e8fcf6bc066c21b6dffc8ac31b341f2b7e7ea89bc394b3a9a1b32982208c1b8a",
                "096e8e20d3f2401c41410ceffec626c182d55e61bdbc30e32bfcf580de8ada22",
                "8a7b7948f1f4315193ceba436e6231f7f7fed6168ebbc0dddcf1b1abee4c1e2e",
                "e5c6a8471d4aeccd3c1c11b6ad599398bc725e7846a2762e7c9d586d71db89f0",
                "8ad3b694d8fac733acefc149e53038fd041ebdae27ae18a56ddc838e0d718482",
            ]
        );
    }

    /// Creates a database in the format before the vectors of each version had a length of their own.
    fn before_lengths() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for migration in &MIGRATIONS[..5] {
            connection.execute_batch(migration).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 5).unwrap();
        connection.execute("INSERT INTO meta (name, value) VALUES ('instance', 'i')", []).unwrap();
        connection
    }

    #[test]
    fn a_corpus_whose_first_vector_had_a_wrong_length_is_of_use_again() {
        let mut connection = before_lengths();
        connection
            .execute_batch(
                "INSERT INTO corpus (ordinal, tenant, id, body, watermark) VALUES (1, 'acme', 'c', '{}', 1);
                 INSERT INTO model (id, name) VALUES (1, 'model@1');
                 INSERT INTO dimension (corpus, model, dimension) VALUES (1, 1, 3);
                 INSERT INTO version (ordinal, tenant, corpus, document, number, state, changed, published, passages,
                     model, vectors) VALUES (7, 'acme', 1, 'd', 1, 'live', 1, 1, 1, 1, 1);
                 INSERT INTO version (ordinal, tenant, corpus, document, number, state, changed)
                     VALUES (6, 'acme', 1, 'old', 1, 'retired', 1);
                 INSERT INTO vector (passage, model, numbers) VALUES (7 << 24, 1, zeroblob(16));",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let version = |ordinal: i64| {
            let read = "SELECT dimension, document FROM version WHERE ordinal = ?1";
            let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            connection.query_row::<(Option<i64>, String), _, _>(read, [ordinal], columns).unwrap()
        };
        assert_eq!(version(7), (Some(4), "d".to_owned()));
        assert_eq!(version(6), (None, String::new()), "a retired version does not name its document");
    }

    #[test]
    fn what_an_older_store_holds_is_found_by_the_indexes_of_a_newer_one() {
        let mut connection = before_lengths();
        connection
            .execute_batch(
                "INSERT INTO run (tenant, id, owner, session, closed, version, body)
                     VALUES ('acme', 'r', 'u', 's', 1, 1, '{\"ask\": {\"tags\": [\"one\", \"two\", \"one\"]}}');
                 INSERT INTO billing_ledger (tenant, seq, ts, day, user, model, call, attempt, revision, estimated, calls,
                     tokens, cost_units, cost_nano, body)
                 VALUES ('acme', 1, 3600000001, 'd', 'u', 'm', 'c1', 1, 0, 1, 1, 1, 1, 1, '{\"status\": \"unknown_outcome\"}'),
                        ('acme', 2, 3600000002, 'd', 'u', 'm', 'c1', 1, 1, 0, 1, 1, 1, 1, '{\"status\": \"succeeded\"}'),
                        ('acme', 2000, 7200000000, 'd', 'u', 'n', 'c2', 1, 0, 1, 1, 1, 1, 1,
                         '{\"status\": \"unknown_outcome\"}');",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let all = |statement: &str| -> Vec<String> {
            let mut statement = connection.prepare(statement).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
        };
        let unreconciled = "SELECT CAST(seq AS TEXT) FROM line_unreconciled ORDER BY seq";
        assert_eq!(all("SELECT tag FROM run_tag ORDER BY tag"), ["one", "two"]);
        assert_eq!(all(unreconciled), ["2000"]);
        assert_eq!(all("SELECT model || block FROM line_block_of_model ORDER BY 1"), ["m0", "n1"]);
        assert_eq!(all("SELECT hour || ':' || block FROM line_block_of_hour ORDER BY 1"), ["1:0", "2:1"]);
        // A reconciliation removes an entry from the list.
        connection
            .execute_batch(
                "INSERT INTO billing_ledger (tenant, seq, ts, day, user, model, call, attempt, revision, estimated, calls,
                     tokens, cost_units, cost_nano, body)
                 VALUES ('acme', 2001, 7200000000, 'd', 'u', 'n', 'c2', 1, 1, 0, 1, 1, 1, 1, '{}')",
            )
            .unwrap();
        assert_eq!(all(unreconciled), [""; 0]);
    }
}
