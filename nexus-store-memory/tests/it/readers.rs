//! Documents that a reader did not read as a whole, and documents of an earlier reader.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nexus_core::document::{
    BlockSink, DocumentParser, DocumentStatus, FileHints, NewDocument, ParseReport, PlainText, Source,
    UnreadPart,
};
use nexus_core::{CorpusId, DocumentId, Nexus, Page, Result};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, builder};

/// Parser of text with a version, which meets an image in every document whose name ends in `+image`.
#[derive(Debug, Default)]
struct Versioned(Arc<AtomicU32>);

impl DocumentParser for Versioned {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        let mut report = PlainText.parse(source, hints, sink)?;
        if hints.name.ends_with("+image") {
            report.unread.insert(UnreadPart::Image, 1);
        }
        report.reader_version = self.reader_version(&report.content_type);
        Ok(report)
    }

    fn reader_version(&self, _content_type: &str) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn corpus() -> CorpusId {
    CorpusId::parse("c").unwrap()
}

async fn library() -> (Nexus, Arc<AtomicU32>) {
    let version = Arc::new(AtomicU32::new(1));
    let nexus = builder(&MemoryStore::default()).parser(Versioned(Arc::clone(&version))).build().unwrap();
    nexus.create_corpus(&admin(), corpus(), "c", json!({})).await.unwrap();
    (nexus, version)
}

#[tokio::test]
async fn bytes_that_were_changed_are_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = builder(&store).build().unwrap();
    nexus.create_corpus(&admin(), corpus(), "c", json!({})).await.unwrap();
    let id = ingest(&nexus, "leave", false).await;
    let hash = nexus.document(&admin(), &id).await.unwrap().content_hash;
    let mut folders = vec![dir.path().join("blobs")];
    let mut changed = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.to_string_lossy().contains(hash.get(4..).unwrap()) {
                std::fs::write(&entry, "Three days of paid leave.!").unwrap();
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 1);
    nexus.reindex(&admin(), &id, None).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    let document = nexus.document(&admin(), &id).await.unwrap();
    assert_eq!((document.failure.unwrap().code.as_str(), document.version), ("CONTENT_CHANGED", 1));
    assert!(nexus.passages(&admin(), &id, Page::first(1)).await.unwrap()[0].text.starts_with("Thirty"));
}

async fn ingest(nexus: &Nexus, name: &str, strict: bool) -> DocumentId {
    let id = DocumentId::parse(name).unwrap();
    let new = NewDocument { id: Some(id.clone()), strict, ..NewDocument::new(corpus(), name) };
    nexus.ingest(&admin(), new, Cursor::new("Thirty days of paid leave.")).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    id
}

#[tokio::test]
async fn a_strict_document_with_an_unread_part_fails_and_another_warns() {
    let (nexus, _) = library().await;
    let document = async |id: &DocumentId| nexus.document(&admin(), id).await.unwrap();
    let strict = document(&ingest(&nexus, "strict+image", true).await).await;
    assert_eq!((strict.status, strict.version), (DocumentStatus::Failed, 0));
    let failure = strict.failure.unwrap();
    assert_eq!(failure.code, "DOCUMENT_INCOMPLETE");
    assert!(failure.message.ends_with("not read: 1 image"), "{}", failure.message);
    let whole = document(&ingest(&nexus, "strict", true).await).await;
    assert_eq!(whole.status, DocumentStatus::Succeeded);
    let warned = document(&ingest(&nexus, "plain+image", false).await).await;
    assert_eq!((warned.status, warned.version), (DocumentStatus::Succeeded, 1));
    let again = document(&ingest(&nexus, "plain+image", true).await).await;
    assert_eq!((again.status, again.version), (DocumentStatus::Failed, 1), "the version before it stays");
}

#[tokio::test]
async fn documents_of_an_earlier_reader_are_named_and_read_again_from_their_bytes() {
    let (nexus, version) = library().await;
    let outdated = async |id: &DocumentId| {
        let count = nexus.status(&admin()).await.unwrap().documents_outdated;
        (nexus.document(&admin(), id).await.unwrap().outdated, count)
    };
    let first = ingest(&nexus, "first", false).await;
    assert_eq!(outdated(&first).await, (false, 0));
    version.store(2, Ordering::SeqCst);
    let second = ingest(&nexus, "second", false).await;
    assert_eq!((outdated(&first).await, outdated(&second).await), ((true, 1), (false, 1)));
    nexus.reindex(&admin(), &first, None).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    assert_eq!(outdated(&first).await, (false, 0));
}
