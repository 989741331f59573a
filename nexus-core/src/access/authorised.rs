//! Proof of a decision: [`Authorised`].

use super::Visibility;
use crate::policy::Decision;
use crate::principal::{Principal, TenantId};

/// Request with the proof that a policy allowed it. Ports that read for a principal take this, so that skipping the
/// policy does not compile.
#[derive(Clone, Debug)]
pub struct Authorised<T> {
    principal: Principal,
    visibility: Visibility,
    policy_version: String,
    request: T,
}

impl<T> Authorised<T> {
    /// Binds `request` to `principal` if `decision` allows it; otherwise returns `None`.
    pub fn new(principal: &Principal, decision: &Decision, request: T) -> Option<Self> {
        decision.allows().then(|| Self {
            principal: principal.clone(),
            visibility: Visibility::of(principal),
            policy_version: decision.policy_version.clone(),
            request,
        })
    }

    /// Turns the request into another under the same decision.
    pub(crate) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Authorised<U> {
        let Self { principal, visibility, policy_version, request } = self;
        Authorised { principal, visibility, policy_version, request: turn(request) }
    }

    /// Returns the principal.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns the tenant to stay within.
    pub fn tenant(&self) -> &TenantId {
        self.principal.tenant()
    }

    /// Returns the documents that the principal may see.
    pub fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// Returns the version of the policy that allowed the request.
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }

    /// Returns the allowed request.
    pub fn request(&self) -> &T {
        &self.request
    }
}
