use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::access::{AccessRule, Authorised, Permission, RequiredAccess};
use crate::audit::{KeyRing, Sealer, UnsealedRecords};
use crate::document::{ChunkConfig, DocumentQuota, Metadata, ParseReport};
use crate::id::{CorpusId, DocumentId, GrantId};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn ada() -> Principal {
    Principal::user("acme", "ada").unwrap()
}

fn access() -> Authorised<RequiredAccess> {
    Authorised::for_tests(&ada(), RequiredAccess::new(AccessRule::NewOr(Permission::Write), at(1)))
}

pub(in crate::document) fn unsealed() -> UnsealedRecords {
    let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap();
    UnsealedRecords::new(Arc::new(Sealer::new("test", keys)), Vec::new())
}

/// Returns the submission of a document's first bytes.
pub(in crate::document) fn submission() -> Submission {
    Submission {
        quota: DocumentQuota::default(),
        principal: ada(),
        job: JobId::parse("job-1").unwrap(),
        owner_grant: GrantId::parse("grant-1").unwrap(),
        id: DocumentId::parse("leave.txt").unwrap(),
        corpus: CorpusId::parse("handbook").unwrap(),
        name: "leave.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size_bytes: 9,
        content_hash: "hash-1".to_owned(),
        tags: BTreeSet::new(),
        metadata: Metadata::new(),
        chunking: ChunkConfig::default(),
        overwrite: false,
        strict: false,
        access: access(),
        corpus_created_at: at(0),
        now: at(1),
        audit: unsealed(),
    }
}

/// Returns other bytes for the same document.
fn other_bytes() -> Submission {
    let job = JobId::parse("job-2").unwrap();
    Submission { content_hash: "hash-2".to_owned(), job, now: at(5), ..submission() }
}

/// Returns the rows that a submission queues.
pub(in crate::document) fn queued(submission: &Submission, present: Option<StoredDocument>) -> QueuedJob {
    match submission.decide(present).unwrap() {
        SubmissionDecision::Queued(queued) => *queued,
        SubmissionDecision::Unchanged(submitted) => panic!("unchanged: {submitted:?}"),
    }
}

/// Returns the first document with this status.
fn present(status: DocumentStatus) -> StoredDocument {
    let document = queued(&submission(), None).document;
    StoredDocument { document: Document { status, version: 1, ..document }, newest: 1 }
}

const STATUSES: [DocumentStatus; 4] =
    [DocumentStatus::Queued, DocumentStatus::Processing, DocumentStatus::Succeeded, DocumentStatus::Failed];

#[test]
fn a_new_document_is_queued_as_its_first_version_with_an_owner() {
    let QueuedJob { document, job, reindex, is_new } = queued(&submission(), None);
    assert_eq!(
        (job.version, job.attempts, job.state, is_new, reindex),
        (1, 0, JobState::Queued, true, false)
    );
    assert_eq!((document.version, document.status), (0, DocumentStatus::Queued));
    assert_eq!((document.last_job_id, document.created_by), (job.id, ada().subject().clone()));
}

#[test]
fn the_same_bytes_change_nothing_unless_they_failed() {
    for status in STATUSES {
        let again = submission().decide(Some(present(status))).unwrap();
        match again {
            SubmissionDecision::Unchanged(submitted) => {
                assert_ne!(status, DocumentStatus::Failed);
                assert_eq!((submitted.status, submitted.unchanged), (status, true));
            }
            SubmissionDecision::Queued(queued) => {
                assert_eq!(status, DocumentStatus::Failed);
                assert_eq!((queued.job.version, queued.is_new), (2, false));
            }
        }
    }
}

#[test]
fn an_incomplete_document_is_read_again_if_it_is_sent_as_strict() {
    let strict = Submission { strict: true, ..submission() };
    for (warnings, is_unchanged) in [(vec![], true), (vec!["page 2 is missing".to_owned()], false)] {
        let mut present = present(DocumentStatus::Succeeded);
        present.document.report = Some(ParseReport { warnings, ..ParseReport::default() });
        match strict.decide(Some(present)).unwrap() {
            SubmissionDecision::Unchanged(_) => assert!(is_unchanged),
            SubmissionDecision::Queued(queued) => assert!(!is_unchanged && queued.document.strict),
        }
    }
}

#[test]
fn other_bytes_need_an_overwrite_and_no_job_in_flight() {
    for status in STATUSES {
        let code = |submission: &Submission| {
            submission.decide(Some(present(status))).map(drop).map_err(|error| error.code())
        };
        let overwrite = Submission { overwrite: true, ..other_bytes() };
        let elsewhere = Submission { corpus: CorpusId::parse("other").unwrap(), ..overwrite.clone() };
        if status.is_in_flight() {
            for submission in [&other_bytes(), &overwrite, &elsewhere] {
                assert_eq!(code(submission), Err("DOCUMENT_IN_FLIGHT"));
            }
        } else {
            assert_eq!(code(&other_bytes()), Err("DOCUMENT_EXISTS"));
            assert_eq!(code(&overwrite), Ok(()));
            assert_eq!(code(&elsewhere), Err("DOCUMENT_EXISTS"));
        }
    }
}

#[test]
fn a_different_description_is_a_change() {
    let changes: [fn(&mut Submission); 4] = [
        |submission| submission.name = "other.txt".to_owned(),
        |submission| submission.tags = BTreeSet::from(["hr".to_owned()]),
        |submission| drop(submission.metadata.insert("year".to_owned(), 2026.into())),
        |submission| submission.chunking = ChunkConfig::tokens(77, 7).unwrap(),
    ];
    for change in changes {
        let mut other = submission();
        change(&mut other);
        let error = other.decide(Some(present(DocumentStatus::Succeeded))).unwrap_err();
        assert_eq!(error.code(), "DOCUMENT_EXISTS");
    }
}

#[test]
fn a_corpus_that_was_created_again_is_another_one() {
    assert!(submission().check_corpus(at(0)).is_ok());
    assert_eq!(submission().check_corpus(at(1)).unwrap_err().code(), "CORPUS_CHANGED");
}

#[test]
fn an_overwrite_keeps_the_live_version_and_its_creation() {
    let present = present(DocumentStatus::Succeeded);
    let overwrite = Submission { overwrite: true, ..other_bytes() };
    let QueuedJob { document, job, .. } =
        queued(&overwrite, Some(StoredDocument { newest: 7, ..present.clone() }));
    assert_eq!((job.version, document.version, document.content_hash.as_str()), (8, 1, "hash-2"));
    assert_eq!((document.created_at, document.queued_at), (present.document.created_at, at(5)));
}

#[test]
fn a_document_is_chunked_again_unless_its_job_is_in_flight() {
    let chunking = ChunkConfig::tokens(77, 7).unwrap();
    let order = Reindex {
        principal: ada(),
        job: JobId::parse("job-2").unwrap(),
        document: submission().id,
        chunking,
        access: access(),
        now: at(5),
        audit: unsealed(),
    };
    for status in STATUSES {
        match order.decide(present(status)) {
            Ok(queued) => {
                assert!(!status.is_in_flight());
                assert_eq!((queued.job.version, queued.reindex, queued.is_new), (2, true, false));
                assert_eq!((queued.document.chunking, queued.submitted().unchanged), (chunking, false));
            }
            Err(error) => {
                assert!(status.is_in_flight());
                assert_eq!(error.code(), "DOCUMENT_IN_FLIGHT");
            }
        }
    }
}
