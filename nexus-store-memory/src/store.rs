//! [`MemoryStore`]: opening, closing and the sum of the ports.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use nexus_core::store::{Census, Store};
use nexus_core::{Error, Result, TenantId};
use rusqlite::{Connection, OpenFlags};

use crate::blob::Blobs;
use crate::cache::MemoryCache;
use crate::census::census;
use crate::engine::{Engine, Readers};
use crate::error::{file, sql};
use crate::indexes::Indexes;
use crate::keeper::{Keeper, Kept, Published};
use crate::lock::Lock;
use crate::request::Requests;
use crate::schema::{self, Role};
use crate::terms::Terms;
use crate::text::Place;
use crate::{corpus, job, private};

/// How many searches and lists run at once on a store on disk.
const READERS: usize = 4;

/// The name of the database file in a data directory.
pub(crate) const DATABASE: &str = "nexus.db";

/// The embedded store: every store port on SQLite, in RAM or in a directory. A clone is another handle of the same
/// store.
///
/// ```
/// use nexus_core::Principal;
/// use nexus_core::store::Store;
/// use nexus_store_memory::MemoryStore;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::default();
/// let who = Principal::user("acme", "u-42")?;
/// assert_eq!(store.census(who.tenant()).await?.documents, 0);
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
    blobs: Blobs,
    requests: Requests,
    indexes: Indexes,
    terms: Terms,
    keeper: Keeper,
    home: Home,
    lock: Mutex<Option<Lock>>,
}

/// Where a store lives, and what this handle may do with it.
#[derive(Clone, Debug)]
enum Home {
    Ram,
    Owned(PathBuf),
    Shared(PathBuf),
}

impl Shared {
    /// Ends all threads, writes what is to be written, and lets go of the directory.
    fn close(&self) {
        self.keeper.close();
        self.indexes.texts.rest();
        self.engine.close();
        if let Some(mut lock) = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lock.stop_cleanly();
        }
    }
}

impl Drop for Shared {
    /// A store that is dropped is closed too, though what was published last may be left for the next to index.
    fn drop(&mut self) {
        self.close();
    }
}

impl Default for MemoryStore {
    /// A store in RAM, gone when its last handle is dropped.
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
        let mut connection = Connection::open_in_memory().map_err(sql)?;
        schema::configure(&connection, Role::Writer)?;
        schema::migrate(&mut connection)?;
        let instance = schema::instance(&connection)?;
        let store = Self::assemble(Shared {
            engine: Engine::in_ram(connection)?,
            instance,
            blobs: Blobs::in_ram(),
            requests: Requests::Ram(Mutex::default()),
            indexes: Indexes::new(Place::Ram),
            terms: Terms::default(),
            keeper: Keeper::default(),
            home: Home::Ram,
            lock: Mutex::new(None),
        });
        store.start_keeper(Vec::new())?;
        Ok(store)
    }

    /// Opens the store in `dir`, made if there is none, for reading and writing. One process at a time does that;
    /// others may [`open_read_only`](Self::open_read_only).
    ///
    /// # Errors
    /// [`Conflict`](nexus_core::ErrorKind::Conflict) with `STORE_LOCKED` when another process has it, with
    /// `STORE_TOO_NEW` when a newer version of Nexus wrote it; [`Corrupt`](nexus_core::ErrorKind::Corrupt) when
    /// the file is damaged; [`Unavailable`](nexus_core::ErrorKind::Unavailable) when the directory cannot be used.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        private::create_dir(dir).map_err(|source| file("create", dir, source))?;
        private::tell_if_open(dir);
        let (lock, unclean) = Lock::take(dir)?;
        let path = dir.join(DATABASE);
        private::touch(&path).map_err(|source| file("create", &path, source))?;
        let mut connection = Connection::open(path).map_err(sql)?;
        schema::configure(&connection, Role::Writer)?;
        schema::check_format(&connection)?;
        schema::make_durable(&connection)?;
        if unclean {
            schema::check_whole(&connection)?;
        }
        schema::migrate(&mut connection)?;
        job::expire_leases(&connection)?;
        let beside = Connection::open(dir.join(DATABASE)).map_err(sql)?;
        schema::configure(&beside, Role::Reader)?;
        let blobs = Blobs::on_disk(dir.join("blobs"));
        blobs.sweep(&connection)?;
        let instance = schema::instance(&connection)?;
        let corpora = corpus::ordinals(&connection)?;
        let store = Self::assemble(Shared {
            engine: Engine::on_disk(connection, beside, readers(dir)?)?,
            instance,
            blobs,
            requests: Requests::Disk(dir.join("requests")),
            indexes: Indexes::new(Place::Owned(dir.join("text"))),
            terms: Terms::default(),
            keeper: Keeper::default(),
            home: Home::Owned(dir.to_owned()),
            lock: Mutex::new(Some(lock)),
        });
        store.indexes().texts.sweep(&corpora);
        store.start_keeper(corpora)?;
        Ok(store)
    }

    /// Opens the store in `dir` for reading, beside the process that writes it if there is one. Every write but
    /// a cancel request is refused.
    ///
    /// # Errors
    /// [`NotFound`](nexus_core::ErrorKind::NotFound) with `STORE_NOT_FOUND` when there is no store in `dir`;
    /// otherwise as [`MemoryStore::open`].
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        if !dir.join(DATABASE).is_file() {
            return Err(Error::not_found(format!("there is no store in `{}`", dir.display()))
                .code("STORE_NOT_FOUND")
                .hint("ingest something first, or name another directory"));
        }
        private::tell_if_open(dir);
        let connection = reader(dir)?;
        if schema::check_format(&connection)? == 0 {
            return Err(Error::not_found(format!("the store in `{}` is empty", dir.display()))
                .code("STORE_NOT_FOUND"));
        }
        let instance = schema::instance(&connection)?;
        Ok(Self::assemble(Shared {
            engine: Engine::read_only(Readers::start(vec![connection])?),
            instance,
            blobs: Blobs::on_disk(dir.join("blobs")),
            requests: Requests::Disk(dir.join("requests")),
            indexes: Indexes::new(Place::Shared(dir.join("text"))),
            terms: Terms::default(),
            keeper: Keeper::default(),
            home: Home::Shared(dir.to_owned()),
            lock: Mutex::new(None),
        }))
    }

    /// A cache of at most `room` bytes beside this store: in RAM for a store in RAM, else in the directory `cache` of its
    /// own, which may be deleted whenever no process uses it. None for a handle that only reads.
    ///
    /// # Errors
    /// As [`MemoryCache::open`].
    pub fn cache(&self, room: u64) -> Result<Option<MemoryCache>> {
        match &self.shared.home {
            Home::Ram => MemoryCache::in_ram(room).map(Some),
            Home::Owned(dir) => MemoryCache::open(dir.join("cache"), room).map(Some),
            Home::Shared(_) => Ok(None),
        }
    }

    fn assemble(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Starts the thread that keeps the text indexes, and has it look after those of `corpora` first.
    fn start_keeper(&self, corpora: Vec<i64>) -> Result<()> {
        self.shared.keeper.start(Arc::downgrade(&self.shared))?;
        for corpus in corpora {
            self.note_publication(corpus, 0);
        }
        Ok(())
    }

    /// Says that passages were published.
    pub(crate) fn note_publication(&self, corpus: i64, passages: u64) {
        self.shared.keeper.tell(Published { corpus, passages });
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

    pub(crate) fn terms(&self) -> &Terms {
        &self.shared.terms
    }

    /// The directory, where there is one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match &self.shared.home {
            Home::Ram => None,
            Home::Owned(dir) | Home::Shared(dir) => Some(dir),
        }
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.shared.home {
            Home::Ram | Home::Owned(_) => Ok(()),
            Home::Shared(_) => Err(crate::error::read_only()),
        }
    }

    /// Removes raw bytes that lost their last document.
    pub(crate) fn drop_blob(&self, connection: &Connection, tenant: &TenantId, hash: &str) {
        if let Err(error) = self.blobs().drop_unreferenced(connection, tenant.as_str(), hash) {
            tracing::warn!(error = error.report(), "raw bytes were not removed: the next open does it");
        }
    }
}

