//! Settings of tenants: each field takes effect at once, for its tenant alone.

use std::io::Cursor;
use std::time::Duration;

use nexus_core::document::NewDocument;
use nexus_core::gateway::{Route, Routing};
use nexus_core::ledger::LedgerQuery;
use nexus_core::llm::Extractive;
use nexus_core::run::Outcome;
use nexus_core::{CorpusId, DocumentId, Nexus, Page, Principal, Result};
use nexus_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::journey::{admin, builder, ingest};

const QUESTION: &str = "How many days of paid leave does an employee have?";

/// Returns a Nexus with the providers `a` and `b`, and a document in the tenants `acme` and `globex`.
async fn filled() -> Nexus {
    let routing = Routing::new(Route { fallbacks: vec!["b".to_owned()], ..Route::to("a") });
    let routing = routing.provider("a", Extractive::default()).provider("b", Extractive::default());
    let nexus = builder(&MemoryStore::default()).routing(routing).build().unwrap();
    for caller in [admin(), other()] {
        let corpus = CorpusId::parse("handbook").unwrap();
        nexus.create_corpus(&caller, corpus, "Handbook", json!({})).await.unwrap();
        ingest(&nexus, &caller, "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    }
    nexus
}

fn other() -> Principal {
    Principal::user("globex", "root").unwrap().roles(["admin"])
}

async fn set(nexus: &Nexus, settings: Value) -> Result<()> {
    nexus.set_resource_json(&admin(), "tenant", "acme", settings, None).await.map(|_| ())
}

async fn ask(nexus: &Nexus, caller: &Principal) -> Outcome {
    let run = nexus.ask(caller, QUESTION).corpus("handbook").start().await.unwrap();
    run.finish().await.unwrap().outcome
}

async fn answered_by(nexus: &Nexus, caller: &Principal) -> String {
    assert_eq!(ask(nexus, caller).await, Outcome::Answered);
    let query = LedgerQuery { page: Page::first(1), ..LedgerQuery::default() };
    nexus.calls(caller, query).await.unwrap().remove(0).provider
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.unwrap_err().code()
}

fn document(id: &str) -> NewDocument {
    let mut document = NewDocument::new(CorpusId::parse("handbook").unwrap(), id);
    (document.id, document.overwrite) = (Some(DocumentId::parse(id).unwrap()), true);
    document
}

async fn submit(nexus: &Nexus, id: &str, bytes: usize) -> Result<()> {
    nexus.ingest(&admin(), document(id), Cursor::new(vec![b'a'; bytes])).await.map(|_| ())
}

#[tokio::test]
async fn a_tenants_own_provider_is_asked_first_and_no_other_than_the_allowed_ones() {
    let nexus = filled().await;
    assert_eq!(answered_by(&nexus, &admin()).await, "a");
    set(&nexus, json!({"default_provider": "b"})).await.unwrap();
    assert_eq!(answered_by(&nexus, &admin()).await, "b");
    assert_eq!(nexus.status(&admin()).await.unwrap().llm_provider, "b");
    assert_eq!(answered_by(&nexus, &other()).await, "a");

    set(&nexus, json!({"allowed_providers": ["b"]})).await.unwrap();
    let run = nexus.ask(&admin(), QUESTION).corpus("handbook").provider("a").start().await.unwrap();
    let outcome = run.finish().await.unwrap().outcome;
    assert!(
        matches!(&outcome, Outcome::Failed { failure } if failure.code == "PROVIDER_NOT_ALLOWED"),
        "{outcome:?}"
    );
    nexus.remove_resource(&admin(), "tenant", "acme", None).await.unwrap();
    assert_eq!(answered_by(&nexus, &admin()).await, "a");
}

#[tokio::test]
async fn settings_that_cannot_be_obeyed_are_refused() {
    let nexus = filled().await;
    let units = json!({"limits": {"limits": {"max_cost_units_per_day": 5}}});
    for (unfit, expected) in [
        (json!({"default_provider": "c"}), "INVALID_ROUTE"),
        (json!({"allowed_providers": ["b"]}), "INVALID_ROUTE"),
        (units, "LIMIT_UNCOUNTED"),
        (json!({"webhook_url": "https://a.example"}), "INVALID_RESOURCE"),
        (json!({"default_grounding_threshold": 2}), "INVALID_TENANT"),
    ] {
        assert_eq!(code(set(&nexus, unfit.clone()).await), expected, "{unfit}");
    }
    assert_eq!(code(nexus.resource_json(&admin(), "tenant", "acme").await), "RESOURCE_NOT_FOUND");
}

#[tokio::test]
async fn a_tenants_threshold_decides_whether_the_extractive_answerer_abstains() {
    let nexus = filled().await;
    set(&nexus, json!({"default_grounding_threshold": 1})).await.unwrap();
    assert!(matches!(ask(&nexus, &admin()).await, Outcome::Abstained { .. }));
    assert_eq!(ask(&nexus, &other()).await, Outcome::Answered);
    set(&nexus, json!({"default_grounding_threshold": 0.1})).await.unwrap();
    assert_eq!(ask(&nexus, &admin()).await, Outcome::Answered);
}

#[tokio::test]
async fn answers_serve_to_train_models_where_the_tenant_permits_it() {
    let nexus = filled().await;
    let is_eligible = async || {
        assert_eq!(ask(&nexus, &admin()).await, Outcome::Answered);
        let query = LedgerQuery { page: Page::first(1), ..LedgerQuery::default() };
        nexus.calls(&admin(), query).await.unwrap().remove(0).distillation_eligible
    };
    assert!(!is_eligible().await);
    set(&nexus, json!({"training_allowed": true})).await.unwrap();
    assert!(is_eligible().await);
    set(&nexus, json!({"training_allowed": false})).await.unwrap();
    assert!(!is_eligible().await);
}

#[tokio::test]
async fn questions_and_tokens_of_a_month_are_capped() {
    let nexus = filled().await;
    assert_eq!(ask(&nexus, &admin()).await, Outcome::Answered);
    set(&nexus, json!({"quotas": {"max_queries_per_month": 2}})).await.unwrap();
    assert_eq!(ask(&nexus, &admin()).await, Outcome::Answered, "earlier questions count too");
    assert!(matches!(ask(&nexus, &admin()).await, Outcome::OverQuota { .. }));
    assert_eq!(ask(&nexus, &other()).await, Outcome::Answered);
    set(&nexus, json!({"quotas": {"max_queries_per_month": 3}})).await.unwrap();
    assert_eq!(ask(&nexus, &admin()).await, Outcome::Answered);
    assert!(matches!(ask(&nexus, &admin()).await, Outcome::OverQuota { .. }));

    let tokens = json!({"quotas": {"max_queries_per_month": -1, "max_tokens_per_month": 1}});
    set(&nexus, tokens).await.unwrap();
    assert!(matches!(ask(&nexus, &admin()).await, Outcome::OverQuota { .. }));
    let limits = nexus.limits(&admin(), None, Page::default()).await.unwrap();
    assert!(limits.iter().any(|status| i64::from(status.limit.cap) == 1), "{limits:?}");
}

#[tokio::test]
async fn size_number_and_storage_of_documents_are_capped() {
    let nexus = filled().await;
    set(&nexus, json!({"max_document_size_mb": 1})).await.unwrap();
    submit(&nexus, "fits.txt", 1_000_000).await.unwrap();
    assert_eq!(code(submit(&nexus, "large.txt", 1_000_001).await), "DOCUMENT_TOO_LARGE");
    set(&nexus, json!({"quotas": {"max_documents": 2}})).await.unwrap();
    assert_eq!(code(submit(&nexus, "third.txt", 9).await), "QUOTA_EXCEEDED");
    nexus.run_pending_jobs().await.unwrap();
    submit(&nexus, "fits.txt", 9).await.unwrap();
    set(&nexus, json!({"quotas": {"max_documents": -1, "max_storage_gb": 0}})).await.unwrap();
    assert_eq!(code(submit(&nexus, "third.txt", 9).await), "QUOTA_EXCEEDED");
    nexus.run_pending_jobs().await.unwrap();

    set(&nexus, json!({"quotas": {"max_storage_gb": null, "max_chunks_total": 2}})).await.unwrap();
    submit(&nexus, "third.txt", 9).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    let third = nexus.document(&admin(), &DocumentId::parse("third.txt").unwrap()).await.unwrap();
    assert_eq!(third.failure.unwrap().code, "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn one_period_of_a_tenant_replaces_the_retention_of_every_class() {
    let nexus = filled().await;
    let configured = nexus.retention(&admin()).await.unwrap();
    set(&nexus, json!({"retention_days": 7})).await.unwrap();
    let week = Some(Duration::from_hours(7 * 24));
    let own = nexus.retention(&admin()).await.unwrap();
    assert_eq!((own.runs, own.journals, own.sessions, own.jobs, own.calls), (week, week, week, week, week));
    assert_eq!(nexus.retention(&other()).await.unwrap(), configured);
    set(&nexus, json!({"retention_days": 0})).await.unwrap();
    assert_eq!(nexus.retention(&admin()).await.unwrap().jobs, None);
}
