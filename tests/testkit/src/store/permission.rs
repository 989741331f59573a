//! Laws of `DocumentStore` about the access and the lease that a change needs at its commit.

use nexus_core::access::{AccessRule, Permission};
use nexus_core::corpus::Corpus;
use nexus_core::document::model::JobState;
use nexus_core::document::store::Reindex;
use nexus_core::document::{ChunkConfig, DocumentStatus};
use nexus_core::error::Failure;
use nexus_core::{ErrorKind, JobId, Page, Principal, Result};
use serde_json::json;

use super::fixture::{World, access, admin, at, corpus, document, staged};
use super::scenarios;

scenarios!(
    submitting_needs_the_required_access_at_the_commit_even_where_nothing_would_change,
    submitting_to_a_corpus_that_was_deleted_and_created_again_since_is_a_conflict,
    publishing_reindexing_and_deleting_need_the_required_access_at_the_commit,
    a_lost_lease_can_neither_stage_publish_nor_fail,
);

fn editor(subject: &str) -> Principal {
    Principal::user("acme", subject).unwrap().roles(["editor"])
}

fn code<T>(refused: Result<T>) -> &'static str {
    refused.err().expect("it is refused").code()
}

async fn submitting_needs_the_required_access_at_the_commit_even_where_nothing_would_change(world: World) {
    let (alice, eve) = (editor("alice"), editor("eve"));
    world.corpus(&alice, "c").await;
    let submit = async |text: &str, overwrite: bool, moment: i64| {
        let mut late = world.submission(&eve, "c", "d", text).await;
        (late.overwrite, late.access) =
            (overwrite, access(&eve, AccessRule::NewOr(Permission::Write), at(moment)));
        world.store.submit(late).await
    };
    let late = async |moment: i64| submit("eve's words", true, moment).await;
    let published = world.publish(&alice, "c", "d", &["alice's words"]).await;
    assert_eq!(code(late(0).await), "DOCUMENT_EXISTS");
    assert_eq!(code(submit("alice's words", false, 0).await), "DOCUMENT_EXISTS");
    world.grant(&alice, "d", "user:eve", Permission::Read, None).await;
    assert_eq!(code(late(0).await), "DENIED");
    let grant = world.grant(&alice, "d", "user:eve", Permission::Write, Some(at(10))).await;
    assert_eq!(code(late(10).await), "DENIED", "a grant ends with its last moment");
    world.revoke(&alice, "d", &grant.id).await.unwrap();
    assert_eq!(code(late(9).await), "DENIED");
    assert_eq!(world.store.document(alice.tenant(), &document("d")).await.unwrap(), published);
    assert_eq!(world.found(&alice, "words").await, ["d"]);
    // Another document of the same id is judged by its own grants.
    world.grant(&alice, "d", "user:eve", Permission::Write, None).await;
    world.delete(&alice, "d").await.unwrap();
    world.publish(&editor("carol"), "c", "d", &["carol's words"]).await;
    assert_eq!(code(late(9).await), "DOCUMENT_EXISTS");
    world.grant(&editor("carol"), "d", "role:editor", Permission::Write, None).await;
    assert_eq!(late(9).await.unwrap().status, DocumentStatus::Queued);
}

async fn submitting_to_a_corpus_that_was_deleted_and_created_again_since_is_a_conflict(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let late = world.submission(&caller, "c", "d", "words").await;
    world.store.delete_corpus(caller.tenant(), &corpus("c"), world.unrecorded()).await.unwrap();
    assert_eq!(world.store.submit(late.clone()).await.unwrap_err().kind(), ErrorKind::NotFound);
    let anew = Corpus {
        id: corpus("c"),
        name: "another".to_owned(),
        provider_config_json: json!({}),
        created_at: at(5),
    };
    world.store.create_corpus(caller.tenant(), anew, world.unrecorded()).await.unwrap();
    let refused = world.store.submit(late).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "CORPUS_CHANGED"));
    assert_eq!(world.store.stats(caller.tenant()).await.unwrap().documents, 0);
}

async fn publishing_reindexing_and_deleting_need_the_required_access_at_the_commit(world: World) {
    let (alice, bob) = (editor("alice"), editor("bob"));
    world.corpus(&alice, "c").await;
    world.publish(&alice, "c", "d", &["alice's words"]).await;
    let grant = world.grant(&alice, "d", "user:bob", Permission::Write, None).await;
    world.submit(&bob, "c", "d", "bob's words").await;
    let lease = world.claim(at(0)).await;
    assert!(!lease.reindex);
    world.store.stage(&lease, None, staged(&["bob's words"])).await.unwrap();
    world.revoke(&alice, "d", &grant.id).await.unwrap();
    let publication = world.publication(&lease, 1, None);
    assert_eq!(code(world.store.publish(&lease, publication.clone()).await), "PERMISSION_REVOKED");
    let job = world.store.job(alice.tenant(), &lease.job.id).await.unwrap();
    assert!(matches!(job.state, JobState::Processing { .. }), "the worker ends it");
    let passages = world.store.passages(alice.tenant(), &document("d"), &Page::first(9)).await.unwrap();
    assert_eq!(passages.iter().map(|passage| passage.text.as_str()).collect::<Vec<_>>(), ["alice's words"]);
    world.grant(&alice, "d", "user:bob", Permission::Write, None).await;
    world.store.publish(&lease, publication).await.unwrap();
    assert_eq!(world.found(&alice, "bob's").await, ["d"]);

    let order = |rule| Reindex {
        principal: bob.clone(),
        job: JobId::parse("again").unwrap(),
        document: document("d"),
        chunking: ChunkConfig::default(),
        access: access(&bob, rule, at(0)),
        now: at(0),
        audit: world.unrecorded(),
    };
    assert_eq!(code(world.store.reindex(order(AccessRule::Holds(Permission::Reindex))).await), "DENIED");
    assert_eq!(code(world.delete(&bob, "d").await), "DENIED");
    assert_eq!(code(world.delete(&editor("eve"), "d").await), "DOCUMENT_NOT_FOUND");
    let kept = world.store.document(alice.tenant(), &document("d")).await.unwrap();
    assert_eq!(kept.status, DocumentStatus::Succeeded);
    world.grant(&alice, "d", "user:bob", Permission::Reindex, None).await;
    world.store.reindex(order(AccessRule::Holds(Permission::Reindex))).await.unwrap();
    assert!(world.claim(at(0)).await.reindex);
}

async fn a_lost_lease_can_neither_stage_publish_nor_fail(world: World) {
    world.corpus(&admin("acme"), "c").await;
    world.submit(&admin("acme"), "c", "d", "text").await;
    let old = world.claim(at(0)).await;
    world.store.stage(&old, None, staged(&["half of it", "and more"])).await.unwrap();
    let new = world.claim(at(60)).await;
    let failure = Failure { code: "DOCUMENT_EMPTY".to_owned(), message: "no text".to_owned(), hint: None };
    for error in [
        world.store.stage(&old, None, staged(&["x"])).await.unwrap_err(),
        world.store.publish(&old, world.publication(&old, 2, None)).await.unwrap_err(),
        world.store.fail(&old, failure, at(61), world.unrecorded()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    let published = world.work(&new, staged(&["all of it"])).await;
    assert_eq!(published.passages, 1, "passages of the lost lease were published");
}
