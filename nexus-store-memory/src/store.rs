//! [`MemoryStore`]: opens and closes a store, and holds the parts that the ports share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use nexus_core::{Error, Result};
use rusqlite::{Connection, OpenFlags};

use crate::cache::MemoryCache;
use crate::db::{Engine, Pools, Readers, Write};
use crate::error::{closed, sql};
use crate::files::blob::{self, Blobs};
use crate::files::cancel_requests::Requests;
use crate::files::directory::{
    self, Claimed, DATABASE, Referenced, State, Swept, open_for_reading, reader, reader_as_it_stands,
};
use crate::files::file_permissions;
use crate::files::lock::{Lock, SharedLock};
use crate::migrations::{self, Role};
use crate::rows::{corpus, job, owner, version};
use crate::search::build::Task;
use crate::search::index_maintenance::{IndexMaintainer, IndexTarget, PassagesPublished};
use crate::search::indexes::Indexes;
use crate::search::text::Place;

/// Number of threads for searches and lists of a store on disk.
const READERS: usize = 4;

/// Number of indexes that are built at once.
const BUILDERS: usize = 2;

/// Upper bound on the rows of retired versions that one transaction of the sweep removes.
const SWEPT_AT_ONCE: i64 = 1_000;

/// Embedded store: every store port on SQLite, in RAM or in a directory. A clone is another handle of the same store.
///
/// ```
/// use nexus_core::system::SystemStore as _;
/// use nexus_store_memory::MemoryStore;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::default();
/// store.check().await?;
/// # Ok::<(), nexus_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    instance: String,
    blobs: Arc<Blobs>,
    requests: Requests,
    indexes: Indexes,
    keeper: IndexMaintainer,
    home: Location,
    swept: Swept,
    lock: Mutex<Option<Lock>>,
    /// Keeps owners away while a database is read as it stands, because nothing can be written beside it.
    standing: Option<SharedLock>,
}

/// Location of a store, which also decides whether this handle may write.
#[derive(Clone, Debug)]
enum Location {
    Memory,
    ReadWrite(PathBuf),
    ReadOnly(PathBuf),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::ReadWrite(dir) | Self::ReadOnly(dir) => write!(f, "sqlite {}", dir.display()),
        }
    }
}

impl Shared {
    /// Ends all threads, completes pending writes, and releases the directory.
    fn close(&self) {
        self.keeper.close();
        self.drop_deferred();
        self.indexes.texts.rest();
        self.engine.close();
        if let Some(mut lock) = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lock.stop_cleanly();
        }
    }
}

impl Shared {
    /// Removes rows of retired versions that the text index on the disk no longer needs, once they are many. Every
    /// other cache of versions rebuilds itself when it has missed a change.
    fn sweep(&self, corpus: i64) -> Result<()> {
        let Some(through) = self.indexes.texts.cleared_through(corpus) else { return Ok(()) };
        loop {
            let work = move |write: &Write<'_>| {
                if version::retired(write, corpus, through, SWEPT_AT_ONCE)? < SWEPT_AT_ONCE {
                    return Ok(0);
                }
                version::sweep(write, corpus, through, SWEPT_AT_ONCE)
            };
            if self.engine.write_here(work)? == 0 {
                return Ok(());
            }
        }
    }
}

impl Drop for Shared {
    /// Closes a dropped store too, although the last publications may remain for the next process to index.
    fn drop(&mut self) {
        self.close();
    }
}

impl Default for MemoryStore {
    /// Creates a store in RAM, gone when its last handle is dropped.
    ///
    /// # Panics
    /// When the operating system refuses memory or a thread.
    #[expect(
        clippy::expect_used,
        reason = "an empty in-memory database fails to open only where nothing works"
    )]
    fn default() -> Self {
        Self::in_ram().expect("an in-memory store can be opened")
    }
}

impl MemoryStore {
    fn in_ram() -> Result<Self> {
        Self::in_ram_on(Connection::open_in_memory().map_err(sql)?)
    }

    /// Creates a store on an empty database in RAM.
    pub(crate) fn in_ram_on(mut connection: Connection) -> Result<Self> {
        migrations::configure(&connection, Role::Writer)?;
        migrations::migrate(&mut connection)?;
        let instance = migrations::instance(&connection)?;
        let store = Self::assemble(Shared {
            engine: Engine::in_ram(connection)?,
            instance,
            blobs: Arc::new(Blobs::in_ram()),
            requests: Requests::Ram(Mutex::default()),
            indexes: Indexes::new(Place::Ram),
            keeper: IndexMaintainer::default(),
            home: Location::Memory,
            swept: Swept::default(),
            lock: Mutex::new(None),
            standing: None,
        });
        store.start_keeper(Vec::new())?;
        Ok(store)
    }