impl Kept for Weak<Shared> {
    fn is_open(&self) -> bool {
        self.strong_count() > 0
    }

    fn prepare(&self, corpus: i64) {
        let Some(shared) = self.upgrade() else { return };
        let store = Arc::clone(&shared);
        let work = move |connection: &Connection| match corpus::watermark(connection, corpus)? {
            Some(watermark) => store.indexes.texts.prepare(connection, corpus, watermark),
            None => Ok(()), // It was deleted meanwhile.
        };
        if let Err(error) = shared.engine.read_here(work) {
            tracing::warn!(error = error.report(), corpus, "passages are indexed by the next search");
        }
    }

    fn rest(&self) {
        if let Some(shared) = self.upgrade() {
            shared.indexes.texts.rest();
        }
    }
}

fn readers(dir: &Path) -> Result<Readers> {
    Readers::start((0..READERS).map(|_| reader(dir)).collect::<Result<_>>()?)
}

/// A connection that reads the store in `dir`.
pub(crate) fn reader(dir: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(DATABASE), flags).map_err(sql)?;
    schema::configure(&connection, Role::Reader)?;
    Ok(connection)
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("home", &self.shared.home).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn instance(&self) -> &str {
        &self.shared.instance
    }

    async fn census(&self, tenant: &TenantId) -> Result<Census> {
        let tenant = tenant.clone();
        let store = match &self.shared.home {
            Home::Ram => "memory".to_owned(),
            Home::Owned(dir) | Home::Shared(dir) => format!("sqlite {}", dir.display()),
        };
        self.engine().read(move |connection| census(connection, &tenant, store)).await
    }

    async fn check(&self) -> Result<()> {
        let count = "INSERT INTO meta (name, value) VALUES ('probe', '1') \
                     ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1 \
                     RETURNING CAST(value AS INTEGER)";
        let one = |connection: &Connection, query: &str| {
            connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(sql)
        };
        let written = self.engine().write(move |write| one(write, count)).await?;
        let read = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'probe'";
        // Others may probe as well, so what is read can be newer.
        if self.engine().read(move |connection| one(connection, read)).await? < written {
            return Err(Error::new(
                nexus_core::ErrorKind::Corrupt,
                "the store does not keep what it is given",
            )
            .code("STORE_FORGETS"));
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        let store = self.clone();
        let closed = tokio::task::spawn_blocking(move || store.shared.close());
        closed.await.map_err(|error| Error::unexpected("the store did not close").because(error))
    }
}
