//! Records of denials: each denial of an operation is recorded with its deciding rules, and equal ones together.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nexus_core::access::{Grantee, Permission};
use nexus_core::ledger::{KillSwitchScope, UsageBy};
use nexus_core::operations::{CORPUS_CREATE, CORPUS_DELETE, RUN_CREATE};
use nexus_core::policy::{Decision, Effect, PolicyEngine, PolicyRequest, RolePolicy};
use nexus_core::principal::Authentication;
use nexus_core::quota::DateRange;
use nexus_core::run::Outcome;
use nexus_core::{Builder, CorpusId, DocumentId, Error, ErrorKind, Nexus, Page, Principal, Result, TenantId};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault};
use serde_json::{Value, json};

use crate::journey::{admin, builder, ingest, keys, nexus};
use crate::records::events;

fn reader(name: &str) -> Principal {
    Principal::user("acme", name).unwrap().roles(["reader"])
}

fn corpus(id: &str) -> CorpusId {
    CorpusId::parse(id).unwrap()
}

/// Ends `nexus`, and returns actor and payload of the records of denials.
async fn denials(store: &MemoryStore, nexus: Nexus) -> Vec<(String, Value)> {
    drop(nexus);
    let events = events(store, &admin()).await.into_iter();
    events.filter(|(kind, ..)| kind == "policy.denied").map(|(_, actor, facts)| (actor, facts)).collect()
}

#[tokio::test]
async fn equal_denials_within_a_second_are_one_record_with_their_count_and_their_resources() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    for id in ["one", "two", "one"] {
        let error = nexus.delete_corpus(&reader("eve"), &corpus(id)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
    nexus.delete_corpus(&reader("bob"), &corpus("one")).await.unwrap_err();
    nexus.create_corpus(&reader("eve"), corpus("one"), "One", json!({})).await.unwrap_err();
    let mut denials = denials(&store, nexus).await;
    denials.sort_by_key(|(actor, facts)| (actor.clone(), facts["action"].to_string()));
    let found = denials.iter().map(|(actor, facts)| (actor.as_str(), &facts["action"], &facts["count"]));
    let found: Vec<_> = found.collect();
    assert_eq!(
        found,
        [
            ("user:bob", &json!("corpus.delete"), &json!(1)),
            ("user:eve", &json!("corpus.delete"), &json!(3)),
            ("user:eve", &json!("corpus.write"), &json!(1)),
        ]
    );
    let facts = &denials[1].1;
    let resources = json!([{"kind": "corpus", "id": "one"}, {"kind": "corpus", "id": "two"}]);
    assert_eq!(facts["resources"], resources);
    assert_eq!((&facts["effect"], &facts["reason"]), (&json!("deny"), &json!("role_denied")));
}

#[tokio::test]
async fn a_window_ends_within_a_second_and_the_next_denial_is_a_record_of_its_own() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    nexus.delete_corpus(&reader("eve"), &corpus("one")).await.unwrap_err();
    assert_eq!(events(&store, &admin()).await, []);
    while events(&store, &admin()).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    nexus.delete_corpus(&reader("eve"), &corpus("one")).await.unwrap_err();
    assert_eq!(denials(&store, nexus).await.len(), 2);
}

#[tokio::test]
async fn a_shutdown_records_open_windows() {
    let dir = tempfile::tempdir().unwrap();
    let open = nexus(&MemoryStore::open(dir.path()).unwrap());
    open.delete_corpus(&reader("eve"), &corpus("one")).await.unwrap_err();
    assert!(open.shutdown(Duration::from_secs(5)).await.unwrap());
    drop(open);
    let store = MemoryStore::open(dir.path()).unwrap();
    assert_eq!(denials(&store, nexus(&store)).await.len(), 1);
}

#[tokio::test]
async fn denials_beyond_the_open_windows_are_recorded_at_once() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    for number in 0..1_030 {
        nexus.delete_corpus(&reader(&format!("user-{number}")), &corpus("one")).await.unwrap_err();
    }
    let at_once = events(&store, &admin()).await.len();
    assert!(at_once >= 6, "{at_once}");
    assert_eq!(denials(&store, nexus).await.len(), 1_030);
}

/// Policy that answers as its function does.
struct Answering<F>(F);

impl<F> std::fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}

#[async_trait]
impl<F: Fn(Decision) -> Result<Decision> + Send + Sync> PolicyEngine for Answering<F> {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        (self.0)(RolePolicy::default().decide(request).await?)
    }

    fn version(&self, tenant: &TenantId) -> String {
        RolePolicy::default().version(tenant)
    }
}

