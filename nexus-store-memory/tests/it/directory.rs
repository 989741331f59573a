//! Directories in which a store may be created or opened; other files in them stay untouched.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use nexus_core::search::Search;
use nexus_core::stats::StatsStore as _;
use nexus_core::system::SystemStore as _;
use nexus_core::{CorpusId, ErrorKind, hex};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, ingest, nexus};

/// Step of the creation of a store.
type Step<'a> = &'a dyn Fn(&Path);

const MARKER: &str = "nexus-store.json";

/// Creates a store with a document, and closes it.
pub(crate) async fn filled(dir: &Path) {
    let store = MemoryStore::open(dir).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Thirty days of paid leave.").await;
    assert_eq!(found(&store).await, 1);
    store.close().await.unwrap();
}

pub(crate) fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

pub(crate) async fn found(store: &MemoryStore) -> usize {
    nexus(store).search(&admin(), Search::new(handbook(), "paid leave")).await.unwrap().hits.len()
}

/// Returns everything below `dir`: type, mode, last change and content.
pub(crate) fn tree(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        let content = if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            "directory".to_owned()
        } else if about.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            hex::sha256(&fs::read(&path).unwrap())
        };
        let changed = (about.mtime(), about.mtime_nsec());
        lines.push(format!("{} {:o} {changed:?} {content}", path.display(), about.mode()));
    }
    lines.sort();
    lines
}

/// Checks that owner and reader fail with `code`, and that no byte changes.
#[track_caller]
fn refused(dir: &Path, code: &str) {
    let before = tree(dir);
    for refusal in [MemoryStore::open(dir), MemoryStore::open_read_only(dir)] {
        let error = refusal.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(error.hint().is_some());
    }
    assert_eq!(MemoryStore::exists(dir).unwrap_err().code(), code);
    assert_eq!(tree(dir), before);
}

#[tokio::test]
async fn a_new_store_is_made_in_no_directory_and_in_one_that_is_as_good_as_empty() {
    let root = tempfile::tempdir().unwrap();
    let below = root.path().join("a/b");
    assert!(!MemoryStore::exists(&below).unwrap());
    filled(&below).await;
    fs::create_dir_all(root.path().join("disk/lost+found")).unwrap();
    fs::create_dir_all(root.path().join("disk/.snapshots/daily")).unwrap();
    fs::write(root.path().join("disk/.DS_Store"), "x").unwrap();
    let disk = root.path().join("disk");
    assert_eq!(MemoryStore::open_read_only(&disk).unwrap_err().code(), "STORE_NOT_FOUND");
    filled(&disk).await;
    assert!(MemoryStore::exists(&disk).unwrap());
    assert_eq!(fs::read(disk.join(".DS_Store")).unwrap(), b"x");
    let marker = fs::read_to_string(disk.join(MARKER)).unwrap();
    assert!(marker.contains("\"store\": \"store-") && marker.contains("\"state\": \"made\""), "{marker}");
    assert_eq!(found(&MemoryStore::open(&disk).unwrap()).await, 1);
}

#[tokio::test]
async fn a_directory_that_holds_something_else_is_refused_and_left_as_it_is() {
    let fillings: [&dyn Fn(&Path); 7] = [
        &|dir| fs::write(dir.join("notes.md"), "mine").unwrap(),
        &|dir| fs::create_dir_all(dir.join("text/chapter1")).unwrap(),
        &|dir| fs::create_dir_all(dir.join("text/1")).unwrap(),
        &|dir| fs::create_dir_all(dir.join("blobs/images")).unwrap(),
        &|dir| fs::create_dir_all(dir.join("cache")).unwrap(),
        &|dir| fs::write(dir.join("lock"), "12").unwrap(),
        &|dir| symlink("/nowhere", dir.join("text")).unwrap(),
    ];
    for fill in fillings {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".hidden"), "also").unwrap();
        fill(dir.path());
        refused(dir.path(), "DATA_NOT_EMPTY");
    }
}

#[tokio::test]
async fn files_of_a_store_without_their_database_are_refused_and_never_made_anew() {
    for marked in [true, false] {
        let damages: [&dyn Fn(&Path); 6] = [
            &|_| {},
            &|database| fs::write(database, "").unwrap(),
            &|database| fs::create_dir(database).unwrap(),
            &|database| symlink("nowhere.db", database).unwrap(),
            &|database| fs::write(database.with_extension("db-wal"), "log").unwrap(),
            &|database| {
                fs::write(database, "").unwrap();
                fs::write(database.with_extension("db-wal"), "log").unwrap();
            },
        ];
        for damage in damages {
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path()).await;
            let (database, away) = (dir.path().join("nexus.db"), dir.path().join("away.db"));
            fs::rename(&database, &away).unwrap();
            if !marked {
                fs::remove_file(dir.path().join(MARKER)).unwrap();
            }
            damage(&database);
            refused(dir.path(), "DATABASE_MISSING");
            for made in [database.clone(), database.with_extension("db-wal")] {
                let _ = fs::remove_file(&made);
                let _ = fs::remove_dir(&made);
            }
            fs::rename(&away, &database).unwrap();
            let store = MemoryStore::open(dir.path()).unwrap();
            assert_eq!(found(&store).await, 1);
            let document = nexus(&store).reindex(&admin(), &"leave.txt".parse().unwrap(), None).await;
            document.unwrap();
            assert_eq!(nexus(&store).run_pending_jobs().await.unwrap().succeeded, 1);
        }
    }
}

