//! RAM and disk are one implementation: the same operations give the same results.

use std::sync::Arc;

use nexus_core::access::{Permission, Visibility};
use nexus_core::audit::Kind;
use nexus_core::document::store::DocumentQuery;
use nexus_core::retrieve::Query;
use nexus_core::stats::StoreStats;
use nexus_core::{ErrorKind, Page, Principal};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::{admin, at, document, query, reader, vector_query};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Publish(u8, u8),
    Submit(u8),
    Work(u8),
    Delete(u8),
    Grant(u8, Option<u8>),
    Revoke(u8),
    Append(u8, bool),
    Search(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    let document = 0_u8..5;
    prop_oneof![
        4 => (document.clone(), 0_u8..9).prop_map(|(document, text)| Operation::Publish(document, text)),
        1 => document.clone().prop_map(Operation::Submit),
        2 => (0_u8..9).prop_map(Operation::Work),
        1 => document.clone().prop_map(Operation::Delete),
        2 => (document.clone(), proptest::option::of(0_u8..5)).prop_map(|(document, until)| Operation::Grant(document, until)),
        1 => document.clone().prop_map(Operation::Revoke),
        1 => (document, any::<bool>()).prop_map(|(run, open)| Operation::Append(run, open)),
        3 => (0_u8..9).prop_map(Operation::Search),
    ]
}

const TEXTS: [&str; 9] = [
    "paid leave",
    "leave leave",
    "paid travel",
    "travel by train",
    "train and plane",
    "nothing of it",
    "paid paid paid leave by train",
    "a long text with many words that says leave once and paid never",
    "plane",
];

/// Runs one operation and describes its result independently of the store.
async fn play(world: &World, operation: &Operation) -> String {
    let caller = admin("acme");
    let id = |number: u8| format!("d{number}");
    let outcome =
        |result: nexus_core::Result<String>| result.unwrap_or_else(|error| format!("{:?}", error.kind()));
    match operation {
        Operation::Publish(number, text) => {
            let pending = world.store.stats(caller.tenant()).await.unwrap().documents_in_flight;
            if pending > 0 {
                return "busy".to_owned();
            }
            let words = TEXTS[usize::from(*text)];
            let vector = [f32::from(*text), 1.0, f32::from(*number), 0.5];
            let mut submission = world.submission(&caller, "c", &id(*number), words).await;
            submission.overwrite = true;
            let submitted = world.store.submit(submission).await.unwrap();
            if submitted.unchanged {
                return "unchanged".to_owned();
            }
            let lease = world.claim(at(0)).await;
            let mut staged = nexus_testkit::store::fixture::staged(&[words, "paid and more"]);
            for passage in &mut staged {
                passage.vector = Some(vector.to_vec());
            }
            format!("{:?}", world.work(&lease, staged).await)
        }
        Operation::Submit(number) => {
            let submission = world.submission(&caller, "c", &id(*number), "submitted").await;
            outcome(world.store.submit(submission).await.map(|submitted| format!("{submitted:?}")))
        }
        Operation::Work(text) => match world
            .store
            .claim_job(&world.fresh("w"), at(0), nexus_testkit::store::fixture::LEASE)
            .await
            .unwrap()
        {
            None => "idle".to_owned(),
            Some(lease) => {
                let staged = nexus_testkit::store::fixture::staged(&[TEXTS[usize::from(*text)]]);
                format!("{:?}", world.work(&lease, staged).await)
            }
        },
        Operation::Delete(number) => {
            let deleted = world.delete(&caller, &id(*number)).await;
            outcome(deleted.map(|()| "deleted".to_owned()))
        }
        Operation::Grant(number, until) => {
            if world.store.document(caller.tenant(), &document(&id(*number))).await.is_err() {
                return format!("{:?}", ErrorKind::NotFound);
            }
            let until = until.map(|seconds| at(i64::from(seconds)));
            format!("{:?}", world.grant(&caller, &id(*number), "role:reader", Permission::Read, until).await)
        }
        Operation::Revoke(number) => {
            let grants =
                world.store.grants(caller.tenant(), &document(&id(*number)), &Page::all()).await.unwrap();
            let Some(last) = grants.last() else { return "none".to_owned() };
            format!("{:?}", world.revoke(&caller, &id(*number), &last.id).await.unwrap())
        }
        Operation::Append(run, open) => {
            let kind = if *open { Kind::CHAIN_OPEN } else { Kind::new("step") };
            let appended = world.store.append(world.pending(&caller, &format!("r{run}"), &[kind])).await;
            outcome(appended.map(|receipts| receipts[0].seq.to_string()))
        }
        Operation::Search(text) => {
            let mut found = String::new();
            for caller in [caller, reader("acme", "u")] {
                found += &search(world, &caller, TEXTS[usize::from(*text)]).await;
            }
            found
        }
    }
}

async fn search(world: &World, caller: &Principal, text: &str) -> String {
    let words = world.retrieve(caller, Query { explain: true, ..query(text) }).await;
    let both = world.retrieve(caller, vector_query(text, [0.5, 0.1, 0.9, 0.0])).await;
    let listed = DocumentQuery { page: Page::first(9), ..DocumentQuery::default() };
    let listed =
        world.store.documents(caller.tenant(), &Visibility::of(caller), &listed, at(2)).await.unwrap();
    format!("{words:?} {both:?} {listed:?}")
}

async fn play_all(store: MemoryStore, operations: &[Operation]) -> (Vec<String>, StoreStats) {
    let world = World::new(Arc::new(store));
    world.corpus(&admin("acme"), "c").await;
    let mut results = Vec::new();
    for operation in operations {
        results.push(play(&world, operation).await);
    }
    let mut census = world.store.stats(admin("acme").tenant()).await.unwrap();
    census.store.clear();
    world.store.close().await.unwrap();
    (results, census)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn ram_and_disk_give_equal_results(operations in proptest::collection::vec(operation(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (ram, disk) = runtime.block_on(async {
            let ram = play_all(MemoryStore::default(), &operations).await;
            let disk = play_all(MemoryStore::open(dir.path()).unwrap(), &operations).await;
            (ram, disk)
        });
        for (step, (ram, disk)) in ram.0.iter().zip(&disk.0).enumerate() {
            prop_assert_eq!(ram, disk, "step {}", step);
        }
        prop_assert_eq!(ram.1, disk.1);
    }
}
