//! Laws of `AuditChain`.

use nexus_core::audit::{ChainSummary, Draft, Erasable, Kind, Record, Status, verify_run};
use nexus_core::{ErrorKind, Page, RunId};

use super::fixture::{World, admin, at, reader};
use super::pages::{walk, walk_while};
use super::run::{advance, new_run};
use super::scenarios;

scenarios!(
    all_drafts_of_a_call_are_recorded_or_none,
    records_and_heads_are_committed_together,
    the_first_record_of_a_run_is_run_open,
    nothing_is_appended_after_run_close,
    concurrent_appends_to_one_run_leave_one_chain_without_gaps_or_forks,
    two_tenants_may_use_the_same_run_id_and_neither_sees_the_others_chain,
    a_clock_that_goes_backwards_does_not_stop_an_append,
    records_come_in_the_order_of_their_positions,
    records_come_back_as_they_were_sealed,
    an_unknown_run_has_no_records,
    lists_of_chains_are_in_the_byte_order_of_their_run_ids,
    a_chain_names_the_actor_of_its_first_record,
    an_erased_object_names_the_chain_whose_record_tells_of_its_erasure_and_one_that_was_not_erased_none,
);

const STEP: Kind = Kind::new("test.step");

async fn all_drafts_of_a_call_are_recorded_or_none(world: World) {
    let caller = admin("acme");
    let receipts =
        world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_OPEN, STEP, STEP])).await.unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.seq).collect::<Vec<_>>(), [0, 1, 2]);
    let error = world.store.append(world.pending(&caller, "r", &[STEP, Kind::CHAIN_OPEN])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.store.records(caller.tenant(), "r", 0, 99).await.unwrap().len(), 3);
}

async fn records_and_heads_are_committed_together(world: World) {
    let caller = admin("acme");
    for kinds in [&[Kind::CHAIN_OPEN][..], &[STEP, STEP], &[Kind::CHAIN_CLOSE]] {
        let receipts = world.store.append(world.pending(&caller, "r", kinds)).await.unwrap();
        let last = receipts.last().unwrap();
        let head = world.store.head(caller.tenant(), "r").await.unwrap().unwrap();
        assert_eq!((head.next_seq, head.last), (last.seq + 1, last.leaf));
        world.store.append(world.pending(&caller, "r", &[STEP, Kind::CHAIN_OPEN])).await.unwrap_err();
        assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap(), head, "a refused append");
    }
    assert!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().closed);
}

async fn the_first_record_of_a_run_is_run_open(world: World) {
    let error = world.store.append(world.pending(&admin("acme"), "r", &[STEP])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.store.head(admin("acme").tenant(), "r").await.unwrap(), None);
}

async fn nothing_is_appended_after_run_close(world: World) {
    let caller = admin("acme");
    world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_OPEN, Kind::CHAIN_CLOSE])).await.unwrap();
    let error = world.store.append(world.pending(&caller, "r", &[STEP])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.store.records(caller.tenant(), "r", 0, 99).await.unwrap().len(), 2);
}

async fn concurrent_appends_to_one_run_leave_one_chain_without_gaps_or_forks(world: World) {
    let caller = admin("acme");
    world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_OPEN])).await.unwrap();
    let appends = (0..40).map(|_| world.store.append(world.pending(&caller, "r", &[STEP, STEP])));
    for appended in futures::future::join_all(appends).await {
        appended.unwrap();
    }
    world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_CLOSE])).await.unwrap();
    let instance = world.store.instance().to_owned();
    let verified =
        verify_run(world.store.as_ref(), &instance, caller.tenant(), "r", Some(world.sealer.keys()))
            .await
            .unwrap();
    assert_eq!(verified.status, Status::Ok);
    assert_eq!(world.store.head(caller.tenant(), "r").await.unwrap().unwrap().next_seq, 82);
}

async fn two_tenants_may_use_the_same_run_id_and_neither_sees_the_others_chain(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    world.store.append(world.pending(&acme, "r", &[Kind::CHAIN_OPEN])).await.unwrap();
    assert_eq!(world.store.records(globex.tenant(), "r", 0, 9).await.unwrap(), []);
    assert_eq!(world.store.head(globex.tenant(), "r").await.unwrap(), None);
    assert_eq!(world.store.chains(globex.tenant(), &Page::first(9)).await.unwrap(), []);
    world.store.append(world.pending(&globex, "r", &[Kind::CHAIN_OPEN, STEP])).await.unwrap();
    assert_eq!(world.store.records(acme.tenant(), "r", 0, 9).await.unwrap().len(), 1);
}

