//! Laws of `SystemStore`.

use std::collections::BTreeSet;

use nexus_core::audit::Kind;
use nexus_core::document::model::Stage;
use nexus_core::ledger::Settlement;
use nexus_core::owner::OwnerLease;
use nexus_core::run::{Run, RunTransition};
use nexus_core::{ErrorKind, Principal, RunId};

use super::calls::amounts;
use super::fixture::{LEASE, World, admin, at, lease, owner, staged};
use super::run::{advance, closed, new_run, next};
use super::scenarios;

scenarios!(
    unfinished_runs_and_open_calls_of_every_tenant_are_claimed_once_their_leases_have_expired_and_not_before,
    claims_take_the_oldest_first_and_at_most_as_many_as_they_are_asked_for,
    of_several_concurrent_claims_of_a_run_or_call_one_takes_it,
    a_renewal_extends_the_leases_of_all_unfinished_runs_and_open_calls_of_its_owner_also_of_those_that_have_lapsed,
    a_renewal_by_an_owner_without_unfinished_runs_and_open_calls_says_so_and_makes_no_lease,
    the_work_of_an_owner_that_released_its_lease_can_be_claimed_at_once,
    the_unfinished_runs_of_an_owner_are_listed_oldest_first_and_so_are_the_open_calls_of_all_owners,
    a_cancel_request_reaches_the_owner_of_the_run_once_and_no_other_owner,
    a_cancel_request_for_a_run_whose_owner_is_gone_waits_for_the_owner_that_claims_the_run,
    a_queued_job_goes_to_exactly_one_of_any_number_of_claimants,
    jobs_are_handed_out_in_the_order_in_which_they_were_queued,
    a_job_whose_lease_has_expired_is_handed_out_again_and_its_old_lease_is_lost,
);

const OPEN: &[Kind] = &[Kind::CHAIN_OPEN];

impl World {
    /// Begins a run of `process-1`, whose lease lasts a minute from zero.
    async fn run(&self, caller: &Principal, id: &str) -> Run {
        let run = new_run(caller, id, "s");
        self.store.advance(advance(self, run.clone(), OPEN)).await.unwrap();
        run
    }

    /// Begins a call of `process-1`, whose lease lasts a minute from zero.
    async fn open_call(&self, caller: &Principal) -> String {
        let key = self.fresh("key");
        self.begin(self.intent(caller, &key, &[], amounts(1, 1))).await
    }

    /// Claims all runs and calls, and returns their numbers.
    async fn claim_work(&self, lease: &OwnerLease, seconds: i64) -> (usize, usize) {
        let runs = self.store.claim_runs(lease, at(seconds), 99).await.unwrap();
        (runs, self.store.claim_calls(lease, at(seconds), 99).await.unwrap())
    }

    async fn unfinished(&self, process: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        for open in self.store.unfinished(&owner(process)).await.unwrap() {
            let tenant = admin(&open.tenant);
            runs.push(self.store.run(tenant.tenant(), &open.run).await.unwrap());
        }
        runs
    }

    async fn cancels(&self, process: &str) -> Vec<RunId> {
        let requests = self.store.take_cancel_requests(&owner(process)).await.unwrap();
        requests.into_iter().map(|request| request.run).collect()
    }
}

async fn unfinished_runs_and_open_calls_of_every_tenant_are_claimed_once_their_leases_have_expired_and_not_before(
    world: World,
) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let runs = [world.run(&globex, "b").await, world.run(&acme, "a").await];
    let over = world.run(&acme, "over").await;
    world.store.advance(advance(&world, closed(&over), &[Kind::CHAIN_CLOSE])).await.unwrap();
    let calls = [world.open_call(&globex).await, world.open_call(&acme).await];
    world.made(&acme, "settled", &[], amounts(1, 1)).await;

    assert_eq!(world.claim_work(&lease("process-2", 59), 59).await, (0, 0));
    assert_eq!(world.unfinished("process-1").await, runs);
    assert_eq!(world.claim_work(&lease("process-2", 60), 60).await, (2, 2));
    assert_eq!(
        (world.unfinished("process-1").await, world.unfinished("process-2").await),
        (vec![], runs.to_vec())
    );
    let open = world.store.open_calls().await.unwrap();
    let found: Vec<_> = open.iter().map(|open| (open.owner.as_str(), open.call.id.as_str())).collect();
    assert_eq!(found, [("process-2", calls[0].as_str()), ("process-2", calls[1].as_str())]);
    // The claimer has a lease on what it took, and may write it.
    assert_eq!(world.claim_work(&lease("process-3", 119), 119).await, (0, 0));
    let step = advance(&world, next(&runs[0]), &[]);
    world.store.advance(RunTransition { lease: lease("process-2", 70), ..step }).await.unwrap();
    let settlement = world.settlement(&globex, &calls[0], amounts(1, 1));
    world.settle(Settlement { owner: owner("process-2"), ..settlement }).await;
    // A step extends the lease of its run.
    assert_eq!(world.claim_work(&lease("process-3", 120), 120).await, (1, 1));
    assert_eq!(world.claim_work(&lease("process-3", 130), 130).await, (1, 0));
}

