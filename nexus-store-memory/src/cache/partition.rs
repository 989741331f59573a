//! Cache partition: the entries of one kind in a database that never exceeds its capacity.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexus_core::cache::{CacheEntry, CacheKey, CacheScope, SimilarEntry, cosine};
use nexus_core::{Result, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::{limit as at_most, small};
use crate::error::{corrupt, file, sql};
use crate::files::{directory, file_permissions};

/// Format version of the file; a file of another format is recreated.
const FORMAT: i32 = 2;
/// Application id of a cache of Nexus (`NXCA`). Files of the first two formats have no such mark.
const APPLICATION_ID: i32 = 0x4e58_4341;
const PAGE: u64 = 4_096;
/// Upper bound on the pages that one entry takes beside its content: its row, and its place in four indexes.
const PAGES_PER_ENTRY: u64 = 8;
/// Number of entries that one eviction deletes.
const BATCH: i64 = 8;
/// Upper bound on the expired entries that each write deletes.
const SWEEP: i64 = 16;
/// Upper bound on the entries of a scope that are compared with a vector, most recently used first.
const COMPARED: i64 = 1_000;

/// Entries of one kind.
#[derive(Debug)]
pub(super) struct Partition {
    connection: Mutex<Connection>,
    /// Upper bound on the pages of the database.
    pages: u64,
    /// Upper bound on the bytes of one entry: an eighth of the capacity of all kinds together.
    largest: u64,
}

impl Partition {
    pub(super) fn in_ram(max_bytes: u64) -> Result<Self> {
        Self::new(Connection::open_in_memory().map_err(sql)?, max_bytes)
    }

    /// Opens the partition in the file `path`, recreated if it is damaged or of another format. A file that is no
    /// cache stays unchanged, and the partition is kept in memory.
    pub(super) fn open(path: &Path, max_bytes: u64) -> Result<Self> {
        if !is_ours(path) {
            tracing::warn!(path = %path.display(), "the cache is kept in memory: this file is no cache of Nexus");
            return Self::in_ram(max_bytes);
        }
        if let Some(linked) = beside(path).find(|name| is_no_file(name)) {
            tracing::warn!(
                path = %linked.display(),
                "the cache is kept in memory: this is a link, which is not followed, or of another kind"
            );
            return Self::in_ram(max_bytes);
        }
        let open = || {
            file_permissions::touch(path).map_err(|source| file("create", path, source))?;
            Self::new(Connection::open(path).map_err(sql)?, max_bytes)
        };
        open().or_else(|error| {
            tracing::warn!(error = %error.report(), path = %path.display(), "recreated a cache that could not be used");
            for name in std::iter::once(path.to_owned()).chain(beside(path)) {
                let dir = path.parent().unwrap_or(path);
                directory::remove_file(dir, &name).map_err(|source| file("remove", &name, source))?;
            }
            open()
        })
    }

    fn new(connection: Connection, max_bytes: u64) -> Result<Self> {
        connection.busy_timeout(Duration::from_secs(1)).map_err(sql)?;
        // Deleted entries are overwritten: they may quote a deleted document.
        connection
            .execute_batch(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                 PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 1048576; \
                 PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
            )
            .map_err(sql)?;
        let format: i32 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
        if format != 0 && format != FORMAT {
            return Err(corrupt("the cache has another format"));
        }
        connection.execute_batch(include_str!("schema.sql")).map_err(sql)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
        connection.pragma_update(None, "user_version", FORMAT).map_err(sql)?;
        let partition =
            Self { connection: Mutex::new(connection), pages: max_bytes / PAGE, largest: max_bytes / 4 };
        // The capacity may be smaller than before.
        partition.shrink()?;
        Ok(partition)
    }

    fn shrink(&self) -> Result<()> {
        let connection = self.lock();
        if pages(&connection)?.total > self.pages {
            make_room(&connection, self.pages, 0)?;
            connection.execute_batch("VACUUM;").map_err(sql)?;
        }
        Ok(())
    }

    /// Returns the size of the database in bytes.
    pub(super) fn held(&self) -> Result<u64> {
        Ok(pages(&self.lock())?.total * PAGE)
    }

    pub(super) fn get(&self, key: &CacheKey, now: Timestamp) -> Result<Option<Arc<[u8]>>> {
        let connection = self.lock();
        let found: Option<(i64, Vec<u8>)> = connection
            .prepare_cached(
                "SELECT ordinal, body FROM entry
                 WHERE tenant = ?1 AND scope = ?2 AND content = ?3 AND made_at <= ?4 AND expires_at > ?4",
            )
            .and_then(|mut statement| {
                let CacheScope { tenant, kind: _, digest } = &key.scope;
                let values =
                    params![tenant.as_str(), digest.as_bytes(), key.content.as_bytes(), now.as_micros()];
                statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(sql)?;
        let Some((ordinal, body)) = found else { return Ok(None) };
        touch(&connection, ordinal)?;
        Ok(Some(body.into()))
    }

    pub(super) fn put(&self, entries: &[&(CacheKey, CacheEntry)], now: Timestamp) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(sql)?;
        sweep(&transaction, now)?;
        for (key, entry) in entries {
            remove(&transaction, key)?;
            let size = size(entry);
            if size <= self.largest {
                make_room(&transaction, self.pages, size.div_ceil(PAGE) + PAGES_PER_ENTRY)?;
                insert(&transaction, key, entry)?;
            }
        }
        transaction.commit().map_err(sql)
    }

    /// Deletes the entries made for a run, here and in the write-ahead log.
    pub(super) fn forget_run(&self, tenant: &str, run: &RunId) -> Result<()> {
        let connection = self.lock();
        connection
            .execute("DELETE FROM entry WHERE tenant = ?1 AND run = ?2", params![tenant, run.as_str()])
            .map_err(sql)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sql)
    }

    pub(super) fn nearest(
        &self,
        scope: &CacheScope,
        vector: &[f32],
        threshold: f64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<SimilarEntry>> {
        let connection = self.lock();
        let mut near = compare(&connection, scope, vector, now)?;
        near.retain(|(similarity, _)| *similarity >= threshold);
        // Stable: of equal entries, the most recently used comes first.
        near.sort_by(|one, two| two.0.total_cmp(&one.0));
        near.truncate(limit);
        let body = |ordinal: i64| -> Result<Arc<[u8]>> {
            let mut statement =
                connection.prepare_cached("SELECT body FROM entry WHERE ordinal = ?1").map_err(sql)?;
            let body: Vec<u8> = statement.query_row(params![ordinal], |row| row.get(0)).map_err(sql)?;
            Ok(body.into())
        };
        near.into_iter()
            .map(|(similarity, ordinal)| Ok(SimilarEntry { similarity, body: body(ordinal)? }))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the files that SQLite keeps beside the database `path`.
fn beside(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["-wal", "-shm", "-journal"].into_iter().map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Returns whether something other than a regular file is at `path`.
fn is_no_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file())
}

/// Returns whether the file `path`, if it exists, is a cache, possibly damaged or of an older format.
fn is_ours(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.len() > 0 => {}
        Ok(found) => return found.is_file(),
        Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
    }
    let Ok(connection) = directory::peek(path) else { return false };
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    match (read("application_id"), read("user_version")) {
        (Ok(APPLICATION_ID), Ok(_)) | (Ok(0), Ok(1..=FORMAT)) => true,
        (Ok(0), Ok(0)) => connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
            .unwrap_or(false),
        _ => false,
    }
}

/// Numbers of all pages of a database and of its used pages.
struct Pages {
    total: u64,
    used: u64,
}

fn pages(connection: &Connection) -> Result<Pages> {
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sql);
    let total: u64 = small(read("page_count")?)?;
    let free: u64 = small(read("freelist_count")?)?;
    Ok(Pages { total, used: total.saturating_sub(free) })
}

/// Deletes the least recently used entries until `wanted` more pages fit into `most`.
fn make_room(connection: &Connection, most: u64, wanted: u64) -> Result<()> {
    while pages(connection)?.used + wanted > most {
        let removed = connection
            .prepare_cached(
                "DELETE FROM entry WHERE ordinal IN (SELECT ordinal FROM entry ORDER BY used LIMIT ?1)",
            )
            .and_then(|mut statement| statement.execute(params![BATCH]))
            .map_err(sql)?;
        if removed == 0 {
            break;
        }
    }
    Ok(())
}

/// Deletes a few expired entries.
fn sweep(connection: &Connection, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM entry WHERE ordinal IN
                 (SELECT ordinal FROM entry WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )
        .and_then(|mut statement| statement.execute(params![now.as_micros(), SWEEP]))
        .map(drop)
        .map_err(sql)
}

fn touch(connection: &Connection, ordinal: i64) -> Result<()> {
    connection
        .prepare_cached("UPDATE entry SET used = (SELECT max(used) + 1 FROM entry) WHERE ordinal = ?1")
        .and_then(|mut statement| statement.execute(params![ordinal]))
        .map(drop)
        .map_err(sql)
}

fn remove(connection: &Connection, key: &CacheKey) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM entry WHERE tenant = ?1 AND scope = ?2 AND content = ?3")
        .and_then(|mut statement| {
            let CacheScope { tenant, kind: _, digest } = &key.scope;
            statement.execute(params![tenant.as_str(), digest.as_bytes(), key.content.as_bytes()])
        })
        .map(drop)
        .map_err(sql)
}

