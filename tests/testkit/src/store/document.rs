//! Laws of `DocumentStore`.

use std::collections::BTreeSet;

use nexus_core::ErrorKind;
use nexus_core::access::{AccessRule, Permission, Visibility};
use nexus_core::corpus::CorpusPatch;
use nexus_core::document::chunk::ChunkConfig;
use nexus_core::document::store::{DocumentQuery, Reindex};
use nexus_core::document::{Document, DocumentQuota, DocumentStatus, Passage};
use nexus_core::{JobId, Page, Principal};

use super::fixture::{World, access, admin, at, corpus, document, reader, staged};
use super::pages::{refused, walk, walk_while};
use super::scenarios;

scenarios!(
    data_of_one_tenant_is_invisible_to_every_other_by_list_and_by_id,
    a_document_id_is_unique_per_tenant,
    submitting_the_same_bytes_described_and_chunked_the_same_way_changes_nothing,
    submitting_other_bytes_under_a_taken_id_is_a_conflict_unless_overwrite_is_set,
    submitting_any_other_change_to_a_document_whose_job_is_in_flight_is_a_conflict,
    submitting_without_the_raw_bytes_is_not_found,
    a_submission_beyond_the_quota_of_documents_or_bytes_and_a_publication_beyond_that_of_passages_changes_nothing,
    a_submitted_document_has_exactly_one_owner_grant,
    staged_passages_cannot_be_searched_listed_or_counted_before_they_are_published,
    publishing_makes_all_staged_passages_visible_at_once_and_hides_the_previous_version,
    publishing_with_another_number_of_passages_than_were_staged_is_corrupt_and_changes_nothing,
    staging_a_passage_number_again_replaces_it,
    deleting_a_document_removes_its_passages_grants_and_vectors,
    deleting_a_document_whose_job_is_in_flight_is_a_conflict,
    lists_of_documents_are_in_order_of_id,
    lists_of_passages_are_in_reading_order,
    a_reindex_chunks_again_and_leaves_the_content_unchanged,
    passages_come_back_as_they_were_staged,
);

async fn listed(world: &World, caller: &Principal, query: DocumentQuery) -> Vec<String> {
    let documents =
        world.store.documents(caller.tenant(), &Visibility::of(caller), &query, at(2)).await.unwrap();
    documents.into_iter().map(|document| document.id.to_string()).collect()
}

fn all() -> DocumentQuery {
    DocumentQuery { page: Page::first(99), ..DocumentQuery::default() }
}

async fn stored(world: &World, caller: &Principal, id: &str) -> Document {
    world.store.document(caller.tenant(), &document(id)).await.unwrap()
}

async fn data_of_one_tenant_is_invisible_to_every_other_by_list_and_by_id(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    world.corpus(&acme, "c").await;
    world.publish(&acme, "c", "d", &["words"]).await;
    assert_eq!(world.store.corpora(globex.tenant(), &Page::all()).await.unwrap(), []);
    assert_eq!(listed(&world, &globex, all()).await, Vec::<String>::new());
    assert_eq!(world.store.passages(globex.tenant(), &document("d"), &Page::first(9)).await.unwrap(), []);
    let stats = world.store.stats(globex.tenant()).await.unwrap();
    assert_eq!((stats.corpora, stats.documents, stats.passages, stats.audit_records), (0, 0, 0, Some(0)));
    let (c, d) = (corpus("c"), document("d"));
    for error in [
        world.store.corpus(globex.tenant(), &c).await.err(),
        world
            .store
            .update_corpus(globex.tenant(), &c, CorpusPatch::default(), world.unrecorded())
            .await
            .err(),
        world.store.delete_corpus(globex.tenant(), &c, world.unrecorded()).await.err(),
        world.store.document(globex.tenant(), &d).await.err(),
        world.delete(&globex, "d").await.err(),
    ] {
        assert_eq!(error.unwrap().kind(), ErrorKind::NotFound);
    }
    assert_eq!(world.store.stats(acme.tenant()).await.unwrap().passages, 1);
}

