//! Limits on consumption: a [`Limit`] for a scope, a model, a meter and a window, and the [`Limits`] in force.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Meter, Window};
use crate::error::{Error, Result};
use crate::money::NanoUsd;

/// Kind of consumer that a limit counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole tenant.
    Tenant,
    /// An organisation within the tenant.
    Organisation,
    /// A user.
    User,
    /// An investigation: an id that the caller gives, by default the session.
    Investigation,
    /// A run.
    Run,
}

impl ScopeKind {
    /// Every scope, from the widest to the narrowest.
    pub const ALL: [Self; 5] = [Self::Tenant, Self::Organisation, Self::User, Self::Investigation, Self::Run];

    /// Returns the scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Organisation => "organisation",
            Self::User => "user",
            Self::Investigation => "investigation",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Upper bound of a limit. Written as a number: -1 is unlimited, 0 admits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum Cap {
    /// At most this amount.
    Limited(u64),
    /// No bound.
    Unlimited,
}

impl Cap {
    /// Returns a cap on money.
    pub fn money(amount: NanoUsd) -> Self {
        Self::Limited(u64::try_from(amount.as_nanos()).unwrap_or(0))
    }
}

impl TryFrom<i64> for Cap {
    type Error = Error;

    fn try_from(cap: i64) -> Result<Self> {
        match u64::try_from(cap) {
            Ok(cap) => Ok(Self::Limited(cap)),
            Err(_) if cap == -1 => Ok(Self::Unlimited),
            Err(_) => Err(Error::invalid("a cap is a whole number from 0, or -1 for unlimited")
                .with_code("INVALID_LIMIT")
                .with("cap", cap)),
        }
    }
}

impl From<Cap> for i64 {
    fn from(cap: Cap) -> Self {
        match cap {
            Cap::Limited(cap) => Self::try_from(cap).unwrap_or(Self::MAX),
            Cap::Unlimited => -1,
        }
    }
}

/// Enforcement mode of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitMode {
    /// A call that exceeds the limit is refused.
    #[default]
    Enforce,
    /// A call that exceeds the limit is allowed, and its record names the limit.
    Shadow,
}

impl LimitMode {
    /// Returns the mode's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// Key of a limit. Of two limits with equal keys, the later one applies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LimitKey {
    /// The kind of consumer.
    pub scope: ScopeKind,
    /// The tenant, organisation, user, investigation or run; `None` is each of them by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model; `None` is all models together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The meter.
    pub meter: Meter,
    /// The time window.
    pub window: Window,
}

/// Limit on consumption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The key.
    #[serde(flatten)]
    pub subject: LimitKey,
    /// The cap.
    pub cap: Cap,
    /// The enforcement mode.
    #[serde(default)]
    pub mode: LimitMode,
}

impl Limit {
    /// Returns an enforced limit, for each consumer of the scope and all models together.
    pub fn new(scope: ScopeKind, meter: Meter, window: Window, cap: Cap) -> Self {
        let subject = LimitKey { scope, id: None, model: None, meter, window };
        Self { subject, cap, mode: LimitMode::Enforce }
    }

    /// Returns the limit for one `model`.
    #[must_use]
    pub fn for_model(mut self, model: impl Into<String>) -> Self {
        self.subject.model = Some(model.into());
        self
    }

    /// Returns the limit for one tenant, organisation, user, investigation or run.
    #[must_use]
    pub fn for_id(mut self, id: impl Into<String>) -> Self {
        self.subject.id = Some(id.into());
        self
    }
}

/// Limits in force, one for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits(BTreeMap<LimitKey, (Cap, LimitMode)>);

impl Default for Limits {
    /// Returns 25 USD a month for a user and 0.30 USD for an investigation.
    fn default() -> Self {
        let mut limits = Self::none();
        let dollars = |cents: i64| Cap::money(NanoUsd::from_nanos(cents * 10_000_000));
        limits.put(Limit::new(ScopeKind::User, Meter::Money, Window::Month, dollars(2_500)));
        limits.put(Limit::new(ScopeKind::Investigation, Meter::Money, Window::Total, dollars(30)));
        limits
    }
}

impl Limits {
    /// Returns an empty set of limits.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a limit, and replaces one with the same key.
    pub fn put(&mut self, limit: Limit) {
        self.0.insert(limit.subject, (limit.cap, limit.mode));
    }

    /// Adds `others`, which replace limits with the same keys.
    #[must_use]
    pub fn with(mut self, others: impl IntoIterator<Item = Limit>) -> Self {
        others.into_iter().for_each(|limit| self.put(limit));
        self
    }

    /// Removes the limits of `scope`.
    #[must_use]
    pub fn without(mut self, scope: ScopeKind) -> Self {
        self.0.retain(|subject, _| subject.scope != scope);
        self
    }

    /// Adds `limit`, unless there is a tighter one with the same key.
    #[must_use]
    pub fn tightened(mut self, limit: Limit) -> Self {
        if self
            .0
            .get(&limit.subject)
            .is_none_or(|(cap, mode)| limit.cap < *cap || *mode != LimitMode::Enforce)
        {
            self.put(limit);
        }
        self
    }

    /// Returns whether a general limit is replaced for the consumer `id`: by an enforced limit that names the consumer
    /// and has the same scope, model, meter and window, higher or lower. Limits on runs add up, because a question's
    /// own caps are limits on its run.
    pub fn is_replaced_for(&self, general: &LimitKey, id: &str) -> bool {
        if general.id.is_some() || general.scope == ScopeKind::Run {
            return false;
        }
        let own = LimitKey { id: Some(id.to_owned()), ..general.clone() };
        self.0.get(&own).is_some_and(|(_, mode)| *mode == LimitMode::Enforce)
    }

    /// Iterates over the limits, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = Limit> + '_ {
        self.0.iter().map(|(subject, (cap, mode))| Limit { subject: subject.clone(), cap: *cap, mode: *mode })
    }
}
