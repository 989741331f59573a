//! Laws of `CorpusStore`.

use nexus_core::access::Visibility;
use nexus_core::corpus::{Corpus, CorpusPatch};
use nexus_core::document::store::DocumentQuery;
use nexus_core::{ErrorKind, Page};
use serde_json::json;

use super::fixture::{World, admin, at, corpus, staged};
use super::pages::{walk, walk_while};
use super::scenarios;

scenarios!(
    a_corpus_of_one_tenant_is_invisible_to_every_other,
    a_corpus_id_is_unique_per_tenant,
    a_patch_leaves_the_fields_that_it_does_not_name_unchanged,
    deleting_a_corpus_removes_its_documents,
    lists_of_corpora_are_in_order_of_id,
    a_change_and_its_audit_record_commit_together,
    the_record_of_a_deletion_counts_the_removed_documents,
);

async fn a_corpus_of_one_tenant_is_invisible_to_every_other(world: World) {
    let (acme, globex, id) = (admin("acme"), admin("globex"), corpus("c"));
    world.corpus(&acme, "c").await;
    let before = world.store.corpus(acme.tenant(), &id).await.unwrap();
    assert_eq!(world.store.corpora(globex.tenant(), &Page::all()).await.unwrap(), []);
    let patch = CorpusPatch { name: Some("Taken".to_owned()), ..CorpusPatch::default() };
    for error in [
        world.store.corpus(globex.tenant(), &id).await.err(),
        world.store.update_corpus(globex.tenant(), &id, patch, world.unrecorded()).await.err(),
        world.store.delete_corpus(globex.tenant(), &id, world.unrecorded()).await.err(),
    ] {
        assert_eq!(error.unwrap().kind(), ErrorKind::NotFound);
    }
    assert_eq!(world.store.corpus(acme.tenant(), &id).await.unwrap(), before);
}

async fn a_corpus_id_is_unique_per_tenant(world: World) {
    for tenant in ["acme", "globex"] {
        world.corpus(&admin(tenant), "c").await;
    }
    for tenant in ["acme", "globex"] {
        let taken = world.store.corpus(admin(tenant).tenant(), &corpus("c")).await.unwrap();
        let error =
            world.store.create_corpus(admin(tenant).tenant(), taken, world.unrecorded()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
}

async fn a_patch_leaves_the_fields_that_it_does_not_name_unchanged(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let settings = json!({"retrieval": {"top_k_default": 7}});
    let patch = CorpusPatch { provider_config_json: Some(settings.clone()), ..CorpusPatch::default() };
    world.store.update_corpus(caller.tenant(), &corpus("c"), patch, world.unrecorded()).await.unwrap();
    let patch = CorpusPatch { name: Some("New".to_owned()), ..CorpusPatch::default() };
    let patched =
        world.store.update_corpus(caller.tenant(), &corpus("c"), patch, world.unrecorded()).await.unwrap();
    assert_eq!((patched.name.as_str(), &patched.provider_config_json), ("New", &settings));
    assert_eq!(world.store.corpus(caller.tenant(), &corpus("c")).await.unwrap(), patched);
}

async fn deleting_a_corpus_removes_its_documents(world: World) {
    let caller = admin("acme");
    for id in ["c", "other"] {
        world.corpus(&caller, id).await;
        world.publish(&caller, id, &format!("in-{id}"), &["words"]).await;
    }
    world.submit(&caller, "c", "late", "text").await;
    let error =
        world.store.delete_corpus(caller.tenant(), &corpus("c"), world.unrecorded()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let lease = world.claim(at(0)).await;
    world.work(&lease, staged(&["words"])).await;
    world.store.delete_corpus(caller.tenant(), &corpus("c"), world.unrecorded()).await.unwrap();
    let all = DocumentQuery { page: Page::first(99), ..DocumentQuery::default() };
    let left = world.store.documents(caller.tenant(), &Visibility::of(&caller), &all, at(2)).await.unwrap();
    assert_eq!(left.iter().map(|document| document.id.as_str()).collect::<Vec<_>>(), ["in-other"]);
    assert_eq!(world.store.corpora(caller.tenant(), &Page::all()).await.unwrap().len(), 1);
    world.corpus(&caller, "c").await;
    assert_eq!(world.found(&caller, "words").await.len(), 0, "a new corpus of the same name is empty");
}

async fn lists_of_corpora_are_in_order_of_id(world: World) {
    let caller = admin("acme");
    for id in ["c2", "c10", "c1", "c3"] {
        world.corpus(&caller, id).await;
    }
    let (store, tenant) = (&world.store, caller.tenant());
    let read = |page: Page| async move { store.corpora(tenant, &page).await };
    let key = |corpus: &Corpus| corpus.id.to_string();
    assert_eq!(walk(read, key).await, ["c1", "c10", "c2", "c3"]);
    let change = async {
        for id in ["c0", "c11", "c4"] {
            world.corpus(&caller, id).await;
        }
        for id in ["c1", "c2"] {
            store.delete_corpus(tenant, &corpus(id), world.unrecorded()).await.unwrap();
        }
    };
    walk_while(read, key, change).await;
}

async fn a_change_and_its_audit_record_commit_together(world: World) {
    let (caller, id) = (admin("acme"), corpus("c"));
    let (store, tenant) = (&world.store, caller.tenant());
    let made =
        Corpus { id: id.clone(), name: "C".to_owned(), provider_config_json: json!({}), created_at: at(0) };
    let renamed = CorpusPatch { name: Some("D".to_owned()), ..CorpusPatch::default() };
    let refused = [
        store.update_corpus(tenant, &id, renamed.clone(), world.recorded(&caller)).await.err(),
        store.delete_corpus(tenant, &id, world.recorded(&caller)).await.err(),
        store.create_corpus(tenant, made.clone(), world.unsealable(&caller)).await.err(),
    ];
    assert!(refused.iter().all(Option::is_some), "{refused:?}");
    assert_eq!(
        (store.corpora(tenant, &Page::all()).await.unwrap(), world.chains(&caller).await),
        (vec![], 0)
    );

    store.create_corpus(tenant, made.clone(), world.recorded(&caller)).await.unwrap();
    assert_eq!(world.chains(&caller).await, 1);
    let refused = [
        store.create_corpus(tenant, made.clone(), world.recorded(&caller)).await.err(),
        store.update_corpus(tenant, &id, renamed.clone(), world.unsealable(&caller)).await.err(),
        store.delete_corpus(tenant, &id, world.unsealable(&caller)).await.err(),
    ];
    assert!(refused.iter().all(Option::is_some), "{refused:?}");
    assert_eq!(
        (store.corpora(tenant, &Page::all()).await.unwrap(), world.chains(&caller).await),
        (vec![made], 1)
    );

    store.update_corpus(tenant, &id, renamed, world.recorded(&caller)).await.unwrap();
    store.delete_corpus(tenant, &id, world.recorded(&caller)).await.unwrap();
    assert_eq!(world.chains(&caller).await, 3);
}

async fn the_record_of_a_deletion_counts_the_removed_documents(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for id in ["one", "two"] {
        world.publish(&caller, "c", id, &["words"]).await;
    }
    let record = world.recorded(&caller);
    let chain = record.drafts[0].chain_id.clone();
    world.store.delete_corpus(caller.tenant(), &corpus("c"), record).await.unwrap();
    assert_eq!(world.payload(&caller, &chain).await, json!({"documents": 2}));
}
