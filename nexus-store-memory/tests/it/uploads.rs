//! Raw bytes stay while they are referenced, and no longer.

use std::fs;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use nexus_core::document::NewDocument;
use nexus_core::document::store::BlobStore;
use nexus_core::system::SystemStore as _;
use nexus_core::transfer::{TenantExport, TransferStore};
use nexus_core::{DocumentId, Nexus};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::fixture::{allowed, owner};
use nexus_testkit::store::transfer::Sink;
use serde_json::json;

use crate::directory::handbook;
use crate::journey::{admin, ingest, nexus};

/// Returns the number of files of raw bytes, drafts included.
fn files(dir: &Path) -> usize {
    let homes = fs::read_dir(dir.join("blobs")).into_iter().flatten().flatten();
    homes.map(|home| fs::read_dir(home.path()).unwrap().count()).sum()
}

async fn opened(dir: &Path) -> (MemoryStore, Nexus) {
    let store = MemoryStore::open(dir).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    (store, nexus)
}

fn leave() -> DocumentId {
    DocumentId::parse("leave.txt").unwrap()
}

/// Repeats an upload under an id that is taken.
async fn refused(nexus: &Nexus, text: String) {
    let mut document = NewDocument::new(handbook(), "leave.txt");
    document.id = Some(leave());
    let error = nexus.ingest(&admin(), document, Cursor::new(text.into_bytes())).await.unwrap_err();
    assert_eq!(error.code(), "DOCUMENT_EXISTS");
}

#[tokio::test]
async fn bytes_of_replaced_refused_and_deleted_documents_are_gone_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, nexus) = opened(dir.path()).await;
    for round in 0..5 {
        ingest(&nexus, &admin(), "leave.txt", &format!("Edition {round}.")).await;
        assert_eq!(files(dir.path()), 1, "replaced");
    }
    for round in 0..5 {
        refused(&nexus, format!("Refused {round}.")).await;
        assert_eq!(files(dir.path()), 1, "refused");
    }
    refused(&nexus, "Edition 4.".to_owned() + " ").await;
    nexus.reindex(&admin(), &leave(), None).await.unwrap();
    assert_eq!(nexus.run_pending_jobs().await.unwrap().succeeded, 1, "what is in use is there");
    nexus.delete_document(&admin(), &leave()).await.unwrap();
    assert_eq!(files(dir.path()), 0, "deleted");
}

#[tokio::test]
async fn a_refusal_leaves_the_bytes_on_which_another_document_rests() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus) = opened(dir.path()).await;
    ingest(&nexus, &admin(), "leave.txt", "Thirty days.").await;
    ingest(&nexus, &admin(), "other.txt", "Forty days.").await;
    refused(&nexus, "Forty days.".to_owned()).await;
    assert_eq!(files(dir.path()), 2);
    // Two documents reference the same bytes: deleting the first keeps them for the second.
    ingest(&nexus, &admin(), "other.txt", "Thirty days.").await;
    assert_eq!(files(dir.path()), 1);
    nexus.delete_document(&admin(), &leave()).await.unwrap();
    let hash = nexus.document(&admin(), &"other.txt".parse().unwrap()).await.unwrap().content_hash;
    assert!(BlobStore::open(&store, admin().tenant(), &hash).await.is_ok());
}

/// Source that yields its bytes on a signal.
struct Slow {
    bytes: Cursor<Vec<u8>>,
    go: std::sync::Mutex<Receiver<bool>>,
}

impl Slow {
    fn new(text: &str) -> (Self, Sender<bool>) {
        let (sender, receiver) = channel();
        (Self { bytes: Cursor::new(text.as_bytes().to_vec()), go: receiver.into() }, sender)
    }
}

impl Read for Slow {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.go.lock().unwrap().recv().unwrap_or(false) {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        let most = out.len().min(4);
        self.bytes.read(&mut out[..most])
    }
}

impl Seek for Slow {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, nexus) = opened(dir.path()).await;
    let (source, go) = Slow::new("Thirty days of leave.");
    go.send(true).unwrap();
    go.send(false).unwrap();
    let error = nexus.ingest(&admin(), NewDocument::new(handbook(), "x"), source).await.unwrap_err();
    assert_eq!(error.code(), "SOURCE_UNREADABLE");
    assert_eq!(files(dir.path()), 0);
}