async fn a_document_id_is_unique_per_tenant(world: World) {
    for tenant in ["acme", "globex"] {
        world.corpus(&admin(tenant), "c").await;
        world.publish(&admin(tenant), "c", "d", &[tenant]).await;
    }
    world.corpus(&admin("acme"), "other").await;
    let twice = world.submission(&admin("acme"), "other", "d", "another").await;
    assert_eq!(world.store.submit(twice).await.unwrap_err().kind(), ErrorKind::Conflict);
    for tenant in ["acme", "globex"] {
        let passages =
            world.store.passages(admin(tenant).tenant(), &document("d"), &Page::first(9)).await.unwrap();
        assert_eq!(passages[0].text, tenant);
    }
}

async fn submitting_the_same_bytes_described_and_chunked_the_same_way_changes_nothing(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["words"]).await;
    let before = stored(&world, &caller, "d").await;
    for overwrite in [false, true] {
        let mut again = world.submission(&caller, "c", "d", "words").await;
        again.overwrite = overwrite;
        let submitted = world.store.submit(again).await.unwrap();
        assert!(submitted.unchanged);
        assert_eq!((&submitted.job_id, submitted.status), (&before.last_job_id, DocumentStatus::Succeeded));
    }
    assert_eq!(stored(&world, &caller, "d").await, before);
    let mut tagged = world.submission(&caller, "c", "d", "words").await;
    tagged.tags = BTreeSet::from(["new".to_owned()]);
    tagged.overwrite = true;
    assert!(!world.store.submit(tagged).await.unwrap().unchanged);
}

