//! Built-in policy of three roles: [`RolePolicy`].

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Action, Decision, Effect, PolicyEngine, PolicyRequest};
use crate::error::Result;
use crate::hex;

/// Roles that may take each action. `viewer` is an alias of `reader`; `admin` may take every action.
const RULES: [(Action, &[&str]); 22] = [
    (Action::RunCreate, &["reader", "viewer", "editor", "admin"]),
    (Action::RunRead, &["reader", "viewer", "editor", "admin"]),
    (Action::RunCancel, &["reader", "viewer", "editor", "admin"]),
    (Action::CorpusSearch, &["reader", "viewer", "editor", "admin"]),
    (Action::CorpusRead, &["reader", "viewer", "editor", "admin"]),
    (Action::DocumentRead, &["reader", "viewer", "editor", "admin"]),
    (Action::AuditRead, &["reader", "viewer", "editor", "admin"]),
    (Action::StatusRead, &["reader", "viewer", "editor", "admin"]),
    (Action::ModelCall, &["editor", "admin"]),
    (Action::CorpusWrite, &["editor", "admin"]),
    (Action::DocumentWrite, &["editor", "admin"]),
    (Action::DocumentDelete, &["editor", "admin"]),
    (Action::DocumentReindex, &["editor", "admin"]),
    (Action::DocumentGrant, &["editor", "admin"]),
    (Action::UsageRead, &["editor", "admin"]),
    (Action::CorpusDelete, &["admin"]),
    (Action::TenantExport, &["admin"]),
    (Action::BudgetWrite, &["admin"]),
    (Action::PricingWrite, &["admin"]),
    (Action::LedgerWrite, &["admin"]),
    (Action::ShutoffWrite, &["admin"]),
    (Action::RetentionApply, &["admin"]),
];

/// Policy by role alone: readers (also called viewers) ask, editors also write, admins also remove and export.
///
/// Grants decide on which documents a role applies: see [`access`](crate::access).
#[derive(Clone, Debug)]
pub struct RolePolicy {
    version: String,
}

impl Default for RolePolicy {
    fn default() -> Self {
        let mut hash = Sha256::new();
        hash.update(b"nexus/policy/role-gate/v1\0");
        for (action, roles) in RULES {
            hash.update(format!("{action}:{}\n", roles.join(",")));
        }
        Self { version: format!("role-gate-{}", hex::encode(&hash.finalize()).get(..16).unwrap_or_default()) }
    }
}

#[async_trait]
impl PolicyEngine for RolePolicy {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        let allowed =
            RULES.iter().find(|(action, _)| *action == request.action).map_or(&[][..], |(_, roles)| roles);
        let role = allowed.iter().find(|role| request.principal.has_role(role));
        Ok(match role {
            Some(role) => Decision {
                effect: Effect::Allow,
                rules: vec![format!("role:{role}")],
                reason: format!("the role `{role}` allows `{}`", request.action),
                policy_version: self.version.clone(),
            },
            None => Decision {
                effect: Effect::Deny,
                rules: Vec::new(),
                reason: format!("`{}` needs one of the roles {}", request.action, allowed.join(", ")),
                policy_version: self.version.clone(),
            },
        })
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::Resource;
    use crate::principal::Principal;

    fn decide(role: Option<&str>, action: Action) -> Decision {
        let caller = Principal::user("acme", "u-1").unwrap().roles(role);
        let request = PolicyRequest {
            principal: &caller,
            action,
            resource: Resource::default(),
            now: Timestamp::from_micros(0),
        };
        futures::executor::block_on(RolePolicy::default().decide(&request)).unwrap()
    }

    #[test]
    fn no_role_is_denied_everything() {
        for (action, _) in RULES {
            assert!(!decide(None, action).allows(), "{action}");
            assert!(!decide(Some("janitor"), action).allows(), "{action}");
            assert!(decide(Some("admin"), action).allows(), "{action}");
        }
    }

    #[test]
    fn viewer_is_another_name_of_reader() {
        for (action, _) in RULES {
            let effect = |role| decide(Some(role), action).effect;
            assert_eq!(effect("viewer"), effect("reader"), "{action}");
        }
        assert!(!decide(Some("reader"), Action::DocumentWrite).allows());
    }

    #[test]
    fn readers_spend_nothing_by_themselves_and_only_admins_change_what_may_be_spent() {
        for action in [Action::ModelCall, Action::UsageRead] {
            assert!(!decide(Some("reader"), action).allows() && decide(Some("editor"), action).allows());
        }
        for action in [Action::BudgetWrite, Action::PricingWrite, Action::LedgerWrite, Action::ShutoffWrite] {
            assert!(!decide(Some("editor"), action).allows() && decide(Some("admin"), action).allows());
        }
    }
}
