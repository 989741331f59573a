//! [`Retriever`]: searches, each on one snapshot.

use std::time::Duration;

use async_trait::async_trait;
use nexus_core::access::Authorised;
use nexus_core::retrieve::{Query, Retrieved, Retriever};
use nexus_core::{CorpusId, Error, ErrorKind, Result, TenantId};
use rusqlite::Connection;

use crate::convert::small;
use crate::rows::corpus;
use crate::search::build::{BUILD_TIMEOUT, NotReady, Task};
use crate::search::retrieve;
use crate::store::MemoryStore;

/// Number of restarts of a search that concurrent changes overtook, before it fails. Each restart takes a window of a
/// millisecond, so this many in a row are not to be expected.
const ATTEMPTS: usize = 32;

#[async_trait]
impl Retriever for MemoryStore {
    async fn retrieve(&self, query: &Authorised<Query>) -> Result<Retrieved> {
        self.retrieve_within(BUILD_TIMEOUT, query).await
    }

    async fn revision(&self, tenant: &TenantId, corpus: &CorpusId) -> Result<u64> {
        let (tenant, corpus) = (tenant.to_string(), corpus.clone());
        let row = self.engine().read(move |connection| corpus::row(connection, &tenant, &corpus)).await?;
        small(row.watermark)
    }
}

impl MemoryStore {
    /// Searches, and waits up to `timeout` for each index that must be built first.
    async fn retrieve_within(&self, timeout: Duration, query: &Authorised<Query>) -> Result<Retrieved> {
        for _ in 0..ATTEMPTS {
            match self.search_once(query).await? {
                Ok(retrieved) => return Ok(retrieved),
                Err(Some(task)) => self.build(task, timeout).await?,
                Err(None) => {}
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the corpus changed faster than it could be searched")
            .with_code("SEARCH_OVERTAKEN")
            .with_hint("try again"))
    }

    /// Searches on the newest snapshot; otherwise returns the build that it needs, or none when a change overtook it.
    async fn search_once(&self, query: &Authorised<Query>) -> Result<Result<Retrieved, Option<Task>>> {
        let (store, query) = (self.clone(), query.clone());
        let work = move |connection: &Connection| match retrieve::search(store.indexes(), connection, &query)
        {
            Ok(retrieved) => Ok(Ok(retrieved)),
            Err(NotReady::Overtaken) => Ok(Err(None)),
            Err(NotReady::Behind(task)) => Ok(Err(Some(task))),
            Err(NotReady::Failed(error)) => Err(error),
        };
        self.engine().read(work).await
    }

    /// Starts the build of an index, unless one is in progress, and waits for it away from the reader threads.
    async fn build(&self, task: Task, timeout: Duration) -> Result<()> {
        let mut build = self.indexes().builds.join(task);
        if let Some(guard) = build.guard.take() {
            let store = self.clone();
            let work = move |connection: &Connection| {
                guard.end(&store.indexes().build(connection, task));
                Ok(())
            };
            // The guard reports the result.
            drop(self.engine().build(work)?);
        }
        build.ended(timeout).await
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    use futures::future::join_all;
    use futures::poll;
    use nexus_core::Page;
    use nexus_core::Principal;
    use nexus_core::access::Permission;
    use nexus_core::corpus::CorpusStore;
    use nexus_core::retrieve::SearchMode;
    use nexus_core::stats::StatsStore as _;
    use nexus_core::system::SystemStore as _;
    use nexus_core::transfer::{TenantExport, TransferStore as _};
    use nexus_testkit::store::World;
    use nexus_testkit::store::fixture::{admin, allowed, corpus, names, query, reader, vector_query};

    use super::*;
    use crate::files::directory::reader as connect;
    use crate::rows::version;
    use crate::search::build::Effort;
    use crate::search::live_versions::LiveVersions;
    use crate::search::visible_versions;

    /// Timeout far above any duration here: a wait that depends on something else does not end before.
    const LONG: Duration = Duration::from_mins(1);

    fn open(dir: &Path) -> (MemoryStore, World) {
        let store = MemoryStore::open(dir).unwrap();
        (store.clone(), World::new(Arc::new(store)))
    }

    fn ordinal(connection: &Connection, id: &str) -> corpus::CorpusRow {
        corpus::row(connection, "acme", &corpus(id)).unwrap()
    }

    /// Opens a store on disk with the corpora `c` and `other`, whose text index of `c` is being built until the
    /// returned sender is dropped.
    async fn building(dir: &Path) -> (MemoryStore, World, std::sync::mpsc::Sender<()>) {
        let (caller, (store, world)) = (admin("acme"), open(dir));
        for id in ["c", "other"] {
            world.corpus(&caller, id).await;
            world.publish(&caller, id, &format!("in-{id}"), &["paid leave"]).await;
        }
        let held = ordinal(&connect(dir).unwrap(), "c").ordinal;
        let (release, released) = channel::<()>();
        let (holding, is_held) = channel();
        let index = store.indexes().texts.index(held);
        std::thread::spawn(move || {
            let _held = index.hold();
            holding.send(()).unwrap();
            let _ = released.recv();
        });
        is_held.recv().unwrap();
        world.publish(&caller, "c", "new", &["leave again"]).await;
        (store, world, release)
    }

    #[tokio::test]
    async fn while_an_index_is_built_money_health_and_other_corpora_are_served() {
        let dir = tempfile::tempdir().unwrap();
        let (_store, world, release) = building(dir.path()).await;
        let caller = admin("acme");
        let asked = allowed(&caller, query("leave"));
        // Each is queued before the next request, and they are many times as many as there are threads.
        let mut waiting: Vec<_> = (0..32).map(|_| Box::pin(world.store.retrieve(&asked))).collect();
        for search in &mut waiting {
            assert!(poll!(search.as_mut()).is_pending());
        }
        let others = async {
            world.store.check().await.unwrap();
            world.store.limits(caller.tenant()).await.unwrap();
            world.store.prices().await.unwrap();
            world.store.stats(caller.tenant()).await.unwrap();
            let other = Query { corpus: corpus("other"), ..query("leave") };
            names(&world.retrieve(&caller, other).await)
        };
        assert_eq!(tokio::time::timeout(LONG, others).await.unwrap(), ["in-other"]);
        for search in &mut waiting {
            assert!(poll!(search.as_mut()).is_pending());
        }
        drop(release);
        for found in join_all(waiting).await {
            let mut found = names(&found.unwrap());
            found.sort();
            assert_eq!(found, ["in-c", "new"]);
        }
    }

    #[tokio::test]
    async fn a_search_that_waited_long_says_that_the_index_is_being_built() {
        let dir = tempfile::tempdir().unwrap();
        let (store, world, release) = building(dir.path()).await;
        let asked = allowed(&admin("acme"), query("leave"));
        let error = store.retrieve_within(Duration::ZERO, &asked).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "INDEX_BUILDING"));
        assert!(error.is_retryable() && error.retry_after().is_some());
        drop(release);
        assert_eq!(world.retrieve(&admin("acme"), query("leave")).await.hits.len(), 2);
    }