async fn submitting_other_bytes_under_a_taken_id_is_a_conflict_unless_overwrite_is_set(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["old words"]).await;
    let mut other = world.submission(&caller, "c", "d", "new words").await;
    assert_eq!(world.store.submit(other.clone()).await.unwrap_err().kind(), ErrorKind::Conflict);
    other.overwrite = true;
    let submitted = world.store.submit(other).await.unwrap();
    assert_eq!((submitted.unchanged, submitted.status), (false, DocumentStatus::Queued));
    let unknown = world.submission(&caller, "nowhere", "e", "words").await;
    assert_eq!(world.store.submit(unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn submitting_any_other_change_to_a_document_whose_job_is_in_flight_is_a_conflict(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "words").await;
    for claimed in [false, true] {
        if claimed {
            world.claim(at(0)).await;
        }
        let mut other = world.submission(&caller, "c", "d", "other words").await;
        other.overwrite = true;
        assert_eq!(world.store.submit(other).await.unwrap_err().kind(), ErrorKind::Conflict);
        let same = world.submission(&caller, "c", "d", "words").await;
        assert!(
            world.store.submit(same).await.unwrap().unchanged,
            "the same change again is no other change"
        );
    }
}

async fn submitting_without_the_raw_bytes_is_not_found(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let mut submission = world.submission(&caller, "c", "d", "words").await;
    submission.content_hash = "0".repeat(64);
    assert_eq!(world.store.submit(submission).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(listed(&world, &caller, all()).await, Vec::<String>::new());
}

async fn a_submission_beyond_the_quota_of_documents_or_bytes_and_a_publication_beyond_that_of_passages_changes_nothing(
    world: World,
) {
    let (caller, other) = (admin("acme"), admin("globex"));
    for caller in [&caller, &other] {
        world.corpus(caller, "c").await;
        world.publish(caller, "c", "a", &["one", "two"]).await;
    }
    let submit = async |id: &str, text: &str, quota| {
        let mut submission = world.submission(&caller, "c", id, text).await;
        (submission.overwrite, submission.quota) = (true, quota);
        let submitted = world.store.submit(submission).await;
        world.let_go();
        submitted
    };
    let documents = |cap| DocumentQuota { documents: Some(cap), ..DocumentQuota::default() };
    let bytes = |cap| DocumentQuota { bytes: Some(cap), ..DocumentQuota::default() };
    // The document has eight bytes.
    for quota in [documents(1), bytes(10)] {
        let error = submit("b", "three", quota).await.unwrap_err();
        assert_eq!(error.code(), "QUOTA_EXCEEDED");
        let absent = world.store.document(caller.tenant(), &document("b")).await.unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    }
    submit("b", "three", DocumentQuota { bytes: Some(13), ..documents(2) }).await.unwrap();
    let lease = world.claim(at(0)).await;
    world.work(&lease, staged(&["three"])).await;
    // Of a document that is replaced, only the new version counts.
    submit("a", "four and five", DocumentQuota { bytes: Some(18), ..documents(2) }).await.unwrap();
    let lease = world.claim(at(0)).await;
    let passages = staged(&["four", "five"]);
    world.store.stage(&lease, None, passages).await.unwrap();
    let publication = |cap| {
        let quota = DocumentQuota { passages: Some(cap), ..DocumentQuota::default() };
        nexus_core::document::store::Publication { quota, ..world.publication(&lease, 2, None) }
    };
    let error = world.store.publish(&lease, publication(2)).await.unwrap_err();
    assert_eq!(error.code(), "QUOTA_EXCEEDED");
    assert_eq!(world.found(&caller, "one").await.len(), 1, "the earlier version stays");
    world.store.publish(&lease, publication(3)).await.unwrap();
}

async fn a_submitted_document_has_exactly_one_owner_grant(world: World) {
    let (caller, bob) = (Principal::user("acme", "ann").unwrap(), admin("acme"));
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["one"]).await;
    world.publish(&bob, "c", "d", &["two"]).await;
    let grants = world.store.grants(caller.tenant(), &document("d"), &Page::all()).await.unwrap();
    assert_eq!(grants.len(), 1);
    assert_eq!(
        (grants[0].grantee.to_string().as_str(), grants[0].permission),
        ("user:ann", Permission::Owner)
    );
    assert_eq!(world.found(&caller, "two").await, ["d"]);
}

async fn staged_passages_cannot_be_searched_listed_or_counted_before_they_are_published(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "words").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["some words"])).await.unwrap();
    for is_prepared in [false, true] {
        if is_prepared {
            world.store.prepare(&lease, 1).await.unwrap();
        }
        assert_eq!(world.found(&caller, "words").await.len(), 0);
        assert_eq!(world.store.passages(caller.tenant(), &document("d"), &Page::first(9)).await.unwrap(), []);
        let stats = world.store.stats(caller.tenant()).await.unwrap();
        assert_eq!((stats.passages, stats.documents_in_flight), (0, 1));
    }
    world.store.publish(&lease, world.publication(&lease, 1, None)).await.unwrap();
    assert_eq!(world.found(&caller, "words").await, ["d"]);
    let stats = world.store.stats(caller.tenant()).await.unwrap();
    assert_eq!((stats.passages, stats.documents_in_flight), (1, 0));
}

async fn publishing_makes_all_staged_passages_visible_at_once_and_hides_the_previous_version(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["old words", "older words"]).await;
    world.submit(&caller, "c", "d", "new words").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["new words", "newer words", "newest words"])).await.unwrap();
    assert_eq!(world.found(&caller, "words").await.len(), 2);
    assert_eq!(world.found(&caller, "new").await.len(), 0);
    let published = world.store.publish(&lease, world.publication(&lease, 3, None)).await.unwrap();
    assert_eq!((published.version, published.passages, published.status), (2, 3, DocumentStatus::Succeeded));
    assert_eq!(world.found(&caller, "words").await.len(), 3);
    assert_eq!(world.found(&caller, "old older").await.len(), 0);
    let texts =
        world.store.passages(caller.tenant(), &document("d"), &Page::first(1).after("0")).await.unwrap();
    assert_eq!(texts[0].text, "newer words");
}

