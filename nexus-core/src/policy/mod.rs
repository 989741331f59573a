//! Policy: the [`PolicyEngine`] port, its [`PolicyRequest`] and [`Decision`], and the built-in [`RolePolicy`].
//!
//! - `operation`: actions, their default roles and their routes; `request`: what a policy is asked; `decision`: its
//!   result.

mod decision;
mod operation;
mod request;
mod role_policy;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::principal::TenantId;

pub use decision::{
    APPROVAL_REQUIRED, ApprovalRule, ConditionValue, Decision, Effect, Explanation, Obligation, Reason,
    RuleError, RuleErrorKind,
};
pub(crate) use operation::{ADMINS, EDITORS, READERS};
pub use operation::{Action, Method, Operation, Route};
pub use request::{Channel, PolicyRequest, RequestContext, Resource, ResourceId};
pub use role_policy::RolePolicy;

/// Port that decides on requests.
///
/// # Contract
/// - A request that no rule allows is denied.
/// - The same request gives the same decision, whatever requests came before.
/// - Each decision names the version of the policy that made it; another policy has another version.
#[async_trait]
pub trait PolicyEngine: Send + Sync + fmt::Debug {
    /// Decides on one request.
    ///
    /// # Errors
    /// Those of the engine. Callers treat them as a denial.
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision>;

    /// Returns the version of the policy in force in a tenant, as its decisions carry it.
    fn version(&self, tenant: &TenantId) -> String;
}
