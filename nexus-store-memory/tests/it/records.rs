//! Records of changes: each change through the facade leaves one record, and a refused change leaves none.

use nexus_core::access::{Grantee, Permission};
use nexus_core::audit::{AuditChain, Status};
use nexus_core::corpus::CorpusPatch;
use nexus_core::ledger::KillSwitchScope;
use nexus_core::quota::{Cap, Limit, Meter, ScopeKind, Window};
use nexus_core::{CorpusId, DocumentId, Nexus, Page, Principal};
use nexus_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::journey::{admin, ingest, nexus};

/// Returns kind, actor and payload of the event of each chain that has one, in the order of the chains' ids.
pub(crate) async fn events(store: &MemoryStore, tenant: &Principal) -> Vec<(String, String, Value)> {
    let mut events = Vec::new();
    for chain in store.chains(tenant.tenant(), &Page::first(9_999)).await.unwrap() {
        let records = store.records(tenant.tenant(), &chain.run, 0, 9).await.unwrap();
        let [_, event, _] = &records[..] else { continue };
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        events.push((text("kind"), text("actor"), body["payload"].clone()));
    }
    events
}

/// Returns the kinds of [`events`].
async fn kinds(store: &MemoryStore) -> Vec<String> {
    events(store, &admin()).await.into_iter().map(|(kind, ..)| kind).collect()
}

fn corpus() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

async fn library() -> (MemoryStore, Nexus) {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), corpus(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    (store, nexus)
}

#[tokio::test]
async fn each_change_leaves_one_record_with_its_facts_and_no_text() {
    let (store, nexus) = library().await;
    let (root, document) = (admin(), DocumentId::parse("leave.txt").unwrap());
    let patch = CorpusPatch { name: Some("A secret name".to_owned()), ..CorpusPatch::default() };
    nexus.update_corpus(&root, &corpus(), patch).await.unwrap();
    let grantee = Grantee::User("eve".to_owned());
    let grant = nexus.grant(&root, &document, grantee, Permission::Read, None).await.unwrap();
    nexus.revoke(&root, &document, &grant.id).await.unwrap();
    let run = nexus.ask(&root, "How many days of paid leave?").corpus("handbook").start().await.unwrap();
    run.finish().await.unwrap();
    nexus.prune_journal(&root, run.id()).await.unwrap();
    let limit = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(9));
    nexus.set_limit(&root, &limit).await.unwrap();
    nexus.remove_limit(&root, &limit.subject).await.unwrap();
    let user = KillSwitchScope::User("eve".to_owned());
    nexus.trip(&root, user.clone(), "a secret reason", None).await.unwrap();
    nexus.rearm(&root, &user).await.unwrap();
    nexus.delete_document(&root, &document).await.unwrap();
    nexus.delete_corpus(&root, &corpus()).await.unwrap();

    let expected = [
        "corpus.created",
        "corpus.updated",
        "grant.created",
        "grant.revoked",
        "journal.pruned",
        "limit.set",
        "limit.removed",
        "shutoff.tripped",
        "shutoff.rearmed",
        "document.deleted",
        "corpus.deleted",
    ];
    let events = events(&store, &root).await;
    let mut found: Vec<_> = events.iter().map(|(kind, ..)| kind.as_str()).collect();
    found.retain(|kind| expected.contains(kind));
    assert_eq!(found, expected);
    assert!(events.iter().all(|(_, actor, _)| actor == "user:root"));
    let facts = |kind: &str| &events.iter().find(|(found, ..)| found == kind).unwrap().2;
    let granted = json!({
        "document": "leave.txt", "grantee_kind": "user", "grantee": "eve", "permission": "read",
    });
    assert_eq!(*facts("grant.created"), granted);
    assert_eq!(facts("grant.revoked")["grant"], grant.id.as_str());
    assert_eq!(facts("grant.revoked")["grantee"], "eve");
    assert_eq!(*facts("corpus.deleted"), json!({"corpus": "handbook", "documents": 0}));
    assert_eq!(*facts("journal.pruned"), json!({"run": run.id().as_str()}));
    assert!(!format!("{events:?}").contains("secret"));
    for chain in nexus.chains(&root, Page::first(99)).await.unwrap() {
        let status = if chain == run.id().as_str() { Status::Erased } else { Status::Ok };
        assert_eq!(nexus.verify(&root, &chain, None).await.unwrap().status, status, "{chain}");
    }
}

#[tokio::test]
async fn a_change_that_is_refused_or_finds_nothing_leaves_no_record() {
    let (store, nexus) = library().await;
    let (root, nowhere) = (admin(), CorpusId::parse("nowhere").unwrap());
    let before = kinds(&store).await;
    nexus.create_corpus(&root, corpus(), "Handbook", json!({})).await.unwrap_err();
    nexus.create_corpus(&root, nowhere.clone(), "Nowhere", json!({"unknown": 1})).await.unwrap_err();
    nexus.update_corpus(&root, &nowhere, CorpusPatch::default()).await.unwrap_err();
    nexus.delete_corpus(&root, &nowhere).await.unwrap_err();
    nexus.delete_document(&root, &DocumentId::parse("nowhere").unwrap()).await.unwrap_err();
    let limit = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(9));
    assert!(!nexus.remove_limit(&root, &limit.subject).await.unwrap());
    assert!(!nexus.rearm(&root, &KillSwitchScope::User("eve".to_owned())).await.unwrap());
    assert_eq!(kinds(&store).await, before);
}