    /// Opens the store in `dir` for reading and writing, and creates the directory if it is missing. One process at a
    /// time may write it; others may [`open_read_only`](Self::open_read_only).
    ///
    /// A store is created only where there is no directory, or one that is empty but for `lost+found` and names that
    /// begin with a dot. Unreferenced files of ended processes are removed after a day; [`swept`](Self::swept)
    /// returns their number.
    ///
    /// # Errors
    /// [`Conflict`](nexus_core::ErrorKind::Conflict) with `DATA_NOT_EMPTY` when the directory holds other files than
    /// a store's, with `STORE_MIXED` when its database is another store's, with `STORE_LINKED` when a link is in the
    /// place of a file; [`Corrupt`](nexus_core::ErrorKind::Corrupt) with `DATABASE_MISSING` when its database is
    /// gone. These errors leave the directory unchanged.
    ///
    /// [`Conflict`](nexus_core::ErrorKind::Conflict) with `STORE_LOCKED` when another process holds it, with
    /// `STORE_TOO_NEW` when a newer version of Nexus wrote it; [`Corrupt`](nexus_core::ErrorKind::Corrupt) when the
    /// file is damaged; [`Unavailable`](nexus_core::ErrorKind::Unavailable) when the directory cannot be used.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let Claimed { lock, unclean, state } = directory::claim(dir)?;
        let mut connection = connect(dir)?;
        migrations::configure(&connection, Role::Writer)?;
        migrations::check_format(&connection)?;
        directory::check_marker(dir, &state, &connection)?;
        migrations::make_durable(&connection)?;
        if unclean {
            migrations::check_whole(&connection)?;
        }
        migrations::migrate(&mut connection)?;
        let was_marked = directory::mark(dir, &state, &connection)?;
        job::expire_leases(&connection)?;
        owner::expire_leases(&connection)?;
        let beside = connect(dir)?;
        migrations::configure(&beside, Role::Reader)?;
        let blobs = Arc::new(Blobs::owned(dir)?);
        let instance = migrations::instance(&connection)?;
        let corpora = corpus::ordinals(&connection)?;
        // A store that was just created or adopted may not have recorded its files yet.
        let swept = if was_marked { sweep(dir, &connection, &corpora)? } else { Swept::default() };
        let store = Self::assemble(Shared {
            engine: Engine::on_disk(connection, beside, pools(dir)?)?,
            instance,
            blobs,
            requests: Requests::Disk(dir.join("requests")),
            indexes: Indexes::new(Place::Owned(dir.join("text"))),
            keeper: IndexMaintainer::default(),
            home: Location::ReadWrite(dir.to_owned()),
            swept,
            lock: Mutex::new(Some(lock)),
            standing: None,
        });
        store.start_keeper(corpora)?;
        Ok(store)
    }

    /// Opens the store in `dir` for reading, beside the process that writes it if there is one. Every write but a
    /// cancel request and the append of audit records is refused. A store of an older format is migrated first, unless another process holds it.
    ///
    /// Where nothing can be written, such as on a full or a read-only disk, a store that was closed is read all the same;
    /// appends are then refused too, and no other process can become its owner meanwhile.
    ///
    /// # Errors
    /// [`NotFound`](nexus_core::ErrorKind::NotFound) with `STORE_NOT_FOUND` when there is no store in `dir`;
    /// otherwise as [`MemoryStore::open`].
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let mut state = directory::inspect(dir)?;
        if !matches!(state, State::Store(_)) {
            return Err(Error::not_found(format!("there is no store in `{}`", dir.display()))
                .with_code("STORE_NOT_FOUND")
                .with_hint("ingest something first, or name another directory"));
        }
        file_permissions::tell_if_open(dir);
        let (mut connection, mut standing) = open_for_reading(dir)?;
        if migrations::is_older(&connection)? {
            drop((connection, standing));
            migrate_if_writable(dir);
            state = directory::inspect(dir)?;
            (connection, standing) = open_for_reading(dir)?;
        }
        if migrations::check_format(&connection)? == 0 {
            return Err(Error::not_found(format!("the store in `{}` is empty", dir.display()))
                .with_code("STORE_NOT_FOUND"));
        }
        directory::check_marker(dir, &state, &connection)?;
        let instance = migrations::instance(&connection)?;
        Ok(Self::assemble(Shared {
            engine: Engine::read_only(shared_pools(connection, dir, standing.is_some())?),
            instance,
            blobs: Arc::new(Blobs::shared(dir)),
            requests: Requests::Disk(dir.join("requests")),
            indexes: Indexes::new(Place::Shared(dir.join("text"))),
            keeper: IndexMaintainer::default(),
            home: Location::ReadOnly(dir.to_owned()),
            swept: Swept::default(),
            lock: Mutex::new(None),
            standing,
        }))
    }

    /// Returns whether `dir` holds a store; false where one may be created.
    ///
    /// # Errors
    /// Those of [`MemoryStore::open`] for a directory that neither holds a store nor may become one.
    pub fn exists(dir: impl AsRef<Path>) -> Result<bool> {
        directory::inspect(dir.as_ref()).map(|state| matches!(state, State::Store(_)))
    }

    /// Returns the number of unreferenced files that opening the store removed.
    pub fn swept(&self) -> Swept {
        self.shared.swept
    }

    /// Opens a cache of at most `max_bytes` bytes beside this store: in RAM for a store in RAM, else in its own directory
    /// `cache`, which may be deleted whenever no process uses it. Returns none for a read-only handle.
    ///
    /// # Errors
    /// As [`MemoryCache::open`].
    pub fn cache(&self, max_bytes: u64) -> Result<Option<MemoryCache>> {
        match &self.shared.home {
            Location::Memory => MemoryCache::in_ram(max_bytes).map(Some),
            Location::ReadWrite(dir) if directory::is_link(&dir.join("cache")) => {
                tracing::warn!(dir = %dir.display(), "the cache is kept in memory: its directory is a link");
                MemoryCache::in_ram(max_bytes).map(Some)
            }
            Location::ReadWrite(dir) => MemoryCache::open(dir.join("cache"), max_bytes).map(Some),
            Location::ReadOnly(_) => Ok(None),
        }
    }

    fn assemble(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Starts the index maintenance thread, which indexes those of `corpora` first.
    fn start_keeper(&self, corpora: Vec<i64>) -> Result<()> {
        self.shared.keeper.start(Arc::downgrade(&self.shared))?;
        for corpus in corpora {
            self.note_publication(corpus, 0);
        }
        Ok(())
    }

    /// Notifies the index maintenance thread of published passages.
    pub(crate) fn note_publication(&self, corpus: i64, passages: u64) {
        self.shared.keeper.notify(PassagesPublished { corpus, passages });
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.shared.requests
    }

    pub(crate) fn indexes(&self) -> &Indexes {
        &self.shared.indexes
    }

    /// Returns the kind and location of the store, for people.
    pub(crate) fn place(&self) -> String {
        self.shared.home.to_string()
    }

    /// Returns the instance name of the store.
    pub(crate) fn instance_name(&self) -> &str {
        &self.shared.instance
    }

    /// Ends all threads, completes pending writes, and releases the directory.
    pub(crate) fn shut(&self) {
        self.shared.close();
    }

    /// Returns the directory of a store on disk.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match &self.shared.home {
            Location::Memory => None,
            Location::ReadWrite(dir) | Location::ReadOnly(dir) => Some(dir),
        }
    }

    /// Returns the directory of a handle that is open for reading only.
    pub(crate) fn read_only_dir(&self) -> Option<&Path> {
        match &self.shared.home {
            Location::ReadOnly(dir) => Some(dir),
            Location::Memory | Location::ReadWrite(_) => None,
        }
    }

    /// Returns whether the database is read as it stands, because nothing can be written beside it.
    pub(crate) fn is_standing(&self) -> bool {
        self.shared.standing.is_some()
    }

    /// Closes the store on the calling thread, which may block.
    pub(crate) fn close_here(&self) {
        self.shared.close();
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.shared.home {
            Location::Memory | Location::ReadWrite(_) => Ok(()),
            Location::ReadOnly(_) => Err(crate::error::read_only()),
        }
    }

    /// Removes raw bytes whose last document was deleted.
    pub(crate) fn drop_blob(&self, connection: &Connection, tenant: &str, hash: &str) {
        self.blobs().drop_unreferenced(connection, tenant, hash);
    }

    /// Returns a guard for a caller that holds raw bytes which no document references yet.
    pub(crate) fn hold(&self, tenant: &str, hash: &str) -> BlobHold {
        let store = Arc::downgrade(&self.shared);
        BlobHold { store, tenant: tenant.to_owned(), hash: hash.to_owned() }
    }

    /// Removes raw bytes whose removal a running backup or export deferred.
    pub(crate) fn drop_deferred(&self) {
        self.shared.drop_deferred();
    }
}