async fn claims_take_the_oldest_first_and_at_most_as_many_as_they_are_asked_for(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let runs = [world.run(&globex, "c").await, world.run(&acme, "a").await, world.run(&acme, "b").await];
    let calls = [world.open_call(&globex).await, world.open_call(&acme).await];
    let taker = lease("process-2", 60);
    assert_eq!(world.store.claim_runs(&taker, at(60), 0).await.unwrap(), 0);
    assert_eq!(world.store.claim_runs(&taker, at(60), 2).await.unwrap(), 2);
    assert_eq!(world.store.claim_calls(&taker, at(60), 1).await.unwrap(), 1);
    assert_eq!(world.unfinished("process-2").await, runs[..2]);
    let open = world.store.open_calls().await.unwrap();
    let theirs = open.iter().find(|open| open.owner == owner("process-2")).unwrap();
    assert_eq!(theirs.call.id, calls[0]);
    assert_eq!(world.claim_work(&lease("process-3", 60), 60).await, (1, 1));
}

async fn of_several_concurrent_claims_of_a_run_or_call_one_takes_it(world: World) {
    let caller = admin("acme");
    world.run(&caller, "r").await;
    world.open_call(&caller).await;
    let leases = ["process-2", "process-3", "process-4"].map(|process| lease(process, 60));
    let claims = leases.iter().map(|lease| world.claim_work(lease, 60));
    let taken = futures::future::join_all(claims).await;
    assert_eq!(taken.iter().map(|(runs, _)| runs).sum::<usize>(), 1, "{taken:?}");
    assert_eq!(taken.iter().map(|(_, calls)| calls).sum::<usize>(), 1, "{taken:?}");
}

async fn a_renewal_extends_the_leases_of_all_unfinished_runs_and_open_calls_of_its_owner_also_of_those_that_have_lapsed(
    world: World,
) {
    let caller = admin("acme");
    for id in ["a", "b"] {
        world.run(&caller, id).await;
        world.open_call(&caller).await;
    }
    assert!(world.store.renew(&lease("process-1", 30)).await.unwrap());
    assert_eq!(world.claim_work(&lease("process-2", 89), 89).await, (0, 0));
    // It has lapsed, and no other owner has claimed its work.
    assert!(world.store.renew(&lease("process-1", 200)).await.unwrap());
    assert_eq!(world.claim_work(&lease("process-2", 259), 259).await, (0, 0));
    assert_eq!(world.claim_work(&lease("process-2", 260), 260).await, (2, 2));
    assert!(!world.store.renew(&lease("process-1", 260)).await.unwrap(), "nothing is left to it");
}

async fn a_renewal_by_an_owner_without_unfinished_runs_and_open_calls_says_so_and_makes_no_lease(
    world: World,
) {
    let caller = admin("acme");
    world.made(&caller, "k", &[], amounts(1, 1)).await;
    let run = world.run(&caller, "r").await;
    world.store.advance(advance(&world, closed(&run), &[Kind::CHAIN_CLOSE])).await.unwrap();
    assert!(!world.store.renew(&lease("process-1", 600)).await.unwrap());
    world.run(&caller, "later").await;
    assert_eq!(
        world.claim_work(&lease("process-2", 60), 60).await,
        (1, 0),
        "only the lease of the run counts"
    );
}

async fn the_work_of_an_owner_that_released_its_lease_can_be_claimed_at_once(world: World) {
    let caller = admin("acme");
    let run = world.run(&caller, "r").await;
    world.open_call(&caller).await;
    world.store.renew(&lease("process-1", 0)).await.unwrap();
    world.store.release(&owner("another")).await.unwrap();
    assert_eq!(world.claim_work(&lease("process-2", 0), 0).await, (0, 0));
    world.store.release(&owner("process-1")).await.unwrap();
    assert_eq!(world.claim_work(&lease("process-2", 0), 0).await, (1, 1));
    assert_eq!(world.unfinished("process-2").await, [run]);
}