#[tokio::test]
async fn a_caller_who_goes_away_in_the_middle_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus) = opened(dir.path()).await;
    let (source, go) = Slow::new("Thirty days of leave.");
    let caller = admin();
    let mut upload = Box::pin(nexus.ingest(&caller, NewDocument::new(handbook(), "x"), source));
    // The upload is in flight when its caller goes.
    assert!(futures::poll!(&mut upload).is_pending());
    while files(dir.path()) == 0 {
        assert!(futures::poll!(&mut upload).is_pending());
        tokio::task::yield_now().await;
    }
    drop(upload);
    for _ in 0..9 {
        go.send(true).unwrap();
    }
    // The last byte is read; the stored bytes then have no holder.
    while files(dir.path()) > 0 {
        tokio::task::yield_now().await;
    }
    store.close().await.unwrap();
    assert_eq!(files(dir.path()), 0);
}

#[tokio::test]
async fn of_two_callers_with_the_same_bytes_neither_takes_them_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus) = opened(dir.path()).await;
    let caller = admin();
    let put = || store.put(caller.tenant(), Box::new(Cursor::new(b"Thirty days.".to_vec())), 99);
    let (first, second) = (put().await.unwrap(), put().await.unwrap());
    store.discard(caller.tenant(), first).await.unwrap();
    assert_eq!(files(dir.path()), 1);
    ingest(&nexus, &caller, "leave.txt", "Thirty days.").await;
    nexus.delete_document(&caller, &leave()).await.unwrap();
    assert_eq!(files(dir.path()), 1, "the second caller may yet submit them");
    let again = second.clone();
    store.discard(caller.tenant(), second).await.unwrap();
    assert_eq!(files(dir.path()), 1);
    store.discard(caller.tenant(), again).await.unwrap();
    assert_eq!(files(dir.path()), 0);
}

#[tokio::test]
async fn a_damaged_import_leaves_no_bytes() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, nexus) = opened(dir.path()).await;
    ingest(&nexus, &admin(), "leave.txt", "Thirty days.").await;
    let exported = Sink::default();
    store.export(&allowed(&admin(), TenantExport), Box::new(exported.clone())).await.unwrap();
    let lines = String::from_utf8(exported.bytes()).unwrap();
    let cut = lines
        .lines()
        .filter(|line| !line.contains("\"end\""))
        .fold(String::new(), |all, line| all + line + "\n");
    assert!(cut.contains("\"bytes\""));
    let target = MemoryStore::open(other.path()).unwrap();
    let source = Box::new(Cursor::new(cut.into_bytes()));
    crate::journey::nexus(&target).import(&admin(), source).await.unwrap_err();
    target.close().await.unwrap();
    assert_eq!(files(other.path()), 0);
}

/// Output that blocks at its first row until a signal.
struct Stalled {
    begun: Sender<()>,
    go: Option<Receiver<()>>,
    out: Sink,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let is_row = bytes.starts_with(br#"{"kind":"row""#);
        if let Some(go) = self.go.take_if(|_| is_row) {
            self.begun.send(()).unwrap();
            go.recv().unwrap();
        }
        self.out.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_export_under_way_finds_the_bytes_of_a_document_that_is_replaced_meanwhile() {
    for beside in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (store, nexus) = opened(dir.path()).await;
        ingest(&nexus, &admin(), "leave.txt", "Thirty days.").await;
        let from = if beside { MemoryStore::open_read_only(dir.path()).unwrap() } else { store.clone() };
        let ((begun, has_begun), (go, released)) = (channel(), channel());
        let out = Sink::default();
        let proof = allowed(&admin(), TenantExport);
        let stalled = Stalled { begun, go: Some(released), out: out.clone() };
        let mut export = Box::pin(from.export(&proof, Box::new(stalled)));
        assert!(futures::poll!(&mut export).is_pending());
        has_begun.recv().unwrap();
        ingest(&nexus, &admin(), "leave.txt", "Forty days.").await;
        refused(&nexus, "Refused.".to_owned()).await;
        assert_eq!(files(dir.path()), 3, "they wait for the export");
        go.send(()).unwrap();
        export.await.unwrap();
        let lines = String::from_utf8(out.bytes()).unwrap();
        assert!(lines.contains(&nexus_core::hex::encode(b"Thirty days.")));
        assert_eq!(
            nexus_core::system::SystemStore::take_cancel_requests(&store, &owner("p")).await.unwrap(),
            []
        );
        refused(&nexus, "Refused again.".to_owned()).await;
        assert_eq!(files(dir.path()), 1, "and go after it");
    }
}