impl Shared {
    fn drop_deferred(&self) {
        if self.blobs.is_deferring() {
            self.drop_later(self.blobs.take_deferred());
        }
    }

    /// Removes unreferenced raw bytes after the writes that are queued already.
    fn drop_later(&self, keys: impl IntoIterator<Item = blob::Key> + Send + 'static) {
        let blobs = Arc::clone(&self.blobs);
        self.engine.write_later(move |write| {
            write.after_commit(move |connection| {
                for (tenant, hash) in keys {
                    blobs.drop_unreferenced(connection, &tenant, &hash);
                }
            });
            Ok(())
        });
    }
}

/// Guard of raw bytes that no document references yet. Dropping the last guard of unreferenced bytes removes them.
#[derive(Debug)]
pub(crate) struct BlobHold {
    store: Weak<Shared>,
    tenant: String,
    hash: String,
}

impl Drop for BlobHold {
    fn drop(&mut self) {
        let Some(store) = self.store.upgrade() else { return };
        if store.blobs.release(&self.tenant, &self.hash) {
            store.drop_later([(std::mem::take(&mut self.tenant), std::mem::take(&mut self.hash))]);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("home", &self.home).finish_non_exhaustive()
    }
}

impl IndexTarget for Weak<Shared> {
    fn is_open(&self) -> bool {
        self.strong_count() > 0
    }