#[tokio::test]
async fn a_store_of_an_earlier_version_is_taken_and_marked() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let marker = dir.path().join(MARKER);
    let before = fs::read(&marker).unwrap();
    for damage in [|path: &Path| fs::remove_file(path).unwrap(), |path: &Path| fs::write(path, "{").unwrap()]
    {
        damage(&marker);
        assert_eq!(found(&MemoryStore::open_read_only(dir.path()).unwrap()).await, 1);
        drop(MemoryStore::open(dir.path()).unwrap());
        assert_eq!(fs::read(&marker).unwrap(), before);
    }
}

#[tokio::test]
async fn a_store_that_was_killed_before_its_log_was_emptied_is_known_as_one() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = MemoryStore::open(dir.path()).unwrap();
    nexus(&store).create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    // As on the disk now: the file itself holds no table yet.
    for name in ["nexus.db", "nexus.db-wal"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    assert!(fs::metadata(copy.path().join("nexus.db")).unwrap().len() <= 4096);
    let copied = MemoryStore::open(copy.path()).unwrap();
    assert_eq!(copied.stats(admin().tenant()).await.unwrap().corpora, 1);
}

/// The steps of the creation of a store, each of them the last before the process is killed.
#[tokio::test]
async fn the_making_of_a_store_is_taken_up_after_any_of_its_steps() {
    let whole = tempfile::tempdir().unwrap();
    drop(MemoryStore::open(whole.path()).unwrap());
    let begun = fs::read_to_string(whole.path().join(MARKER)).unwrap().replace("\"made\"", "\"begun\"");
    let marker = |dir: &Path| fs::write(dir.join(MARKER), &begun).unwrap();
    let lock = |dir: &Path| fs::write(dir.join("lock"), "4711").unwrap();
    let empty = |dir: &Path| fs::write(dir.join("nexus.db"), "").unwrap();
    let without_tables = |dir: &Path| {
        let made = rusqlite::Connection::open(dir.join("nexus.db")).unwrap();
        made.execute_batch("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;").unwrap();
    };
    let database = |dir: &Path| {
        fs::copy(whole.path().join("nexus.db"), dir.join("nexus.db")).map(drop).unwrap();
    };
    let prefixes: [&[Step<'_>]; 9] = [
        &[],
        &[&|dir| fs::write(dir.join(MARKER), "").unwrap()],
        &[&|dir| fs::write(dir.join(MARKER), "{\"about\": \"This dir").unwrap()],
        &[&|dir| fs::write(dir.join(MARKER), "").unwrap(), &lock, &empty],
        &[&marker],
        &[&marker, &lock],
        &[&marker, &lock, &empty],
        &[&marker, &lock, &without_tables],
        &[&marker, &lock, &database],
    ];
    for (number, steps) in prefixes.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        for step in steps {
            step(dir.path());
        }
        if number < 8 {
            assert!(!MemoryStore::exists(dir.path()).unwrap(), "{number}");
            assert_eq!(MemoryStore::open_read_only(dir.path()).unwrap_err().code(), "STORE_NOT_FOUND");
        }
        filled(dir.path()).await;
        assert_eq!(found(&MemoryStore::open(dir.path()).unwrap()).await, 1);
        let marker = fs::read_to_string(dir.path().join(MARKER)).unwrap();
        assert!(marker.contains("\"made\""), "{number}: {marker}");
    }
}

