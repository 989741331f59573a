use super::*;
use crate::access::{AccessRule, Authorised, Permission, RequiredAccess};
use crate::document::submission::tests::{queued, submission, unsealed};
use crate::document::{DocumentQuota, ParseReport, VersionState};
use crate::language::Language;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn version(ordinal: i64, state: VersionState) -> StoredVersion {
    StoredVersion { ordinal, state }
}

fn work() -> JobWork {
    let queued = queued(&submission(), None);
    JobWork { job: queued.job, document: queued.document, version: version(7, VersionState::Staged) }
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
fn each_claim_is_an_attempt_and_each_but_the_first_discards_the_version_before() {
    let mut work = work();
    for attempt in 1..4 {
        assert_eq!(work.claim(at(attempt)).unwrap(), (attempt > 1).then_some(7));
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
    work.claim(at(1)).unwrap();
    work.publish(&publication(3), 3, false, None).unwrap();
    let JobWork { job, document, .. } = work;
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
    work.publish(&publication, 0, true, None).unwrap();
    assert_eq!(work.document.last_reindexed_at, Some(at(9)));
    assert_eq!(work.document.content_type, submission().content_type);
}

#[test]
fn another_number_of_passages_changes_nothing() {
    let mut work = work();
    let before = work.clone();
    let error = work.publish(&publication(3), 2, false, None).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "PASSAGES_MISSING"));
    assert_eq!(work, before);
}

#[test]
fn a_publication_makes_the_version_of_the_job_live_and_retires_the_one_before() {
    for live in [None, Some(version(3, VersionState::Live))] {
        let versions = work().publish(&publication(0), 0, false, live).unwrap();
        assert_eq!(versions.live, version(7, VersionState::Live));
        assert_eq!(versions.retired, live.map(|_| version(3, VersionState::Retired)));
    }
}

#[test]
fn a_step_that_does_not_follow_the_state_of_its_version_changes_nothing() {
    for state in [VersionState::Live, VersionState::Retired] {
        let mut work = JobWork { version: version(7, state), ..work() };
        work.job.attempts = 1;
        let before = work.clone();
        let errors = [
            work.claim(at(1)).unwrap_err(),
            work.fail(&failure(), at(1)).unwrap_err(),
            work.publish(&publication(0), 0, false, None).unwrap_err(),
        ];
        assert_eq!(errors.map(|error| error.code()), ["VERSION_STATE"; 3]);
        assert_eq!(work, before);
    }
    let (mut work, replaced) = (work(), version(3, VersionState::Retired));
    let before = work.clone();
    let error = work.publish(&publication(0), 0, false, Some(replaced)).unwrap_err();
    assert_eq!((error.code(), work), ("VERSION_STATE", before));
}

#[test]
fn a_job_is_claimable_while_it_is_queued_and_once_its_lease_has_expired() {
    let mut job = work().job;
    let claimable = |job: &Job| [None, Some(at(9)), Some(at(10))].map(|until| job.is_claimable(until, at(9)));
    assert_eq!(claimable(&job), [true; 3]);
    job.renew(Stage::Reading, at(1));
    assert_eq!(claimable(&job), [false, true, false]);
    for state in [JobState::Succeeded, JobState::Failed { failure: failure() }] {
        job.state = state;
        assert_eq!(claimable(&job), [false; 3]);
    }
}

#[test]
fn a_failed_job_is_over_and_its_document_keeps_the_live_version() {
    let mut work = work();
    work.document.version = 2;
    work.claim(at(1)).unwrap();
    assert_eq!(work.fail(&failure(), at(3)).unwrap(), 7);
    assert_eq!(work.job.state, JobState::Failed { failure: failure() });
    assert_eq!((work.document.status, work.document.failure), (DocumentStatus::Failed, Some(failure())));
    assert_eq!((work.document.version, work.document.completed_at), (2, Some(at(3))));
}
