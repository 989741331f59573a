//! Laws of `StatsStore`.

use nexus_core::Principal;
use nexus_core::access::Permission;
use nexus_core::stats::ReaderCount;

use super::fixture::{World, admin, at, model};
use super::scenarios;

scenarios!(
    data_of_another_tenant_is_not_counted,
    documents_are_counted_by_media_type_and_reader_version,
    statistics_for_a_principal_count_only_documents_visible_to_it,
);

async fn data_of_another_tenant_is_not_counted(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    for caller in [&acme, &globex] {
        world.corpus(caller, "c").await;
    }
    let before = world.store.stats(acme.tenant()).await.unwrap();
    world.publish(&globex, "c", "d", &["one", "two"]).await;
    assert_eq!(world.store.stats(acme.tenant()).await.unwrap(), before);
    assert_eq!(world.store.stats_for(acme.tenant(), &acme, at(2)).await.unwrap(), before);
    assert_eq!(world.store.stats(globex.tenant()).await.unwrap().passages, 2);
}

async fn documents_are_counted_by_media_type_and_reader_version(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for id in ["a", "b"] {
        world.publish(&caller, "c", id, &["leave"]).await;
    }
    world.submit(&caller, "c", "queued", "text").await;
    let expected = [ReaderCount { content_type: "text/plain".to_owned(), reader_version: 3, documents: 2 }];
    assert_eq!(world.store.stats(caller.tenant()).await.unwrap().readers, expected);
}

async fn statistics_for_a_principal_count_only_documents_visible_to_it(world: World) {
    let (caller, member) = (admin("acme"), Principal::user("acme", "u").unwrap().roles(["reader"]));
    world.corpus(&caller, "c").await;
    world.publish_vectors(&caller, "c", "mine", &[("leave", [1.0; 4]), ("travel", [1.0; 4])]).await;
    world.publish(&caller, "c", "hidden", &["leave", "travel", "food"]).await;
    world.publish(&caller, "c", "expired", &["leave"]).await;
    for (id, grantee, until) in
        [("mine", "user:u", None), ("mine", "role:reader", None), ("expired", "user:u", Some(at(1)))]
    {
        world.grant(&caller, id, grantee, Permission::Read, until).await;
    }
    world.submit(&caller, "c", "queued", "text").await;
    let stats =
        async |caller: &Principal| world.store.stats_for(caller.tenant(), caller, at(2)).await.unwrap();
    assert_eq!(stats(&caller).await, world.store.stats(caller.tenant()).await.unwrap());
    let mine = stats(&member).await;
    assert_eq!((mine.corpora, mine.documents, mine.documents_in_flight, mine.passages), (1, 1, 0, 2));
    assert_eq!((mine.vectors, mine.runs, mine.audit_records), (vec![(model(), 2)], 0, None));
    let all = stats(&caller).await;
    assert_eq!((all.documents, all.documents_in_flight, all.passages), (4, 1, 6));
    assert!(all.audit_records.unwrap() > 0);
}