async fn a_clock_that_goes_backwards_does_not_stop_an_append(world: World) {
    let caller = admin("acme");
    let mut pending = world.unrecorded();
    pending.drafts = vec![
        Draft::new(&caller, "r", Kind::CHAIN_OPEN, "v1", at(100)),
        Draft::new(&caller, "r", STEP, "v1", at(50)),
    ];
    assert_eq!(world.store.append(pending).await.unwrap().len(), 2);
}

async fn records_come_in_the_order_of_their_positions(world: World) {
    let caller = admin("acme");
    world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_OPEN, STEP, STEP, STEP])).await.unwrap();
    let page = world.store.records(caller.tenant(), "r", 1, 2).await.unwrap();
    assert_eq!(page.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    let all = world.store.records(caller.tenant(), "r", 0, 99).await.unwrap();
    assert_eq!(page.as_slice(), &all[1..3]);
}

async fn records_come_back_as_they_were_sealed(world: World) {
    let caller = admin("acme");
    let receipts = world.store.append(world.pending(&caller, "r", &[Kind::CHAIN_OPEN, STEP])).await.unwrap();
    let records = world.store.records(caller.tenant(), "r", 0, 9).await.unwrap();
    assert_eq!(records.iter().map(Record::receipt).collect::<Vec<_>>(), receipts);
    let instance = world.store.instance().to_owned();
    let keys = Some(world.sealer.keys());
    let verified = verify_run(world.store.as_ref(), &instance, caller.tenant(), "r", keys).await.unwrap();
    assert_eq!(verified.status, Status::Open, "the body of each record has its hash and its signature");
}

async fn an_unknown_run_has_no_records(world: World) {
    assert_eq!(world.store.records(admin("acme").tenant(), "r", 0, 9).await.unwrap(), []);
    assert_eq!(world.store.head(admin("acme").tenant(), "r").await.unwrap(), None);
}

async fn a_chain_names_the_actor_of_its_first_record(world: World) {
    let (root, ada) = (admin("acme"), reader("acme", "ada"));
    world.store.append(world.pending(&root, "a", &[Kind::CHAIN_OPEN])).await.unwrap();
    world.store.append(world.pending(&ada, "b", &[Kind::CHAIN_OPEN])).await.unwrap();
    world.store.append(world.pending(&root, "b", &[STEP])).await.unwrap();
    let chains = world.store.chains(root.tenant(), &Page::first(9)).await.unwrap();
    let begun: Vec<_> = chains.iter().map(|chain| (chain.run.as_str(), chain.begun_by.as_deref())).collect();
    assert_eq!(begun, [("a", Some("user:root")), ("b", Some("user:ada"))]);
}

async fn lists_of_chains_are_in_the_byte_order_of_their_run_ids(world: World) {
    let caller = admin("acme");
    let (store, tenant) = (&world.store, caller.tenant());
    let begin = async |run| {
        store.append(world.pending(&caller, run, &[Kind::CHAIN_OPEN])).await.unwrap();
    };
    for run in ["b", "a", "ä", "Z"] {
        begin(run).await;
    }
    let read = |page: Page| async move { store.chains(tenant, &page).await };
    let key = |chain: &ChainSummary| chain.run.clone();
    assert_eq!(walk(read, key).await, ["Z", "a", "b", "ä"]);
    let change = async {
        for run in ["A", "aa", "z"] {
            begin(run).await;
        }
    };
    walk_while(read, key, change).await;
    assert_eq!(read(Page::first(1).after("ab")).await.unwrap()[0].run, "b", "a cursor without a chain");
}

async fn an_erased_object_names_the_chain_whose_record_tells_of_its_erasure_and_one_that_was_not_erased_none(
    world: World,
) {
    let caller = admin("acme");
    for name in ["r", "kept"] {
        let run = new_run(&caller, name, "s");
        world.store.advance(advance(&world, run, &[Kind::CHAIN_OPEN])).await.unwrap();
    }
    let erased = |name| Erasable::Run(RunId::parse(name).unwrap());
    assert_eq!(world.store.erased_by(caller.tenant(), &erased("r")).await.unwrap(), None);
    let record = world.recorded(&caller);
    let chain = record.drafts.first().unwrap().chain_id.clone();
    world.store.prune_journal(caller.tenant(), &RunId::parse("r").unwrap(), record).await.unwrap();
    assert_eq!(world.store.erased_by(caller.tenant(), &erased("r")).await.unwrap(), Some(chain));
    for (tenant, object) in [(&caller, erased("kept")), (&admin("umbrella"), erased("r"))] {
        assert_eq!(world.store.erased_by(tenant.tenant(), &object).await.unwrap(), None);
    }
    let call = Erasable::Call("r".to_owned());
    assert_eq!(world.store.erased_by(caller.tenant(), &call).await.unwrap(), None);
}
