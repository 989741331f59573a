//! Conformance suite of policy engines: one scenario for each line of the `# Contract` of [`PolicyEngine`].

use std::sync::Arc;

use libtest_mimic::Trial;
use nexus_core::policy::{
    Action, Channel, Decision, Effect, PolicyEngine, PolicyRequest, RequestContext, Resource, Route,
};
use nexus_core::{Principal, operations};

use crate::store::fixture::{admin, at, reader};
use crate::suite::{Scenario, scenarios, trials};

const SCENARIOS: &[Scenario<Subject>] = scenarios!(
    a_request_that_no_rule_allows_is_denied,
    the_same_request_gives_the_same_decision_whatever_requests_came_before,
    each_decision_names_the_version_of_the_policy_that_made_it,
);

/// Two engines of one implementation, with different policies. The first allows an admin every operation.
#[derive(Debug)]
struct Subject {
    engine: Arc<dyn PolicyEngine>,
    other: Arc<dyn PolicyEngine>,
}

/// Returns the suite against an engine that allows an admin every operation, and another of a different policy.
pub fn suite(name: &str, engine: Arc<dyn PolicyEngine>, other: Arc<dyn PolicyEngine>) -> Vec<Trial> {
    trials(name, "policy_engine", Arc::new(Subject { engine, other }), SCENARIOS)
}

fn decide(engine: &dyn PolicyEngine, principal: &Principal, action: Action, route: Route) -> Decision {
    let request = PolicyRequest {
        principal,
        action,
        resource: Resource::all(action.kind()),
        context: RequestContext::new(Channel::Library, route),
        now: at(0),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(engine.decide(&request)).unwrap()
}

/// Returns the decision on each operation for each principal.
fn decisions(engine: &dyn PolicyEngine, principals: &[Principal]) -> Vec<Decision> {
    let of = |principal| {
        let operations = operations::ALL.iter();
        operations.map(move |operation| decide(engine, principal, operation.action, operation.route))
    };
    principals.iter().flat_map(of).collect()
}

fn a_request_that_no_rule_allows_is_denied(subject: &Subject) {
    let stranger = Principal::user("acme", "stranger").unwrap();
    let refused = decisions(subject.engine.as_ref(), &[stranger]);
    assert!(refused.iter().all(|decision| decision.effect == Effect::Deny), "{refused:?}");
    let route = Route::get("/v1/unknown");
    let unknown = decide(subject.engine.as_ref(), &admin("acme"), Action::new("unknown.read"), route);
    assert_eq!(unknown.effect, Effect::Deny);
    let allowed = decisions(subject.engine.as_ref(), &[admin("acme")]);
    assert!(allowed.iter().all(|decision| decision.effect == Effect::Allow), "{allowed:?}");
}

fn the_same_request_gives_the_same_decision_whatever_requests_came_before(subject: &Subject) {
    let mut principals = [admin("acme"), reader("acme", "ann"), admin("globex")];
    let first = decisions(subject.engine.as_ref(), &principals);
    principals.reverse();
    let mut again: Vec<_> = decisions(subject.engine.as_ref(), &principals);
    let (theirs, others) = again.split_at_mut(operations::ALL.len());
    let (ann, root) = others.split_at_mut(operations::ALL.len());
    assert_eq!([root, ann, theirs].concat(), first);
}

fn each_decision_names_the_version_of_the_policy_that_made_it(subject: &Subject) {
    let caller = admin("acme");
    let versions = [&subject.engine, &subject.other].map(|engine| {
        let version = engine.version(caller.tenant());
        let decisions = decisions(engine.as_ref(), &[caller.clone(), reader("acme", "ann")]);
        assert!(decisions.iter().all(|decision| decision.policy_version == version), "{decisions:?}");
        version
    });
    let [one, another] = versions;
    assert_ne!(one, another);
}