    /// Reader that blocks until it receives a message.
    struct Slow(Receiver<()>);

    impl io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_export_that_is_read_slowly_delays_no_other_work() {
        let dir = tempfile::tempdir().unwrap();
        let (on_disk, world) = open(dir.path());
        let (ram, caller) = (MemoryStore::default(), admin("acme"));
        world.corpus(&caller, "c").await;
        world.publish(&caller, "c", "d", &["paid leave"]).await;
        for store in [on_disk, ram] {
            let all = allowed(&caller, TenantExport);
            let (releases, mut exports) = (0..8)
                .map(|_| {
                    let (release, released) = channel();
                    (release, Box::pin(store.export(&all, Box::new(Slow(released)))))
                })
                .unzip::<_, _, Vec<_>, Vec<_>>();
            for export in &mut exports {
                assert!(poll!(export.as_mut()).is_pending());
            }
            let others = async {
                store.check().await.unwrap();
                store.stats(caller.tenant()).await.unwrap();
                store.corpora(caller.tenant(), &Page::all()).await.unwrap()
            };
            tokio::time::timeout(LONG, others).await.unwrap();
            drop(releases);
            for export in join_all(exports).await {
                assert!(export.unwrap().lines > 0);
            }
        }
    }

    #[tokio::test]
    async fn a_search_on_an_older_snapshot_than_an_index_begins_again() {
        let dir = tempfile::tempdir().unwrap();
        let (store, world) = open(dir.path());
        let caller = admin("acme");
        let asked = vector_query("ferry", [1.0, 0.0, 0.0, 0.0]);
        world.corpus(&caller, "c").await;
        world
            .publish_vectors(&caller, "c", "x", &[("The ferry leaves at noon.", [1.0, 0.0, 0.0, 0.0])])
            .await;
        assert_eq!(world.retrieve(&caller, asked.clone()).await.mode, SearchMode::Hybrid);

        // A search begins on a snapshot ...
        let snapshot = connect(dir.path()).unwrap();
        snapshot.execute_batch("BEGIN").unwrap();
        let row = ordinal(&snapshot, "c");
        let request = allowed(&caller, asked.clone());
        let indexes = store.indexes();
        let live_versions = indexes.live_versions.get(&snapshot, row, Effort::Little).unwrap();
        let viewer =
            visible_versions::Viewer::new(caller.tenant_id(), request.visibility(), request.request());
        let may_find =
            visible_versions::permitted(&indexes.sets, &snapshot, row, &live_versions, &viewer).unwrap();

        // ... the document is replaced, and another search finds its new version ...
        world
            .publish_vectors(&caller, "c", "x", &[("The ferry leaves at nine.", [1.0, 0.0, 0.0, 0.0])])
            .await;
        assert_eq!(world.retrieve(&caller, asked.clone()).await.hits.len(), 1);

        // ... so the first finds no retired passage, and reports the conflict.
        let vector = asked.vector.as_ref().unwrap();
        let near = retrieve::vector_arm(indexes, &snapshot, row, vector, &may_find, &live_versions);
        assert!(matches!(near, Err(NotReady::Overtaken)), "{near:?}");
        let words = indexes.texts.words(&snapshot, row, &live_versions, None);
        assert!(matches!(words, Err(NotReady::Overtaken)));
        let whole = retrieve::search(indexes, &snapshot, &request);
        assert!(matches!(whole, Err(NotReady::Overtaken)));
    }

