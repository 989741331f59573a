//! Decisions of the policy: one for each question, and the effects that are neither permission nor plain denial.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use nexus_core::ask::FinishedRun;
use nexus_core::operations::{CORPUS_CREATE, CORPUS_SEARCH, JOB_READ, RUN_CREATE};
use nexus_core::policy::{
    Action, Channel, Decision, Effect, Obligation, PolicyEngine, PolicyRequest, Reason, RequestContext,
    Resource, RolePolicy,
};
use nexus_core::run::Outcome;
use nexus_core::{
    CorpusId, DocumentId, ErrorKind, Nexus, Page, RequestId, Result, Search, Settings, TenantId,
};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};
use serde_json::json;

use crate::journey::{admin, ingest, keys};

/// Role policy that records its requests, and changes its decisions on one action.
#[derive(Clone, Debug, Default)]
struct Scripted {
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Option<Script>>>,
}

type Asked = (Action, Resource, RequestContext);

type Script = (Action, Effect, Vec<Obligation>);

impl Scripted {
    fn asked(&self, action: Action) -> Vec<(Resource, RequestContext)> {
        let asked = self.asked.lock().unwrap();
        let of_action = asked.iter().filter(|(asked, ..)| *asked == action);
        of_action.map(|(_, resource, context)| (resource.clone(), context.clone())).collect()
    }

    fn decides(&self, action: Action, effect: Effect, obligations: &[&str]) {
        let obligations = obligations
            .iter()
            .map(|kind| Obligation { kind: (*kind).to_owned(), arguments: BTreeMap::new() })
            .collect();
        *self.script.lock().unwrap() = Some((action, effect, obligations));
    }
}

#[async_trait]
impl PolicyEngine for Scripted {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        let asked = (request.action, request.resource.clone(), request.context.clone());
        self.asked.lock().unwrap().push(asked);
        let decision = RolePolicy::default().decide(request).await?;
        Ok(match self.script.lock().unwrap().clone() {
            Some((action, effect, obligations)) if action == request.action => {
                Decision { effect, obligations, ..decision }
            }
            _ => decision,
        })
    }

    fn version(&self, tenant: &TenantId) -> String {
        RolePolicy::default().version(tenant)
    }
}

async fn library() -> (Nexus, Scripted, Troubles) {
    let policy = Scripted::default();
    let (store, troubles) = FaultyStore::new(MemoryStore::default());
    let settings = Settings { channel: Channel::Http, ..Settings::default() };
    let builder = Nexus::builder().store(store).audit_keys(keys()).settings(settings).policy(policy.clone());
    let nexus = builder.build().unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    (nexus, policy, troubles)
}

async fn ask(nexus: &Nexus) -> FinishedRun {
    let question =
        nexus.ask(&admin(), "How many days of paid leave does an employee have?").corpus("handbook");
    let run = question.request_id(RequestId::parse("r-1").unwrap()).start().await.unwrap();
    run.finish().await.unwrap()
}

#[tokio::test]
async fn a_question_is_decided_once_in_its_context() {
    let (nexus, policy, _) = library().await;
    assert_eq!(ask(&nexus).await.outcome, Outcome::Answered);
    let [(resource, context)] = &policy.asked(RUN_CREATE.action)[..] else { panic!("{policy:?}") };
    assert_eq!(*resource, Resource::corpus(&CorpusId::parse("handbook").unwrap()));
    let expected = RequestContext {
        request_id: Some(RequestId::parse("r-1").unwrap()),
        model: Some(nexus.status(&admin()).await.unwrap().llm_model),
        ..RequestContext::new(Channel::Http, RUN_CREATE.route)
    };
    assert_eq!(*context, expected);
}

#[tokio::test]
async fn a_resumed_run_is_decided_again() {
    let (nexus, policy, troubles) = library().await;
    troubles.inject("retrieve", InjectedFault::Panics, 1);
    assert_eq!(ask(&nexus).await.outcome, Outcome::Answered);
    assert_eq!(policy.asked(RUN_CREATE.action).len(), 2);
}

#[tokio::test]
async fn a_wait_for_a_job_is_decided_once() {
    let (nexus, policy, _) = library().await;
    let before = policy.asked(JOB_READ.action).len();
    let document = DocumentId::parse("leave.txt").unwrap();
    let job = nexus.reindex(&admin(), &document, None).await.unwrap().job_id;
    nexus.wait_for_job(&admin(), &job).await.unwrap();
    assert_eq!(policy.asked(JOB_READ.action).len(), before + 1);
}

#[tokio::test]
async fn a_required_approval_ends_a_run_and_is_an_error_of_its_own_elsewhere() {
    let (nexus, policy, _) = library().await;
    policy.decides(RUN_CREATE.action, Effect::RequireApproval, &[]);
    let outcome = ask(&nexus).await.outcome;
    assert!(matches!(outcome, Outcome::NeedsApproval { .. }), "{outcome:?}");
    policy.decides(CORPUS_CREATE.action, Effect::RequireApproval, &[]);
    let corpus = CorpusId::parse("other").unwrap();
    let error = nexus.create_corpus(&admin(), corpus, "Other", json!({})).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "APPROVAL_REQUIRED"));
    assert_eq!(nexus.corpora(&admin(), Page::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_obligation_that_no_component_discharges_denies_runs_and_other_operations() {
    let (nexus, policy, _) = library().await;
    policy.decides(RUN_CREATE.action, Effect::Allow, &["must_emit_artifact"]);
    let outcome = ask(&nexus).await.outcome;
    let Outcome::Refused { decision } = outcome else { panic!("{outcome:?}") };
    assert_eq!((decision.reason, decision.code()), (Reason::ObligationUnknown, Some("OBLIGATION_UNKNOWN")));
    policy.decides(CORPUS_SEARCH.action, Effect::Allow, &["redact_fields"]);
    let search = Search::new(CorpusId::parse("handbook").unwrap(), "leave");
    let error = nexus.search(&admin(), search).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, "OBLIGATION_UNKNOWN"));
}
