//! The database file: how a connection is set up, and the migrations that bring a file to the present format.

use std::time::Duration;

use nexus_core::{Error, ErrorKind, IdSource, Result, UuidV7};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, sql};

/// Marks the file as Nexus's (`NXUS`).
const APPLICATION_ID: i32 = 0x4e58_5553;

/// What each format version adds to the one before it. Released migrations never change.
const MIGRATIONS: &[&str] = &[
    include_str!("0001_initial.sql"),
    include_str!("0002_ledger.sql"),
    include_str!("0003_audio.sql"),
    include_str!("0004_corrections.sql"),
    include_str!("0005_fewer_pages.sql"),
    include_str!("0006_indexes_and_retention.sql"),
];

/// What a connection is for, which decides how much of the file it keeps in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Bursts of writes.
    Writer,
    /// Searches and lists.
    Reader,
}

/// Settings of every connection.
pub(crate) fn configure(connection: &Connection, role: Role) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(5)).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(256);
    // A plan stays as it was prepared: otherwise values that are bound to a statement have it prepared again.
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

/// Erases with `erase`: what it deletes is overwritten, also whole pages, which deleting leaves as they are otherwise for
/// the sake of speed.
pub(crate) fn overwriting<T>(connection: &Connection, erase: impl FnOnce() -> Result<T>) -> Result<T> {
    let mode = |mode| connection.execute_batch(&format!("PRAGMA secure_delete = {mode};")).map_err(sql);
    mode("ON")?;
    let erased = erase();
    mode("FAST")?;
    erased
}

/// Settings of a file that is written: set once, before the first table.
///
/// The engine takes care of the log, and empties it when it is idle; its file is cut to 64 MB when it begins anew.
pub(crate) fn make_durable(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(sql)
}

/// Brings the file to the present format. A file of a newer format is refused.
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
        let instance = format!("nexus-{}", UuidV7.next());
        transaction
            .execute("INSERT INTO meta (name, value) VALUES ('instance', ?1)", params![instance])
            .map_err(sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
    transaction.pragma_update(None, "user_version", crate::row::limit(MIGRATIONS.len())).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// The format of the file, if this program can use it; 0 for an empty one.
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
        .code("STORE_TOO_NEW")
        .hint("upgrade this program, or restore a backup made before the upgrade")
        .with("format", version)
        .with("understood", MIGRATIONS.len()));
    }
    Ok(version)
}

/// Whether the file is Nexus's; false for one that says nothing of whose it is, as an empty one does.
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

/// The database is another program's.
pub(crate) fn foreign() -> Error {
    corrupt("the database file belongs to another program")
}

fn pragma(connection: &Connection, name: &str) -> Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(sql)
}

/// Reads the whole file for damage: after an unclean stop.
pub(crate) fn check_whole(connection: &Connection) -> Result<()> {
    let verdict: String =
        connection.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(sql)?;
    if verdict == "ok" { Ok(()) } else { Err(corrupt("the database file is damaged").with("check", verdict)) }
}

/// The store's own name.
pub(crate) fn instance(connection: &Connection) -> Result<String> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'instance'", [], |row| row.get(0))
        .optional()
        .map_err(sql)?
        .ok_or_else(|| corrupt("the database file names no instance"))
}

/// The id that the store's marker bears too; none in a file that an earlier version wrote last.
pub(crate) fn store_id(connection: &Connection) -> Result<Option<String>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'store'", [], |row| row.get(0))
        .optional()
        .map_err(sql)
}

/// Gives a file that has none its id.
pub(crate) fn set_store_id(connection: &Connection, id: &str) -> Result<()> {
    connection
        .execute("INSERT INTO meta (name, value) VALUES ('store', ?1)", params![id])
        .map(drop)
        .map_err(sql)
}