    #[tokio::test]
    async fn vectors_that_could_not_be_read_are_read_by_the_next_search() {
        let dir = tempfile::tempdir().unwrap();
        let (_store, world) = open(dir.path());
        let caller = admin("acme");
        world.corpus(&caller, "c").await;
        for id in ["a", "b"] {
            world.publish_vectors(&caller, "c", id, &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
        }
        let other = Connection::open(dir.path().join("nexus.db")).unwrap();
        let numbers: Vec<u8> = other.query_row("SELECT numbers FROM vector", [], |row| row.get(0)).unwrap();
        other.execute("UPDATE vector SET numbers = 'no numbers' WHERE id = 2", []).unwrap();
        let asked = allowed(&caller, vector_query("leave", [1.0, 0.0, 0.0, 0.0]));
        assert!(world.store.retrieve(&asked).await.is_err());
        other.execute("UPDATE vector SET numbers = ?1 WHERE id = 2", [numbers]).unwrap();
        let found = world.store.retrieve(&asked).await.unwrap();
        assert_eq!(found.hits.iter().filter(|hit| hit.vector.is_some()).count(), 2);
    }

    #[tokio::test]
    async fn what_remembers_less_than_was_swept_up_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (store, world) = open(dir.path());
        let beside = World::new(Arc::new(MemoryStore::open_read_only(dir.path()).unwrap()));
        let (caller, member) = (admin("acme"), reader("acme", "u"));
        world.corpus(&caller, "c").await;
        let publish = async |id: &str| {
            world.publish_vectors(&caller, "c", id, &[("leave", [1.0, 0.0, 0.0, 0.0])]).await;
        };
        for id in ["a", "b", "c"] {
            publish(id).await;
            world.grant(&caller, id, "user:u", Permission::Read, None).await;
        }
        let found = async |world: &World, caller: &Principal| {
            let found = world.retrieve(caller, vector_query("leave", [1.0, 0.0, 0.0, 0.0])).await;
            assert!(found.hits.iter().all(|hit| hit.vector.is_some() && hit.lexical.is_some()));
            let mut found: Vec<_> = found.hits.iter().map(|hit| hit.passage.key.to_string()).collect();
            found.sort();
            found
        };
        // Both stores cache the first versions.
        for world in [&world, &beside] {
            for caller in [&caller, &member] {
                assert_eq!(found(world, caller).await, ["a@1#0", "b@1#0", "c@1#0"]);
            }
        }
        world.delete(&caller, "c").await.unwrap();
        world.publish_vectors(&caller, "c", "a", &[("leave anew", [1.0, 0.0, 0.0, 0.0])]).await;
        let snapshot = connect(dir.path()).unwrap();
        let row = ordinal(&snapshot, "c");
        assert_eq!(version::retired(&snapshot, row.ordinal, row.watermark, 9).unwrap(), 2);
        let named: Vec<String> = {
            let mut named = snapshot.prepare("SELECT document FROM version WHERE state = 'retired'").unwrap();
            named.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
        };
        assert_eq!(named, ["", ""], "a retired version does not name its document");
        drop(snapshot);
        let sweep = move |write: &crate::db::Write<'_>| {
            version::sweep(write, row.ordinal, row.watermark, 1)?;
            version::sweep(write, row.ordinal, row.watermark, 9)
        };
        assert_eq!(store.engine().write(sweep).await.unwrap(), 1);
        for world in [&world, &beside] {
            for caller in [&caller, &member] {
                assert_eq!(found(world, caller).await, ["a@2#0", "b@1#0"]);
            }
        }
        publish("d").await;
        assert_eq!(found(&world, &caller).await, ["a@2#0", "b@1#0", "d@1#0"]);
        let live_versions: Arc<LiveVersions> = {
            let snapshot = connect(dir.path()).unwrap();
            let row = ordinal(&snapshot, "c");
            store.indexes().live_versions.get(&snapshot, row, Effort::Full).unwrap()
        };
        assert_eq!(live_versions.len(), 3);
    }

    #[tokio::test]
    async fn metadata_that_cannot_be_read_back_fails_neither_lists_nor_jobs_nor_searches() {
        let world = World::new(Arc::new(MemoryStore::default()));
        let caller = admin("acme");
        world.corpus(&caller, "c").await;
        // Metadata as an earlier version accepted it.
        let mut deep = world.submission(&caller, "c", "deep", "paid leave").await;
        let nested = (0..127).fold(serde_json::Value::from(1), |inner, _| vec![inner].into());
        deep.metadata.insert("deep".to_owned(), nested);
        world.store.submit(deep).await.unwrap();
        let lease = world.claim(nexus_testkit::store::fixture::at(0)).await;
        world.work(&lease, nexus_testkit::store::fixture::staged(&["paid leave"])).await;
        world.publish(&caller, "c", "other", &["leave"]).await;
        let filter = Some(nexus_core::retrieve::Filter::parse("not year = 2020").unwrap());
        for query in [query("leave"), Query { filter, ..query("leave") }] {
            assert_eq!(world.retrieve(&caller, query).await.hits.len(), 2);
        }
        let all = nexus_core::document::store::DocumentQuery { page: Page::first(9), ..Default::default() };
        let visibility = nexus_core::access::Visibility::of(&caller);
        let now = nexus_testkit::store::fixture::at(0);
        assert_eq!(world.store.documents(caller.tenant(), &visibility, &all, now).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_is_more_than_a_little_is_built_once_and_beside() {
        let dir = tempfile::tempdir().unwrap();
        let (store, world) = open(dir.path());
        let caller = admin("acme");
        world.corpus(&caller, "c").await;
        let texts: Vec<String> = (0..3_000).map(|number| format!("leave {number}")).collect();
        let vector = |number: usize| [1.0, f32::from(u16::try_from(number).unwrap()), 0.0, 0.0];
        let passages: Vec<_> =
            texts.iter().enumerate().map(|(number, text)| (text.as_str(), vector(number))).collect();
        world.publish_vectors(&caller, "c", "large", &passages).await;
        let snapshot = connect(dir.path()).unwrap();
        let request = allowed(&caller, vector_query("2999", [0.0, 1.0, 0.0, 0.0]));
        let search = || retrieve::search(store.indexes(), &snapshot, &request);
        assert!(matches!(search(), Err(NotReady::Behind(Task::Vectors(_)))), "there are many vectors");
        let found = world.retrieve(&caller, request.request().clone()).await;
        assert_eq!((found.mode, found.hits[0].passage.key.index), (SearchMode::Hybrid, 2_999));
        assert!(search().is_ok(), "then everything is there");
    }
}