async fn publishing_with_another_number_of_passages_than_were_staged_is_corrupt_and_changes_nothing(
    world: World,
) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "words").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["some words", "more words"])).await.unwrap();
    for wrong in [1, 3] {
        let error = world.store.publish(&lease, world.publication(&lease, wrong, None)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
    assert_eq!(stored(&world, &caller, "d").await.status, DocumentStatus::Processing);
    assert_eq!(world.found(&caller, "words").await.len(), 0);
    world.store.publish(&lease, world.publication(&lease, 2, None)).await.unwrap();
}

async fn staging_a_passage_number_again_replaces_it(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "words").await;
    let lease = world.claim(at(0)).await;
    world.store.stage(&lease, None, staged(&["first draft", "second"])).await.unwrap();
    world.store.stage(&lease, None, staged(&["final form"])).await.unwrap();
    world.store.publish(&lease, world.publication(&lease, 2, None)).await.unwrap();
    assert_eq!(world.found(&caller, "draft").await.len(), 0);
    assert_eq!(world.found(&caller, "final second").await.len(), 2);
}

async fn deleting_a_document_removes_its_passages_grants_and_vectors(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish_vectors(&caller, "c", "d", &[("words", [1.0, 0.0, 0.0, 0.0])]).await;
    world.grant(&caller, "d", "user:u", Permission::Read, None).await;
    let hash = stored(&world, &caller, "d").await.content_hash;
    world.delete(&caller, "d").await.unwrap();
    assert_eq!(world.found(&caller, "words").await.len(), 0);
    assert_eq!(world.store.passages(caller.tenant(), &document("d"), &Page::first(9)).await.unwrap(), []);
    assert_eq!(world.store.grants(caller.tenant(), &document("d"), &Page::all()).await.unwrap(), []);
    let stats = world.store.stats(caller.tenant()).await.unwrap();
    assert_eq!((stats.documents, stats.passages, stats.vectors.len()), (0, 0, 0));
    assert!(world.store.open(caller.tenant(), &hash).await.is_err(), "its raw bytes are gone too");
    let again = world.delete(&caller, "d").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
}

async fn deleting_a_document_whose_job_is_in_flight_is_a_conflict(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.submit(&caller, "c", "d", "words").await;
    let error = world.delete(&caller, "d").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(stored(&world, &caller, "d").await.status, DocumentStatus::Queued);
}

/// Walks the pages of five documents, as an admin and as a reader.
async fn walk_documents(world: &World, caller: &Principal) {
    let member = reader(caller.tenant_id(), "u");
    let publish = async |id: &str| {
        world.publish(caller, "c", id, &["words"]).await;
        // A document with two grants is listed once.
        for permission in [Permission::Read, Permission::Write] {
            world.grant(caller, id, "role:reader", permission, None).await;
        }
    };
    world.corpus(caller, "c").await;
    for id in ["p3", "p1", "p5", "p2", "p4"] {
        publish(id).await;
    }
    let (store, tenant, key) = (&world.store, caller.tenant(), |document: &Document| document.id.to_string());
    for (principal, gone, new) in [(caller, "p1", ["o", "p33"]), (&member, "p2", ["n", "p44"])] {
        let visibility = &Visibility::of(principal);
        let read = |page: Page| async move {
            let query = DocumentQuery { page, ..DocumentQuery::default() };
            store.documents(tenant, visibility, &query, at(2)).await
        };
        let change = async {
            world.delete(caller, gone).await.unwrap();
            for id in new {
                publish(id).await;
            }
        };
        walk_while(read, key, change).await;
    }
}

