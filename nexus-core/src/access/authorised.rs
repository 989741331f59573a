//! Proof of a decision: [`Authorised`].

use std::sync::Arc;

use super::Visibility;
use crate::error::Result;
use crate::policy::Decision;
#[cfg(any(test, feature = "testing"))]
use crate::policy::{Effect, Reason};
use crate::principal::{Principal, TenantId};

/// Request with the proof that a policy allowed it, and the whole decision. Ports that read for a principal take this,
/// so that skipping the policy does not compile: only the engine makes one, after it asked the policy.
#[derive(Clone, Debug)]
pub struct Authorised<T> {
    principal: Principal,
    visibility: Visibility,
    decision: Arc<Decision>,
    request: T,
}

impl<T> Authorised<T> {
    /// Binds `request` to `principal`.
    ///
    /// # Errors
    /// Those of [`Decision::into_error`] unless `decision` allows it.
    pub(crate) fn new(principal: &Principal, decision: Decision, request: T) -> Result<Self> {
        if !decision.allows() {
            return Err(decision.into_error());
        }
        let visibility = Visibility::of(principal);
        Ok(Self { principal: principal.clone(), visibility, decision: Arc::new(decision), request })
    }

    /// Binds `request` to `principal` without a policy, for tests of stores.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(principal: &Principal, request: T) -> Self {
        let decision = Decision::new(Effect::Allow, Reason::PolicyAllow, "the test allows it", "v1");
        let visibility = Visibility::of(principal);
        Self { principal: principal.clone(), visibility, decision: Arc::new(decision), request }
    }

    /// Turns the request into another under the same decision.
    pub(crate) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Authorised<U> {
        let Self { principal, visibility, decision, request } = self;
        Authorised { principal, visibility, decision, request: turn(request) }
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

    /// Returns the decision that allowed the request.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns the allowed request.
    pub fn request(&self) -> &T {
        &self.request
    }
}
