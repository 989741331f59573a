//! Registry of operations: every [`Operation`] of the facade, with its action, its default roles and its route.
//!
//! Each constant stands beside the method that performs the operation; [`ALL`] lists them. The default
//! [`RolePolicy`] and the documentation are read from the list.

use crate::admin::Registry;
use crate::policy::{Operation, RolePolicy};

pub use crate::ask::RUN_CREATE;
pub use crate::ingest::{DOCUMENT_REINDEX, DOCUMENT_WRITE};
pub use crate::nexus::STATUS_READ;
pub use crate::nexus::chains::{CHAIN_LIST, CHAIN_VERIFY};
pub use crate::nexus::corpora::{CORPUS_CREATE, CORPUS_DELETE, CORPUS_LIST, CORPUS_READ, CORPUS_UPDATE};
pub use crate::nexus::documents::{
    DOCUMENT_DELETE, DOCUMENT_LIST, DOCUMENT_READ, GRANT_CREATE, GRANT_LIST, GRANT_REVOKE, JOB_READ,
    PASSAGE_LIST,
};
pub use crate::nexus::kill_switch::{KILL_SWITCH_LIST, KILL_SWITCH_WRITE};
pub use crate::nexus::ledger::{CALL_LIST, CALL_REASONING, LEDGER_LIST};
pub use crate::nexus::limits::{BUDGET_WRITE, LIMIT_LIST, LIMIT_REMOVE};
pub use crate::nexus::models::{MODEL_CALL, PROVIDER_CHECK, SPEECH_CREATE};
pub use crate::nexus::prices::{PRICE_LIST, PRICING_WRITE};
pub use crate::nexus::reconcile::LEDGER_WRITE;
pub use crate::nexus::retention::{RETENTION_APPLY, RETENTION_PREVIEW};
pub use crate::nexus::runs::{
    MESSAGE_LIST, RUN_AUDIO, RUN_CANCEL, RUN_EVENTS, RUN_LIST, RUN_PRUNE, RUN_READ, SESSION_LIST,
};
pub use crate::nexus::transfer::{STORE_BACKUP, TENANT_BACKUP, TENANT_EXPORT, TENANT_IMPORT};
pub use crate::nexus::usage::{USAGE_READ, USAGE_RECORDS};
pub use crate::search::CORPUS_SEARCH;

/// All operations but those of administrative resources. The order of the actions is a part of the default policy's version.
pub const ALL: &[Operation] = &[
    RUN_CREATE,
    RUN_READ,
    RUN_LIST,
    RUN_EVENTS,
    RUN_AUDIO,
    SESSION_LIST,
    MESSAGE_LIST,
    RUN_CANCEL,
    RUN_PRUNE,
    CORPUS_SEARCH,
    CORPUS_READ,
    CORPUS_LIST,
    DOCUMENT_READ,
    DOCUMENT_LIST,
    JOB_READ,
    GRANT_LIST,
    CHAIN_VERIFY,
    CHAIN_LIST,
    STATUS_READ,
    MODEL_CALL,
    SPEECH_CREATE,
    CORPUS_CREATE,
    CORPUS_UPDATE,
    DOCUMENT_WRITE,
    DOCUMENT_DELETE,
    DOCUMENT_REINDEX,
    GRANT_CREATE,
    GRANT_REVOKE,
    USAGE_READ,
    USAGE_RECORDS,
    CALL_LIST,
    LEDGER_LIST,
    CALL_REASONING,
    PRICE_LIST,
    LIMIT_LIST,
    KILL_SWITCH_LIST,
    CORPUS_DELETE,
    TENANT_EXPORT,
    BUDGET_WRITE,
    LIMIT_REMOVE,
    PRICING_WRITE,
    LEDGER_WRITE,
    KILL_SWITCH_WRITE,
    RETENTION_APPLY,
    RETENTION_PREVIEW,
    TENANT_IMPORT,
    TENANT_BACKUP,
    STORE_BACKUP,
    PASSAGE_LIST,
    PROVIDER_CHECK,
];

/// Returns all operations: [`ALL`], then those of administrative resources, which their kinds make.
pub fn all(resources: &Registry) -> Vec<Operation> {
    ALL.iter().copied().chain(resources.operations()).collect()
}

impl Default for RolePolicy {
    /// Returns the policy of the default roles of [`all`] operations.
    fn default() -> Self {
        Self::new(&all(&Registry::default()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::{
        Action, Channel, Decision, PolicyEngine as _, PolicyRequest, RequestContext, Resource, Route,
    };
    use crate::principal::Principal;

    fn decide(role: Option<&str>, operation: &Operation) -> Decision {
        let caller = Principal::user("acme", "u-1").unwrap().roles(role);
        let request = PolicyRequest {
            principal: &caller,
            action: operation.action,
            resource: Resource::all(operation.action.kind()),
            context: RequestContext::new(Channel::Library, operation.route),
            now: Timestamp::from_micros(0),
        };
        futures::executor::block_on(RolePolicy::default().decide(&request)).unwrap()
    }

    #[test]
    fn no_role_is_denied_everything() {
        for operation in &all(&Registry::default()) {
            assert!(!decide(None, operation).allows(), "{operation:?}");
            assert!(!decide(Some("janitor"), operation).allows(), "{operation:?}");
            assert!(decide(Some("admin"), operation).allows(), "{operation:?}");
        }
    }

    #[test]
    fn viewer_is_another_name_of_reader() {
        for operation in &all(&Registry::default()) {
            let effect = |role| decide(Some(role), operation).effect;
            assert_eq!(effect("viewer"), effect("reader"), "{operation:?}");
        }
        assert!(!decide(Some("reader"), &DOCUMENT_WRITE).allows());
    }

    #[test]
    fn readers_spend_nothing_by_themselves_and_only_admins_change_what_may_be_spent() {
        for operation in [&MODEL_CALL, &USAGE_READ] {
            assert!(
                !decide(Some("reader"), operation).allows() && decide(Some("editor"), operation).allows()
            );
        }
        for operation in [&BUDGET_WRITE, &PRICING_WRITE, &LEDGER_WRITE, &KILL_SWITCH_WRITE] {
            assert!(!decide(Some("editor"), operation).allows() && decide(Some("admin"), operation).allows());
        }
    }

    #[test]
    fn an_action_of_no_operation_is_denied() {
        let unknown = Operation::new("door.open", &["admin"], Route::post("/v1/door"));
        let decision = decide(Some("admin"), &unknown);
        assert_eq!(decision.code(), Some("POLICY_DENIED"));
    }

    /// Records and caches carry this version, so that it changes only with an action or a role: last when the
    /// action of kill switches was renamed.
    #[test]
    fn the_default_policy_has_the_version_of_its_rules() {
        let caller = Principal::user("acme", "u-1").unwrap();
        assert_eq!(RolePolicy::default().version(caller.tenant()), "role-gate-84f6aaf805ef73a7");
    }

    #[test]
    fn operations_of_one_action_need_the_same_roles_and_no_two_have_one_route() {
        let mut roles: BTreeMap<Action, &[&str]> = BTreeMap::new();
        let mut routes = BTreeSet::new();
        for operation in &all(&Registry::default()) {
            let known = roles.entry(operation.action).or_insert(operation.roles);
            assert_eq!(*known, operation.roles, "{}", operation.action);
            assert!(routes.insert(operation.route), "{} is the route of two operations", operation.route);
            assert!(operation.route.path.starts_with("/v1/"), "{}", operation.route);
        }
    }
}
