//! Sweep: removes unreferenced files with the store's own name patterns, after a grace period, and nothing behind a
//! link.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nexus_core::hex;
use nexus_core::system::SystemStore as _;
use nexus_store_memory::{MemoryStore, Swept};
use nexus_testkit::store::fixture::owner;

use crate::directory::{filled, found, tree};
use crate::journey::{admin, ingest, nexus};

const DRAFT: &str = "draft-01a22bcc-7bae-71de-a873-525b155dd19c";

/// Sets the age of `path` and everything below it.
fn age(path: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        if !about.is_symlink() {
            File::open(&path).unwrap().set_modified(then).unwrap();
        }
    }
}

/// Returns the directory of the tenant's raw bytes.
fn home(dir: &Path) -> PathBuf {
    dir.join("blobs").join(hex::sha256(admin().tenant().as_str().as_bytes()))
}

/// Creates a text index without a corpus.
fn left_index(dir: &Path) -> PathBuf {
    let left = dir.join("text/99");
    fs::create_dir(&left).unwrap();
    let one = fs::read_dir(dir.join("text/1")).unwrap();
    for entry in one.map(Result::unwrap) {
        fs::copy(entry.path(), left.join(entry.file_name())).unwrap();
    }
    left
}

#[tokio::test]
async fn what_stopped_processes_left_behind_is_removed_after_a_day_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let kept = fs::read_dir(home(dir.path())).unwrap().next().unwrap().unwrap().path();
    let index = left_index(dir.path());
    fs::create_dir_all(dir.path().join("requests")).unwrap();
    let request = dir.path().join("requests/.cancel-01a22bcc-7bae-71de-a873-525b155dd19c.json");
    let left = [home(dir.path()).join(DRAFT), home(dir.path()).join("0".repeat(64)), request];
    for left in &left {
        fs::write(left, "left").unwrap();
    }
    age(dir.path(), 23);
    let store = MemoryStore::open(dir.path()).unwrap();
    assert!(store.swept().is_nothing());
    drop(store);
    age(dir.path(), 25);
    let store = MemoryStore::open(dir.path()).unwrap();
    assert_eq!(store.swept(), Swept { drafts: 2, blobs: 1, indexes: 1 });
    assert!(left.iter().all(|left| !left.exists()) && !index.exists());
    assert!(kept.exists());
    assert_eq!(found(&store).await, 1);
    drop(store);
    assert!(MemoryStore::open(dir.path()).unwrap().swept().is_nothing());
}

#[tokio::test]
async fn what_does_not_have_the_exact_shape_of_the_stores_own_files_stays() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let hash = "0".repeat(64);
    let others = [
        "notes.md".to_owned(),
        "text/notes.md".to_owned(),
        "text/chapter/1.txt".to_owned(),
        "text/99/notes.md".to_owned(),
        "text/98/meta.json".to_owned(),
        "text/97/nested/meta.json".to_owned(),
        format!("blobs/{hash}.png"),
        "blobs/images/x.png".to_owned(),
        format!("blobs/images/{hash}"),
        format!("blobs/{hash}/photo.jpg"),
        format!("blobs/{hash}/{hash}.jpg"),
        format!("blobs/{hash}/{}/{hash}", "1".repeat(64)),
        format!("blobs/{hash}/draft-1"),
        format!("blobs/{hash}/draft-letter.md"),
        "requests/cancel-1.json".to_owned(),
        "requests/cancel-my-subscription.json".to_owned(),
        "cache/answer.db.bak".to_owned(),
        "audit/x".to_owned(),
    ];
    for other in &others {
        let path = dir.path().join(other);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "a user's").unwrap();
    }
    age(dir.path(), 1_000);
    let store = MemoryStore::open(dir.path()).unwrap();
    drop(store.cache(1 << 20).unwrap());
    assert_eq!(store.take_cancel().await, 0);
    assert!(store.swept().is_nothing());
    for other in &others {
        assert_eq!(fs::read(dir.path().join(other)).unwrap(), b"a user's", "{other}");
    }
}

/// Shorthands for requests.
trait Requests {
    async fn take_cancel(&self) -> usize;
}

impl Requests for MemoryStore {
    async fn take_cancel(&self) -> usize {
        nexus_core::system::SystemStore::take_cancel_requests(self, &owner("p")).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_store_that_was_taken_over_just_now_is_not_swept() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let left = home(dir.path()).join("0".repeat(64));
    fs::write(&left, "left").unwrap();
    fs::remove_file(dir.path().join("nexus-store.json")).unwrap();
    age(dir.path(), 1_000);
    assert!(MemoryStore::open(dir.path()).unwrap().swept().is_nothing());
    assert!(left.exists());
    assert_eq!(MemoryStore::open(dir.path()).unwrap().swept().blobs, 1);
}

/// Creates a foreign directory whose files have the names of a store's.
fn victim() -> tempfile::TempDir {
    let victim = tempfile::tempdir().unwrap();
    let tenant = hex::sha256(b"acme");
    for file in [
        "photos/a.jpg".to_owned(),
        "1/meta.json".to_owned(),
        "1/.managed.json".to_owned(),
        "99/.managed.json".to_owned(),
        "meta.json".to_owned(),
        ".managed.json".to_owned(),
        "answer.db".to_owned(),
        "answer.db-wal".to_owned(),
        "embedding.db".to_owned(),
        format!("{tenant}/{}", "0".repeat(64)),
        format!("{tenant}/{DRAFT}"),
        "0".repeat(64),
        DRAFT.to_owned(),
        "cancel-01a22bcc-7bae-71de-a873-525b155dd19c.json".to_owned(),
        ".cancel-01a22bcc-7bae-71de-a873-525b155dd19c.json".to_owned(),
    ] {
        let path = victim.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "important").unwrap();
    }
    age(victim.path(), 1_000);
    victim
}

