//! Rights that change during an operation: the rights at the commit decide.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use nexus_core::access::{Grantee, Permission};
use nexus_core::document::{JobState, NewDocument};
use nexus_core::ingest::PrechunkedPassage;
use nexus_core::operations::DOCUMENT_WRITE;
use nexus_core::policy::{Decision, Effect, PolicyEngine, PolicyRequest, RolePolicy};
use nexus_core::search::Search;
use nexus_core::{CorpusId, DocumentId, ErrorKind, GrantId, Nexus, Page, Principal, Result, TenantId, hex};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};
use serde_json::json;

use crate::journey::{admin, keys};

fn editor(name: &str) -> Principal {
    Principal::user("acme", name).unwrap().roles(["editor"])
}

fn corpus() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn bank() -> DocumentId {
    DocumentId::parse("bank").unwrap()
}

/// Creates a library whose store can be frozen at a step.
async fn library() -> (Nexus, Troubles) {
    library_under(RolePolicy::default()).await
}

async fn library_under(policy: impl PolicyEngine + 'static) -> (Nexus, Troubles) {
    let (store, troubles) = FaultyStore::new(MemoryStore::default());
    let nexus = Nexus::builder().store(store).audit_keys(keys()).policy(policy).build().unwrap();
    nexus.create_corpus(&admin(), corpus(), "Handbook", json!({})).await.unwrap();
    (nexus, troubles)
}

async fn upload(nexus: &Nexus, caller: &Principal, text: &'static str) -> Result<()> {
    let mut document = NewDocument::new(corpus(), "bank.txt");
    (document.id, document.overwrite) = (Some(bank()), true);
    nexus.ingest(caller, document, Cursor::new(text)).await.map(drop)
}

/// Uploads the same text as a pre-chunked passage.
async fn upload_passage(nexus: &Nexus, caller: &Principal, text: &str) -> Result<()> {
    let mut document = NewDocument::new(corpus(), "bank.txt");
    (document.id, document.overwrite) = (Some(bank()), true);
    let passage = PrechunkedPassage { text: text.to_owned(), ..PrechunkedPassage::default() };
    nexus.ingest_passages(caller, document, None, &[passage]).await.map(drop)
}

async fn published(nexus: &Nexus, caller: &Principal, text: &'static str) {
    upload(nexus, caller, text).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
}

async fn grant(nexus: &Nexus, name: &str, permission: Permission) -> GrantId {
    let grantee = Grantee::User(name.to_owned());
    nexus.grant(&editor("alice"), &bank(), grantee, permission, None).await.unwrap().id
}

/// Returns whether the store has these raw bytes.
async fn is_kept(nexus: &Nexus, text: &str) -> bool {
    nexus.store_for_tests().open(admin().tenant(), &hex::sha256(text.as_bytes())).await.is_ok()
}

/// Returns the passages that Alice finds in her document.
async fn found(nexus: &Nexus) -> Vec<String> {
    let retrieved = nexus.search(&editor("alice"), Search::new(corpus(), "account")).await.unwrap();
    retrieved.hits.into_iter().map(|hit| hit.passage.text).collect()
}

/// Runs `step` and, after its rights were checked and before the store executes `frozen`, runs `between`.
async fn between<T>(
    troubles: &Troubles,
    (frozen, trouble): (&'static str, InjectedFault),
    step: impl Future<Output = Result<T>>,
    between: impl Future<Output = ()>,
) -> Result<T> {
    troubles.inject(frozen, trouble, 1);
    let before = troubles.struck();
    let meanwhile = async {
        while troubles.struck() == before {
            tokio::task::yield_now().await;
        }
        between.await;
        troubles.unfreeze();
    };
    tokio::join!(step, meanwhile).0
}

#[tokio::test]
async fn an_upload_that_ends_after_its_id_was_taken_is_refused() {
    let taken = ("put", InjectedFault::FreezesAfter);
    for passages in [false, true] {
        let (nexus, troubles) = library().await;
        let eve = editor("eve");
        let late = async {
            if passages {
                upload_passage(&nexus, &eve, "Pay to account EVE-666.").await
            } else {
                upload(&nexus, &eve, "Pay to account EVE-666.").await
            }
        };
        let alice = editor("alice");
        let alice = published(&nexus, &alice, "Pay to account ALICE-1.");
        let refused = Box::pin(between(&troubles, taken, late, alice)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "DOCUMENT_EXISTS"));
        nexus.run_pending_jobs().await.unwrap();
        assert_eq!(found(&nexus).await, ["Pay to account ALICE-1."]);
    }
}

#[tokio::test]
async fn an_upload_that_ends_after_its_right_was_revoked_is_refused() {
    let (nexus, troubles) = library().await;
    published(&nexus, &editor("alice"), "Pay to account ALICE-1.").await;
    let given = grant(&nexus, "bob", Permission::Write).await;
    let bob = editor("bob");
    let late = upload(&nexus, &bob, "Pay to account BOB-2.");
    let revoke = async {
        nexus.revoke(&editor("alice"), &bank(), &given).await.unwrap();
    };
    let refused =
        Box::pin(between(&troubles, ("put", InjectedFault::FreezesAfter), late, revoke)).await.unwrap_err();
    assert_eq!(refused.code(), "DOCUMENT_EXISTS", "he may not even read it any more");
    assert!(!is_kept(&nexus, "Pay to account BOB-2.").await);
    nexus.run_pending_jobs().await.unwrap();
    assert_eq!(found(&nexus).await, ["Pay to account ALICE-1."]);
}