    fn refresh(&self, corpus: i64) {
        let Some(shared) = self.upgrade() else { return };
        let Some(guard) = shared.indexes.builds.join(Task::Text(corpus)).guard else {
            // A search has the index built, and leaves little to do.
            return;
        };
        let store = Arc::clone(&shared);
        let work = move |connection: &Connection| {
            let built = store.indexes.build(connection, Task::Text(corpus));
            guard.end(&built);
            built
        };
        let built =
            shared.engine.build(work).and_then(|built| built.blocking_recv().map_err(|_| closed())?);
        if let Err(error) = built.and_then(|()| shared.sweep(corpus)) {
            tracing::warn!(error = error.report(), corpus, "passages are indexed by the next search");
        }
    }

    fn release_memory(&self) {
        if let Some(shared) = self.upgrade() {
            shared.indexes.texts.rest();
        }
    }
}

/// Opens a connection that writes the store in `dir`, whose database exists.
pub(crate) fn connect(dir: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(dir.join(DATABASE), flags).map_err(sql)
}

/// Removes the unreferenced files of the store in `dir`, and logs their number.
fn sweep(dir: &Path, connection: &Connection, corpora: &[i64]) -> Result<Swept> {
    let blobs = blob::referenced(connection, dir)?;
    let referenced = Referenced { blobs, corpora: corpora.iter().copied().collect() };
    let swept = directory::sweep(dir, &referenced, SystemTime::now());
    if !swept.is_nothing() {
        let Swept { drafts, blobs, indexes } = swept;
        tracing::warn!(drafts, blobs, indexes, "removed files that stopped processes had left behind");
    }
    Ok(swept)
}

/// Migrates the store in `dir` to the current format, unless another process holds it or it cannot be written.
/// Otherwise readers use the older format as far as it serves.
fn migrate_if_writable(dir: &Path) {
    match MemoryStore::open(dir) {
        Ok(store) => store.shared.close(),
        Err(error) => {
            tracing::info!(error = error.report(), "a data directory of an older format is read as it is");
        }
    }
}

fn pools(dir: &Path) -> Result<Pools> {
    let connections = |count| (0..count).map(|_| reader(dir)).collect::<Result<Vec<_>>>();
    Ok(Pools {
        shared: Readers::start("nexus-reader", connections(READERS)?)?,
        reserved: Some(Readers::start("nexus-reserved", connections(1)?)?),
        builders: Readers::start("nexus-builder", connections(BUILDERS)?)?,
    })
}

/// Starts the reader threads of a store that another process may be writing.
fn shared_pools(connection: Connection, dir: &Path, is_standing: bool) -> Result<Pools> {
    let second = if is_standing { reader_as_it_stands(dir) } else { reader(dir) };
    Ok(Pools {
        shared: Readers::start("nexus-reader", vec![connection])?,
        reserved: None,
        builders: Readers::start("nexus-builder", vec![second?])?,
    })
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("home", &self.shared.home).finish_non_exhaustive()
    }
}