fn insert(connection: &Connection, key: &CacheKey, entry: &CacheEntry) -> Result<()> {
    let vector: Option<Vec<u8>> =
        entry.vector.as_ref().map(|vector| vector.iter().flat_map(|value| value.to_le_bytes()).collect());
    connection
        .prepare_cached(
            "INSERT INTO entry (tenant, scope, content, body, vector, run, made_at, expires_at, used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT coalesce(max(used), 0) + 1 FROM entry))",
        )
        .and_then(|mut statement| {
            let CacheScope { tenant, kind: _, digest } = &key.scope;
            statement.execute(params![
                tenant.as_str(),
                digest.as_bytes(),
                key.content.as_bytes(),
                &*entry.body,
                vector,
                entry.run.as_ref().map(RunId::as_str),
                entry.made_at.as_micros(),
                entry.expires_at.as_micros(),
            ])
        })
        .map(drop)
        .map_err(sql)
}

fn size(entry: &CacheEntry) -> u64 {
    let vector = entry.vector.as_ref().map_or(0, |vector| vector.len() * 4);
    u64::try_from(entry.body.len() + vector).unwrap_or(u64::MAX)
}

/// Returns the similarity of each valid entry with its ordinal, most recently used first.
fn compare(
    connection: &Connection,
    scope: &CacheScope,
    vector: &[f32],
    now: Timestamp,
) -> Result<Vec<(f64, i64)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT ordinal, vector FROM entry
             WHERE tenant = ?1 AND scope = ?2 AND made_at <= ?3 AND expires_at > ?3 AND length(vector) = ?4
             ORDER BY used DESC LIMIT ?5",
        )
        .map_err(sql)?;
    let CacheScope { tenant, kind: _, digest } = scope;
    let length = at_most(vector.len().saturating_mul(4));
    let values = params![tenant.as_str(), digest.as_bytes(), now.as_micros(), length, COMPARED];
    let mut rows = statement.query(values).map_err(sql)?;
    let mut compared = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let bytes: Vec<u8> = row.get(1).map_err(sql)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let kept: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        if let Some(similarity) = cosine(vector, &kept) {
            compared.push((similarity, row.get(0).map_err(sql)?));
        }
    }
    Ok(compared)
}