#[tokio::test]
async fn links_within_the_directory_are_never_followed_for_removing() {
    let tenant = hex::sha256(b"acme");
    for link in ["text", "text/1", "text/99", "cache", "requests", &format!("blobs/{}", "1".repeat(64))] {
        let (dir, victim) = (tempfile::tempdir().unwrap(), victim());
        filled(dir.path()).await;
        let _ = fs::remove_dir_all(dir.path().join(link));
        symlink(victim.path(), dir.path().join(link)).unwrap();
        symlink(victim.path().join("0".repeat(64)), home(dir.path()).join("2".repeat(64))).unwrap();
        let before = tree(victim.path());
        let store = MemoryStore::open(dir.path()).unwrap();
        drop(store.cache(1 << 20).unwrap());
        assert_eq!(store.take_cancel().await, 0);
        assert_eq!(found(&store).await, 1, "{link}");
        let nexus = nexus(&store);
        ingest(&nexus, &admin(), "leave.txt", "Forty days of paid leave.").await;
        assert_eq!(found(&store).await, 1, "{link}");
        assert_eq!(found(&MemoryStore::open_read_only(dir.path()).unwrap()).await, 1, "{link}");
        nexus.delete_document(&admin(), &"leave.txt".parse().unwrap()).await.unwrap();
        nexus.delete_corpus(&admin(), &"handbook".parse().unwrap()).await.unwrap();
        store.close().await.unwrap();
        drop(MemoryStore::open(dir.path()).unwrap());
        assert_eq!(tree(victim.path()), before, "{link}");
    }
    for link in ["blobs".to_owned(), format!("blobs/{tenant}")] {
        let (dir, victim) = (tempfile::tempdir().unwrap(), victim());
        filled(dir.path()).await;
        let (path, moved) = (dir.path().join(&link), victim.path().join("moved"));
        fs::rename(&path, &moved).unwrap();
        for entry in fs::read_dir(&moved).unwrap().map(Result::unwrap) {
            let _ = fs::rename(entry.path(), victim.path().join(entry.file_name()));
        }
        symlink(victim.path(), &path).unwrap();
        let names = || tree(victim.path()).len();
        let store = MemoryStore::open(dir.path()).unwrap();
        let nexus = nexus(&store);
        let before = names();
        ingest(&nexus, &admin(), "travel.txt", "Trains in second class.").await;
        assert_eq!(
            names(),
            before + 1 + usize::from(link == "blobs" && !victim.path().join(&tenant).exists())
        );
        nexus.delete_document(&admin(), &"travel.txt".parse().unwrap()).await.unwrap();
        store.close().await.unwrap();
        drop(MemoryStore::open(dir.path()).unwrap());
        assert!(names() > before, "{link}: nothing is removed through it");
        assert_eq!(fs::read(victim.path().join(&tenant).join("0".repeat(64))).unwrap(), b"important");
    }
}

#[tokio::test]
async fn a_damaged_index_beside_other_files_leaves_them_alone_and_is_kept_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let index = dir.path().join("text/1");
    fs::write(index.join("notes.md"), "a user's").unwrap();
    fs::write(index.join("meta.json"), "{").unwrap();
    let before = tree(&index);
    let store = MemoryStore::open(dir.path()).unwrap();
    assert_eq!(found(&store).await, 1);
    assert_eq!(tree(&index), before);
}

#[tokio::test]
async fn the_list_of_an_indexs_files_leads_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    fs::write(dir.path().join("important"), "x").unwrap();
    fs::write(dir.path().join("text/1/notes.md"), "x").unwrap();
    let list = dir.path().join("text/1/.managed.json");
    let listed = fs::read_to_string(&list).unwrap();
    fs::write(&list, listed.replacen('[', "[\"../../important\",\"notes.md\",", 1)).unwrap();
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = nexus(&store);
    for round in 0..8 {
        ingest(&nexus, &admin(), "leave.txt", &format!("Edition {round} of paid leave.")).await;
        assert_eq!(found(&store).await, 1);
    }
    store.close().await.unwrap();
    assert!(dir.path().join("important").exists() && dir.path().join("text/1/notes.md").exists());
}