async fn the_unfinished_runs_of_an_owner_are_listed_oldest_first_and_so_are_the_open_calls_of_all_owners(
    world: World,
) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let runs = [world.run(&globex, "z").await, world.run(&acme, "a").await, world.run(&acme, "b").await];
    world.store.advance(advance(&world, closed(&runs[1]), &[Kind::CHAIN_CLOSE])).await.unwrap();
    let mut other = advance(&world, new_run(&acme, "other", "s"), OPEN);
    other.lease = lease("process-2", 0);
    world.store.advance(other).await.unwrap();
    assert_eq!(world.unfinished("process-1").await, [runs[0].clone(), runs[2].clone()]);

    let first = world.begin(world.intent(&acme, "k", &[], amounts(1, 1))).await;
    let mut intent = world.intent(&globex, "k", &[], amounts(2, 2));
    intent.lease = lease("process-2", 0);
    let second = world.begin(intent).await;
    world.made(&acme, "k2", &[], amounts(1, 1)).await;
    let open = world.store.open_calls().await.unwrap();
    let found: Vec<_> =
        open.iter().map(|open| (open.tenant.as_str(), open.call.id.as_str(), open.owner.as_str())).collect();
    assert_eq!(found, [("acme", first.as_str(), "process-1"), ("globex", second.as_str(), "process-2")]);
    assert_eq!(open[1].attempt.as_ref().unwrap().reserved, amounts(2, 2));
}

async fn a_cancel_request_reaches_the_owner_of_the_run_once_and_no_other_owner(world: World) {
    let caller = admin("acme");
    let (first, second) = (world.run(&caller, "a").await, world.run(&caller, "b").await);
    for run in [&first, &second] {
        world.store.request_cancel(caller.tenant(), &caller, &run.id).await.unwrap();
    }
    // The run may end before its owner takes the request.
    world.store.advance(advance(&world, closed(&second), &[Kind::CHAIN_CLOSE])).await.unwrap();
    assert_eq!(world.cancels("process-2").await, []);
    let requests = world.store.take_cancel_requests(&owner("process-1")).await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!((&requests[0].principal, &requests[0].run), (&caller, &first.id));
    assert_eq!(world.cancels("process-1").await, []);
}

async fn a_cancel_request_for_a_run_whose_owner_is_gone_waits_for_the_owner_that_claims_the_run(
    world: World,
) {
    let caller = admin("acme");
    let run = world.run(&caller, "r").await;
    world.store.request_cancel(caller.tenant(), &caller, &run.id).await.unwrap();
    assert_eq!(world.cancels("process-2").await, []);
    assert_eq!(world.claim_work(&lease("process-2", 60), 60).await, (1, 0));
    assert_eq!(world.cancels("process-1").await, []);
    assert_eq!(world.cancels("process-2").await, [run.id]);
}

async fn a_queued_job_goes_to_exactly_one_of_any_number_of_claimants(world: World) {
    world.corpus(&admin("acme"), "c").await;
    for number in 0..5 {
        world.submit(&admin("acme"), "c", &format!("d{number}"), "text").await;
    }
    let tokens: Vec<String> = (0..20).map(|number| format!("worker-{number}")).collect();
    let claims = tokens.iter().map(|token| world.store.claim_job(token, at(1), LEASE));
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
    assert!(world.store.claim_job("late", at(1), LEASE).await.unwrap().is_none());
}

async fn a_job_whose_lease_has_expired_is_handed_out_again_and_its_old_lease_is_lost(world: World) {
    world.corpus(&admin("acme"), "c").await;
    world.submit(&admin("acme"), "c", "d", "text").await;
    let old = world.claim(at(0)).await;
    assert!(world.store.claim_job("early", at(59), LEASE).await.unwrap().is_none());
    let new = world.claim(at(60)).await;
    assert_eq!((new.job.id.clone(), new.job.attempts), (old.job.id.clone(), 2));
    let lost = world.store.heartbeat(&old, Stage::Reading, at(61), LEASE).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Conflict);
    world.work(&new, staged(&["all of it"])).await;
}
