use super::*;
use crate::access::{AccessRule, Authorised, Permission, RequiredAccess};
use crate::document::submission::tests::{queued, submission, unsealed};
use crate::document::{DocumentQuota, ParseReport};
use crate::language::Language;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn work() -> JobWork {
    let queued = queued(&submission(), None);
    JobWork { job: queued.job, document: queued.document }
}

fn publication(passages: u32) -> Publication {
    let access = RequiredAccess::new(AccessRule::StillHolds(Permission::Write), at(9));
    Publication {
        quota: DocumentQuota::default(),
        report: ParseReport { content_type: "text/markdown".to_owned(), ..ParseReport::default() },
        language: Language::English,
        passages,
        model: None,
        access: Authorised::for_tests(&submission().principal, access),
        now: at(9),
        day: "1970-01-01".to_owned(),
        audit: unsealed(),
    }
}

fn failure() -> Failure {
    Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "the document is empty".to_owned(), hint: None }
}

#[test]
fn each_claim_is_an_attempt_and_each_but_the_first_needs_a_fresh_version() {
    let mut work = work();
    for attempt in 1..4 {
        assert_eq!(work.job.needs_fresh_version(), attempt > 1);
        work.claim(at(attempt));
        assert_eq!(i64::from(work.job.attempts), attempt);
        assert_eq!(work.job.state, JobState::Processing { stage: Stage::Waiting, heartbeat_at: at(attempt) });
        assert_eq!(work.document.status, DocumentStatus::Processing);
        assert_eq!(work.document.processing_started_at, Some(at(attempt)));
    }
    work.job.renew(Stage::Publishing, at(7));
    assert_eq!(work.job.state, JobState::Processing { stage: Stage::Publishing, heartbeat_at: at(7) });
    assert_eq!(work.job.attempts, 3);
}

#[test]
fn a_published_version_is_that_of_the_job_and_clears_an_earlier_failure() {
    let mut work = work();
    (work.job.version, work.document.failure) = (4, Some(failure()));
    work.claim(at(1));
    work.publish(&publication(3), 3, false).unwrap();
    let JobWork { job, document } = work;
    assert_eq!(job.state, JobState::Succeeded);
    assert_eq!((document.status, document.failure), (DocumentStatus::Succeeded, None));
    assert_eq!(
        (document.version, document.passages, document.content_type.as_str()),
        (4, 3, "text/markdown")
    );
    assert_eq!((document.completed_at, document.last_reindexed_at), (Some(at(9)), None));
}

#[test]
fn a_reindexed_document_says_when_and_an_undetected_type_stays() {
    let mut work = work();
    let publication = Publication { report: ParseReport::default(), ..publication(0) };
    work.publish(&publication, 0, true).unwrap();
    assert_eq!(work.document.last_reindexed_at, Some(at(9)));
    assert_eq!(work.document.content_type, submission().content_type);
}

#[test]
fn another_number_of_passages_changes_nothing() {
    let mut work = work();
    let before = work.clone();
    let error = work.publish(&publication(3), 2, false).unwrap_err();
    assert_eq!((error.kind(), error.stable_code()), (ErrorKind::Corrupt, "PASSAGES_MISSING"));
    assert_eq!(work, before);
}

#[test]
fn a_failed_job_is_over_and_its_document_keeps_the_live_version() {
    let mut work = work();
    work.document.version = 2;
    work.claim(at(1));
    work.fail(&failure(), at(3));
    assert_eq!(work.job.state, JobState::Failed { failure: failure() });
    assert_eq!((work.document.status, work.document.failure), (DocumentStatus::Failed, Some(failure())));
    assert_eq!((work.document.version, work.document.completed_at), (2, Some(at(3))));
}