#[tokio::test]
async fn a_required_approval_and_a_policy_that_cannot_decide_leave_their_records() {
    let store = MemoryStore::default();
    let approval = |decision| Ok(Decision { effect: Effect::RequireApproval, ..decision });
    let failing = |_| Err(Error::new(ErrorKind::Unavailable, "the policy is away").with_code("POLICY_AWAY"));
    let rules: Vec<(Builder, _)> = vec![
        (builder(&store).policy(Answering(approval)), ("require_approval", "APPROVAL_REQUIRED")),
        (builder(&store).policy(Answering(failing)), ("error", "POLICY_AWAY")),
    ];
    for (builder, (effect, code)) in rules {
        let nexus = builder.build().unwrap();
        nexus.create_corpus(&admin(), corpus("one"), "One", json!({})).await.unwrap_err();
        let denials = denials(&store, nexus).await;
        let facts = &denials.last().unwrap().1;
        assert_eq!((&facts["effect"], &facts["code"]), (&json!(effect), &json!(code)));
    }
}

#[tokio::test]
async fn a_refusal_of_rights_after_the_policy_leaves_a_record_with_the_rule_of_nexus() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), corpus("handbook"), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Thirty days of leave.").await;
    let document = DocumentId::parse("leave.txt").unwrap();
    let eve = Principal::user("acme", "eve").unwrap().roles(["editor"]);
    nexus.grant(&admin(), &document, Grantee::User("eve".to_owned()), Permission::Read, None).await.unwrap();

    let days = DateRange::day("2026-03-01").unwrap();
    nexus.usage(&eve, UsageBy::Model, &days).await.unwrap_err();
    let remote = admin().authenticated(Authentication::ApiKey { key_id: "k".to_owned() });
    nexus.trip(&remote, KillSwitchScope::Global, "drill", None).await.unwrap_err();
    nexus.trip(&admin(), KillSwitchScope::Tenant("globex".to_owned()), "drill", None).await.unwrap_err();
    nexus.delete_document(&eve, &document).await.unwrap_err();
    let grantee = Grantee::User("bob".to_owned());
    nexus.grant(&eve, &document, grantee, Permission::Read, None).await.unwrap_err();
    // A document that eve may not see is absent, which is no denial.
    nexus.delete_document(&eve, &DocumentId::parse("nowhere").unwrap()).await.unwrap_err();

    let found = denials(&store, nexus).await.into_iter().map(|(actor, facts)| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (actor, text(&facts["action"]), text(&facts["rules"][0]))
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    let expected = [
        ("user:eve", "document.delete", "nexus:grant"),
        ("user:eve", "document.grant", "nexus:grant"),
        ("user:eve", "usage.read", "nexus:admin"),
        ("user:root", "kill_switch.write", "nexus:operator"),
        ("user:root", "kill_switch.write", "nexus:tenant"),
    ];
    assert_eq!(found, expected.map(|(actor, action, rule)| (actor.into(), action.into(), rule.into())));
}

#[tokio::test]
async fn a_denied_question_has_its_record_in_the_chain_of_its_run_alone() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let stranger = Principal::user("acme", "eve").unwrap();
    let run = nexus.ask(&stranger, "How many days?").corpus("handbook").start().await.unwrap();
    assert!(matches!(run.finish().await.unwrap().outcome, Outcome::Refused { .. }));
    assert!(nexus.chains(&admin(), Page::first(9)).await.unwrap().contains(&run.id().to_string()));
    drop(run);
    assert_eq!(denials(&store, nexus).await, []);
}

#[tokio::test]
async fn a_denied_question_without_a_run_leaves_a_record() {
    let store = MemoryStore::default();
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let nexus = Nexus::builder().store(faulty).audit_keys(keys()).build().unwrap();
    troubles.inject("open_session", InjectedFault::FailsBefore, 1);
    let stranger = Principal::user("acme", "eve").unwrap();
    assert!(nexus.ask(&stranger, "How many days?").corpus("handbook").start().await.is_err());
    let denials = denials(&store, nexus).await;
    assert_eq!(denials[0].1["action"], RUN_CREATE.action.as_str());
}

#[tokio::test]
async fn a_denial_is_answered_at_once_while_its_record_cannot_be_written() {
    let store = MemoryStore::default();
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let nexus = Arc::new(Nexus::builder().store(faulty).audit_keys(keys()).build().unwrap());
    troubles.inject("append", InjectedFault::FreezesBefore, u32::MAX);
    for (operation, denied) in [
        (&CORPUS_DELETE, nexus.delete_corpus(&reader("eve"), &corpus("one")).await.err()),
        (&CORPUS_CREATE, nexus.create_corpus(&reader("eve"), corpus("one"), "One", json!({})).await.err()),
    ] {
        assert_eq!(denied.unwrap().kind(), ErrorKind::Denied, "{operation:?}");
    }
}

#[test]
fn a_nexus_that_is_dropped_outside_of_its_runtime_ends_without_a_panic() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let denied = runtime.block_on(nexus.delete_corpus(&reader("eve"), &corpus("one")));
    assert_eq!(denied.unwrap_err().kind(), ErrorKind::Denied);
    drop(runtime);
    drop(nexus);
}
