//! Laws of `JobQueue`.

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_core::ErrorKind;
use nexus_core::document::DocumentStatus;
use nexus_core::document::model::{JobState, Stage};
use nexus_core::error::Failure;

use super::fixture::{LEASE, World, admin, at, document, staged};
use super::scenarios;

scenarios!(
    a_queued_job_goes_to_exactly_one_of_any_number_of_claimants,
    jobs_are_handed_out_in_the_order_in_which_they_were_queued,
    a_job_whose_lease_has_expired_is_handed_out_again_and_its_old_lease_is_lost,
    a_heartbeat_extends_the_lease_and_a_lost_lease_cannot_be_extended,
    a_failed_job_is_over_and_its_document_has_the_reason,
    a_job_of_another_tenant_is_not_found,
);

fn failure() -> Failure {
    Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "nothing in it is text".to_owned(), hint: None }
}

async fn a_queued_job_goes_to_exactly_one_of_any_number_of_claimants(world: World) {
    world.corpus(&admin("acme"), "c").await;
    for number in 0..5 {
        world.submit(&admin("acme"), "c", &format!("d{number}"), "text").await;
    }
    let tokens: Vec<String> = (0..20).map(|number| format!("worker-{number}")).collect();
    let claims = tokens.iter().map(|token| world.store.claim(token, at(1), LEASE));
    let leases: Vec<_> =
        futures::future::join_all(claims).await.into_iter().filter_map(|claim| claim.unwrap()).collect();
    let jobs: BTreeSet<_> = leases.iter().map(|lease| lease.job.id.to_string()).collect();
    assert_eq!((leases.len(), jobs.len()), (5, 5));
    assert!(leases.iter().all(|lease| lease.job.attempts == 1));
}

async fn jobs_are_handed_out_in_the_order_in_which_they_were_queued(world: World) {
    let mut queued = Vec::new();
    for tenant in ["globex", "acme"] {
        world.corpus(&admin(tenant), "c").await;
        for id in ["z", "a"] {
            queued.push(world.submit(&admin(tenant), "c", id, "text").await.job_id);
        }
    }
    let mut claimed = Vec::new();
    for _ in 0..queued.len() {
        claimed.push(world.claim(at(1)).await.job.id);
    }
    assert_eq!(claimed, queued);
    assert!(world.store.claim("late", at(1), LEASE).await.unwrap().is_none());
}

async fn a_job_whose_lease_has_expired_is_handed_out_again_and_its_old_lease_is_lost(world: World) {
    world.corpus(&admin("acme"), "c").await;
    world.submit(&admin("acme"), "c", "d", "text").await;
    let old = world.claim(at(0)).await;
    assert!(world.store.claim("early", at(59), LEASE).await.unwrap().is_none());
    let new = world.claim(at(60)).await;
    assert_eq!((new.job.id.clone(), new.job.attempts), (old.job.id.clone(), 2));
    let lost = world.store.heartbeat(&old, Stage::Reading, at(61), LEASE).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Conflict);
    world.work(&new, staged(&["all of it"])).await;
}

async fn a_heartbeat_extends_the_lease_and_a_lost_lease_cannot_be_extended(world: World) {
    world.corpus(&admin("acme"), "c").await;
    world.submit(&admin("acme"), "c", "d", "text").await;
    let lease = world.claim(at(0)).await;
    world.store.heartbeat(&lease, Stage::Reading, at(50), LEASE).await.unwrap();
    assert!(world.store.claim("early", at(109), LEASE).await.unwrap().is_none());
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
    assert!(world.store.claim("next", at(9_999), LEASE).await.unwrap().is_none());
    let again = world.submission(&caller, "c", "d", "text").await;
    assert!(!world.store.submit(again).await.unwrap().unchanged, "the same bytes may be tried again");
}

async fn a_job_of_another_tenant_is_not_found(world: World) {
    world.corpus(&admin("acme"), "c").await;
    let job = world.submit(&admin("acme"), "c", "d", "text").await.job_id;
    let error = world.store.job(admin("globex").tenant(), &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