/// Policy that forbids uploads once its flag is set.
#[derive(Clone, Debug, Default)]
struct Changing(Arc<AtomicBool>);

#[async_trait]
impl PolicyEngine for Changing {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        let decision = RolePolicy::default().decide(request).await?;
        if request.action == DOCUMENT_WRITE.action && self.0.load(Ordering::SeqCst) {
            return Ok(Decision { effect: Effect::Deny, ..decision });
        }
        Ok(decision)
    }

    fn version(&self, tenant: &TenantId) -> String {
        RolePolicy::default().version(tenant)
    }
}

#[tokio::test]
async fn an_upload_or_a_job_that_ends_after_the_policy_changed_is_refused() {
    let policy = Changing::default();
    let (nexus, troubles) = library_under(policy.clone()).await;
    let alice = editor("alice");
    let forbid = async { policy.0.store(true, Ordering::SeqCst) };
    let late = upload(&nexus, &alice, "Pay to account ALICE-2.");
    let refused =
        Box::pin(between(&troubles, ("put", InjectedFault::FreezesAfter), late, forbid)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert!(!is_kept(&nexus, "Pay to account ALICE-2.").await);
    policy.0.store(false, Ordering::SeqCst);
    upload(&nexus, &alice, "Pay to account ALICE-1.").await.unwrap();
    policy.0.store(true, Ordering::SeqCst);
    nexus.run_pending_jobs().await.unwrap();
    assert_eq!(found(&nexus).await, Vec::<String>::new());
    assert_eq!(nexus.document(&alice, &bank()).await.unwrap().failure.unwrap().code, "DENIED");
}

#[tokio::test]
async fn an_upload_to_a_corpus_that_was_made_anew_is_refused() {
    let (nexus, troubles) = library().await;
    let eve = editor("eve");
    let late = upload(&nexus, &eve, "Pay to account EVE-666.");
    let anew = async {
        nexus.delete_corpus(&admin(), &corpus()).await.unwrap();
        nexus.create_corpus(&admin(), corpus(), "Another", json!({})).await.unwrap();
    };
    let refused =
        Box::pin(between(&troubles, ("put", InjectedFault::FreezesAfter), late, anew)).await.unwrap_err();
    assert_eq!(refused.code(), "CORPUS_CHANGED");
}

#[tokio::test]
async fn a_job_whose_sender_lost_the_right_publishes_nothing_and_says_why() {
    let (nexus, troubles) = library().await;
    published(&nexus, &editor("alice"), "Pay to account ALICE-1.").await;
    for late in ["corpus", "publish"] {
        let given = grant(&nexus, "bob", Permission::Write).await;
        upload(&nexus, &editor("bob"), "Pay to account BOB-2.").await.unwrap();
        let job = nexus.document(&admin(), &bank()).await.unwrap().last_job_id;
        // Before the work begins, and after its end.
        let revoke = async {
            nexus.revoke(&editor("alice"), &bank(), &given).await.unwrap();
        };
        if late == "publish" {
            between(
                &troubles,
                (late, InjectedFault::FreezesBefore),
                nexus.run_pending_jobs().into_future(),
                revoke,
            )
            .await
            .unwrap();
        } else {
            revoke.await;
            nexus.run_pending_jobs().await.unwrap();
        }
        let state = nexus.job(&admin(), &job).await.unwrap().state;
        let JobState::Failed { failure } = state else { panic!("{late}: {state:?}") };
        assert_eq!(failure.code, "PERMISSION_REVOKED");
        assert_eq!(found(&nexus).await, ["Pay to account ALICE-1."], "{late}");
    }
}

#[tokio::test]
async fn a_right_that_is_revoked_between_check_and_commit_is_no_right() {
    let (nexus, troubles) = library().await;
    published(&nexus, &editor("alice"), "Pay to account ALICE-1.").await;
    let (alice, bob) = (editor("alice"), editor("bob"));
    for step in ["delete_document", "reindex", "grant", "revoke"] {
        let given = grant(&nexus, "bob", Permission::Owner).await;
        let carol = grant(&nexus, "carol", Permission::Read).await;
        let act = async {
            match step {
                "delete_document" => nexus.delete_document(&bob, &bank()).await,
                "reindex" => nexus.reindex(&bob, &bank(), None).await.map(drop),
                "grant" => {
                    let eve = Grantee::User("eve".to_owned());
                    nexus.grant(&bob, &bank(), eve, Permission::Owner, None).await.map(drop)
                }
                _ => nexus.revoke(&bob, &bank(), &carol).await.map(drop),
            }
        };
        // The store is frozen before its step, and Alice's own step is the next of its name.
        let revoke = async {
            nexus.revoke(&alice, &bank(), &given).await.unwrap();
        };
        let refused = Box::pin(between(&troubles, (step, InjectedFault::FreezesBefore), act, revoke))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "DOCUMENT_NOT_FOUND", "{step}");
        let grants = nexus.grants(&alice, &bank(), Page::default()).await.unwrap();
        let mut holders: Vec<String> = grants.iter().map(|grant| grant.grantee.to_string()).collect();
        holders.sort();
        assert_eq!(holders, ["user:alice", "user:carol"], "{step}");
        assert!(!nexus.document(&alice, &bank()).await.unwrap().status.is_in_flight());
    }
}
