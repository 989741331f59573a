//! Proof of a decision: [`Authorised`].

use super::Visibility;
use crate::policy::Decision;
use crate::principal::{Principal, TenantId};

/// A request together with the proof that a policy allowed it. Ports that read for a principal take this, so
/// that skipping the policy does not compile.
#[derive(Clone, Debug)]
pub struct Authorised<T> {
    principal: Principal,
    visibility: Visibility,
    policy_version: String,
    request: T,
}

impl<T> Authorised<T> {
    /// Binds `request` to `principal` if `decision` allows; otherwise nothing.
    pub fn new(principal: &Principal, decision: &Decision, request: T) -> Option<Self> {
        decision.allows().then(|| Self {
            principal: principal.clone(),
            visibility: Visibility::of(principal),
            policy_version: decision.policy_version.clone(),
            request,
        })
    }

    /// The same permission for what the request turned into.
    pub(crate) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Authorised<U> {
        let Self { principal, visibility, policy_version, request } = self;
        Authorised { principal, visibility, policy_version, request: turn(request) }
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The tenant to stay within.
    pub fn tenant(&self) -> &TenantId {
        self.principal.tenant()
    }

    /// Which documents may be seen.
    pub fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// The version of the policy that allowed it.
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }

    /// What was allowed.
    pub fn request(&self) -> &T {
        &self.request
    }
}
