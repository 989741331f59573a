//! Built-in policy of three roles: [`RolePolicy`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Action, Decision, Effect, Operation, PolicyEngine, PolicyRequest, Reason};
use crate::error::Result;
use crate::hex;
use crate::principal::TenantId;

/// Policy by role alone: readers (also called viewers) ask, editors also write, admins also remove and export.
///
/// The roles of an action are those of its [`Operation`]; an action of no operation is denied. Grants decide on which
/// documents a role applies: see [`access`](crate::access).
#[derive(Clone, Debug)]
pub struct RolePolicy {
    roles: BTreeMap<Action, &'static [&'static str]>,
    version: String,
}

impl RolePolicy {
    /// Creates the policy of the default roles of `operations`. The version is a hash of them, in their order.
    pub fn new(operations: &[Operation]) -> Self {
        let (mut roles, mut hash) = (BTreeMap::new(), Sha256::new());
        hash.update(b"nexus/policy/role-gate/v1\0");
        for operation in operations {
            if roles.insert(operation.action, operation.roles).is_none() {
                hash.update(format!("{}:{}\n", operation.action, operation.roles.join(",")));
            }
        }
        let digest = hex::encode(&hash.finalize());
        Self { roles, version: format!("role-gate-{}", digest.get(..16).unwrap_or_default()) }
    }
}

#[async_trait]
impl PolicyEngine for RolePolicy {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        let decision =
            |effect, reason, message| Decision::new(effect, reason, message, self.version.as_str());
        let Some(allowed) = self.roles.get(&request.action) else {
            let message = format!("`{}` is no action of Nexus", request.action);
            return Ok(decision(Effect::Deny, Reason::DefaultDeny, message));
        };
        let Some(role) = allowed.iter().find(|role| request.principal.has_role(role)) else {
            let message = format!("`{}` needs one of the roles {}", request.action, allowed.join(", "));
            return Ok(decision(Effect::Deny, Reason::RoleDenied, message));
        };
        let message = format!("the role `{role}` allows `{}`", request.action);
        let decision = decision(Effect::Allow, Reason::PolicyAllow, message);
        Ok(decision.with_rules(vec![format!("role:{role}")]))
    }

    fn version(&self, _: &TenantId) -> String {
        self.version.clone()
    }
}