async fn lists_of_passages_are_in_reading_order(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let texts: Vec<String> = (0..12).map(|number| format!("text {number}")).collect();
    world.publish(&caller, "c", "d", &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (store, tenant, d) = (&world.store, caller.tenant(), &document("d"));
    let read = |page: Page| async move { store.passages(tenant, d, &page).await };
    let keys = walk(read, |passage: &Passage| passage.key.index.to_string()).await;
    assert_eq!(keys, (0..12).map(|number| number.to_string()).collect::<Vec<_>>());
    refused(read(Page::first(9).after("second")).await);
    for beyond in ["12", "18446744073709551615"] {
        assert_eq!(read(Page::first(9).after(beyond)).await.unwrap(), []);
    }
}

async fn lists_of_documents_are_in_order_of_id(world: World) {
    let other = admin("globex");
    walk_documents(&world, &other).await;
    let caller = admin("acme");
    for id in ["c", "other"] {
        world.corpus(&caller, id).await;
    }
    for (id, in_corpus) in [("d3", "c"), ("d1", "c"), ("d2", "other"), ("d4", "c")] {
        let mut submission = world.submission(&caller, in_corpus, id, id).await;
        submission.tags = BTreeSet::from([format!("tag-{id}"), "all".to_owned()]);
        world.store.submit(submission).await.unwrap();
    }
    for id in ["d1", "d2"] {
        world.grant(&caller, id, "role:reader", Permission::Read, None).await;
    }
    world.grant(&caller, "d3", "role:reader", Permission::Delete, None).await;
    world.grant(&caller, "d4", "role:reader", Permission::Read, Some(at(1))).await;
    assert_eq!(listed(&world, &caller, all()).await, ["d1", "d2", "d3", "d4"]);
    assert_eq!(listed(&world, &reader("acme", "u"), all()).await, ["d1", "d2"]);
    let page = DocumentQuery { page: Page::first(2).after("d1"), ..DocumentQuery::default() };
    assert_eq!(listed(&world, &caller, page).await, ["d2", "d3"]);
    assert_eq!(
        listed(&world, &caller, DocumentQuery { corpus: Some(corpus("c")), ..all() }).await,
        ["d1", "d3", "d4"]
    );
    let tags = vec!["all".to_owned(), "tag-d2".to_owned()];
    assert_eq!(listed(&world, &caller, DocumentQuery { tags, ..all() }).await, ["d2"]);
    let failed = DocumentQuery { status: Some(DocumentStatus::Failed), ..all() };
    assert_eq!(listed(&world, &caller, failed).await, Vec::<String>::new());
    let ids: Vec<_> = world
        .store
        .corpora(caller.tenant(), &Page::all())
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.id.to_string())
        .collect();
    assert_eq!(ids, ["c", "other"]);
}

async fn a_reindex_chunks_again_and_leaves_the_content_unchanged(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["all words"]).await;
    let hash = stored(&world, &caller, "d").await.content_hash;
    let order = |id: &str| Reindex {
        principal: caller.clone(),
        job: JobId::parse(format!("re-{id}")).unwrap(),
        document: document(id),
        chunking: ChunkConfig::chars(100, 10).unwrap(),
        access: access(&caller, AccessRule::Holds(Permission::Reindex), at(5)),
        now: at(5),
        audit: world.unrecorded(),
    };
    assert_eq!(world.store.reindex(order("x")).await.unwrap_err().kind(), ErrorKind::NotFound);
    world.store.reindex(order("d")).await.unwrap();
    assert_eq!(world.store.reindex(order("d")).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(
        world.found(&caller, "words").await.len(),
        1,
        "the old version serves until the new one is there"
    );
    let lease = world.claim(at(5)).await;
    assert_eq!(lease.document.chunking, ChunkConfig::chars(100, 10).unwrap());
    world.store.stage(&lease, None, staged(&["all", "words"])).await.unwrap();
    let mut publication = world.publication(&lease, 2, None);
    publication.audit = world.unrecorded();
    let again = world.store.publish(&lease, publication).await.unwrap();
    assert_eq!((again.version, again.content_hash, again.last_reindexed_at), (2, hash, Some(at(1))));
}

async fn passages_come_back_as_they_were_staged(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["one", "zwei Ümläute \u{1F600}", "three"]).await;
    let passages = world.store.passages(caller.tenant(), &document("d"), &Page::first(99)).await.unwrap();
    for (passage, staged) in passages.iter().zip(staged(&["one", "zwei Ümläute \u{1F600}", "three"])) {
        let chunk = staged.chunk;
        assert_eq!(passage.key.to_string(), format!("d@1#{}", chunk.index));
        assert_eq!((&passage.text, &passage.span, passage.page), (&chunk.text, &chunk.span, chunk.page));
        assert_eq!(
            (&passage.heading_path, passage.tokens, &passage.hash),
            (&chunk.heading_path, chunk.tokens, &chunk.hash)
        );
    }
    assert_eq!(passages.len(), 3);
}
