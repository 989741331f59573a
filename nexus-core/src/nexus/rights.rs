//! Rights that no policy grants: those of an admin on data of others, and of the operator on all tenants.
//!
//! A refusal leaves a record as a denial of the policy does, with the rule of Nexus in the place of the policy's.

use super::Nexus;
use super::kill_switch::KILL_SWITCH_WRITE;
use crate::access::Visibility;
use crate::engine::{ADMIN_RULE, OPERATOR_RULE, TENANT_RULE};
use crate::error::{Error, Result};
use crate::id::check_name;
use crate::ledger::KillSwitchScope;
use crate::policy::{Operation, Resource};
use crate::principal::{Authentication, Principal};

/// Returns whether the caller is the operator of Nexus: the system's own user, or Nexus itself.
pub(super) fn is_operator(caller: &Principal) -> bool {
    match caller.authentication() {
        Authentication::Local | Authentication::System { .. } => true,
        Authentication::ApiKey { .. } | Authentication::Sso { .. } => false,
    }
}

impl Nexus {
    /// Checks that the caller is an admin, who may see the usage of others.
    pub(super) async fn all_of_the_tenant(&self, caller: &Principal, operation: &Operation) -> Result<()> {
        if Visibility::of(caller) == Visibility::All {
            return Ok(());
        }
        let message = "the usage of other users is visible to admins only";
        Err(self
            .refuse(caller, operation, ADMIN_RULE, message)
            .await
            .with_hint("request your own usage, by user"))
    }

    /// Checks that the caller is the operator of Nexus, and not an admin of a tenant over a network.
    pub(super) async fn operator(&self, caller: &Principal, operation: &Operation) -> Result<()> {
        if is_operator(caller) {
            return Ok(());
        }
        let message = "this concerns every tenant, and only the operator of Nexus may do it";
        Err(self.refuse(caller, operation, OPERATOR_RULE, message).await)
    }

    /// Checks that the caller may switch a scope.
    pub(super) async fn check_scope(&self, caller: &Principal, scope: &KillSwitchScope) -> Result<()> {
        match scope {
            KillSwitchScope::Global => self.operator(caller, &KILL_SWITCH_WRITE).await,
            KillSwitchScope::Tenant(id) if id == caller.tenant().as_str() => Ok(()),
            KillSwitchScope::Tenant(_) => {
                let message = "only a tenant's own admins may switch its kill switch";
                Err(self.refuse(caller, &KILL_SWITCH_WRITE, TENANT_RULE, message).await)
            }
            KillSwitchScope::User(id) => check_name("user", id),
        }
    }

    /// Returns the error of an operation on the whole tenant that `rule` of Nexus itself denies.
    async fn refuse(
        &self,
        caller: &Principal,
        operation: &Operation,
        rule: &'static str,
        message: &str,
    ) -> Error {
        self.engine.refuse(caller, operation, &Resource::all(operation.action.kind()), rule, message).await
    }
}
