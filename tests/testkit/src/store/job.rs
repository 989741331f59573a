//! Laws of `JobQueue`.

use std::time::Duration;

use nexus_core::ErrorKind;
use nexus_core::document::DocumentStatus;
use nexus_core::document::model::{JobState, Stage};
use nexus_core::error::Failure;

use super::fixture::{LEASE, World, admin, at, document, staged};
use super::scenarios;

scenarios!(
    a_heartbeat_extends_the_lease_and_a_lost_lease_cannot_be_extended,
    a_failed_job_is_over_and_its_document_has_the_reason,
    a_job_of_another_tenant_is_not_found,
);

fn failure() -> Failure {
    Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "nothing in it is text".to_owned(), hint: None }
}

async fn a_heartbeat_extends_the_lease_and_a_lost_lease_cannot_be_extended(world: World) {
    world.corpus(&admin("acme"), "c").await;
    world.submit(&admin("acme"), "c", "d", "text").await;
    let lease = world.claim(at(0)).await;
    world.store.heartbeat(&lease, Stage::Reading, at(50), LEASE).await.unwrap();
    assert!(world.store.claim_job("early", at(109), LEASE).await.unwrap().is_none());
    let job = world.store.job(admin("acme").tenant(), &lease.job.id).await.unwrap();
    assert_eq!(job.state, JobState::Processing { stage: Stage::Reading, heartbeat_at: at(50) });
    world.claim(at(110)).await;
    let error =
        world.store.heartbeat(&lease, Stage::Reading, at(111), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

async fn a_failed_job_is_over_and_its_document_has_the_reason(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "text").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["text"])).await.unwrap();
    world.store.fail(&lease, failure(), at(5), world.unrecorded()).await.unwrap();
    let job = world.store.job(caller.tenant(), &lease.job.id).await.unwrap();
    assert_eq!(job.state, JobState::Failed { failure: failure() });
    let failed = world.store.document(caller.tenant(), &document("d")).await.unwrap();
    assert_eq!((failed.status, failed.failure), (DocumentStatus::Failed, Some(failure())));
    assert!(world.store.claim_job("next", at(9_999), LEASE).await.unwrap().is_none());
    let again = world.submission(&caller, "c", "d", "text").await;
    assert!(!world.store.submit(again).await.unwrap().unchanged, "the same bytes may be tried again");
}

async fn a_job_of_another_tenant_is_not_found(world: World) {
    world.corpus(&admin("acme"), "c").await;
    let job = world.submit(&admin("acme"), "c", "d", "text").await.job_id;
    let error = world.store.job(admin("globex").tenant(), &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