#[tokio::test]
async fn a_database_beside_the_marker_of_another_store_is_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(one.path()).await;
    filled(other.path()).await;
    fs::copy(other.path().join("nexus.db"), one.path().join("nexus.db")).unwrap();
    for refusal in [MemoryStore::open(one.path()), MemoryStore::open_read_only(one.path())] {
        let error = refusal.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "STORE_MIXED"));
        assert!(error.hint().unwrap().contains(MARKER));
    }
    fs::remove_file(one.path().join(MARKER)).unwrap();
    assert_eq!(found(&MemoryStore::open(one.path()).unwrap()).await, 1);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let contents = [
        "CREATE TABLE theirs (id INTEGER)",
        "CREATE TABLE theirs (id INTEGER); PRAGMA user_version = 3",
        "PRAGMA application_id = 7; CREATE TABLE theirs (id INTEGER)",
    ];
    for content in contents {
        let dir = tempfile::tempdir().unwrap();
        let theirs = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
        theirs.execute_batch(content).unwrap();
        drop(theirs);
        refused(dir.path(), "STORE_CORRUPT");
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_of_the_store_is_refused_and_not_followed() {
    for name in ["lock", MARKER, "copying"] {
        let (dir, victim) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        filled(dir.path()).await;
        let target = victim.path().join("important");
        fs::write(&target, "a long text that must stay as it is, every word of it").unwrap();
        let _ = fs::remove_file(dir.path().join(name));
        symlink(&target, dir.path().join(name)).unwrap();
        let before = tree(victim.path());
        assert_eq!(MemoryStore::open(dir.path()).unwrap_err().code(), "STORE_LINKED", "{name}");
        assert_eq!(tree(victim.path()), before);
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let (dir, victim) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        filled(dir.path()).await;
        fs::write(victim.path().join("log"), "").unwrap();
        symlink(victim.path().join("log"), dir.path().join(format!("nexus.db{suffix}"))).unwrap();
        refused(dir.path(), "STORE_LINKED");
        let error = MemoryStore::open(dir.path()).unwrap_err();
        assert!(error.message().ends_with("is a link, which is not followed"), "{error}");
    }
}

/// A file with the lock's name but without a process number is the user's, even beside a store's database.
#[tokio::test]
async fn a_file_of_the_users_that_is_called_like_the_lock_is_kept() {
    for text in ["mine", "a file of another user, with more than a number in it", "12\n", "\u{e9}"] {
        for marked in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path()).await;
            if !marked {
                fs::remove_file(dir.path().join(MARKER)).unwrap();
            }
            fs::write(dir.path().join("lock"), text).unwrap();
            let before = tree(dir.path());
            assert_eq!(MemoryStore::open(dir.path()).unwrap_err().code(), "STORE_LINKED", "{text}");
            assert_eq!(tree(dir.path()), before, "{text}");
        }
    }
}

/// A marker that cannot be parsed may be the user's own file of that name.
#[tokio::test]
async fn a_file_in_the_place_of_the_marker_of_a_store_is_refused_and_kept() {
    for text in ["garbage", "{}", "{\"my\": \"stock list\"}", "\0\0\0"] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path()).await;
        fs::write(dir.path().join(MARKER), text).unwrap();
        refused(dir.path(), "STORE_MARKER");
        fs::remove_file(dir.path().join(MARKER)).unwrap();
        assert_eq!(found(&MemoryStore::open(dir.path()).unwrap()).await, 1);
    }
}

#[tokio::test]
async fn a_link_beside_a_cache_is_not_followed_and_the_cache_is_kept_in_memory() {
    for suffix in ["-wal", "-shm", "-journal"] {
        let (dir, victim) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        filled(dir.path()).await;
        fs::create_dir_all(dir.path().join("cache")).unwrap();
        fs::write(victim.path().join("log"), "important").unwrap();
        let link = dir.path().join(format!("cache/answer.db{suffix}"));
        symlink(victim.path().join("log"), &link).unwrap();
        let before = tree(victim.path());
        for _ in 0..2 {
            let store = MemoryStore::open(dir.path()).unwrap();
            assert!(store.cache(1 << 20).unwrap().is_some());
        }
        assert_eq!(tree(victim.path()), before);
        assert!(link.is_symlink());
    }
}

#[tokio::test]
async fn a_data_directory_may_be_a_link_and_have_a_name_of_any_kind() {
    let root = tempfile::tempdir().unwrap();
    let real: PathBuf = root.path().join("a?b#c%d e\u{e9}");
    fs::create_dir(&real).unwrap();
    symlink(&real, root.path().join("link")).unwrap();
    filled(&root.path().join("link")).await;
    assert_eq!(found(&MemoryStore::open(&real).unwrap()).await, 1);
    assert!(real.join(MARKER).exists());
}

/// A user's file with the marker's name is not an interrupted marker.
#[tokio::test]
async fn a_file_that_is_called_like_the_marker_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["{\"my\": \"stock list\"}", "1\n2\n3\n", "{}"] {
        fs::write(dir.path().join(MARKER), text).unwrap();
        let refused = MemoryStore::open(dir.path()).unwrap_err();
        assert_eq!(refused.code(), "DATA_NOT_EMPTY", "{text}");
        assert_eq!(fs::read_to_string(dir.path().join(MARKER)).unwrap(), text);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
