//! What may be consumed: a [`Limit`] for a scope, a model, a meter and a window, and the [`Limits`] in force.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Meter, Window};
use crate::error::{Error, Result};
use crate::money::NanoUsd;

/// Whose consumption is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole tenant's.
    Tenant,
    /// An organisation's within the tenant.
    Organisation,
    /// A user's.
    User,
    /// That of one investigation: an id the caller gives, the session unless told.
    Investigation,
    /// That of one run.
    Run,
}

impl ScopeKind {
    /// The scope's name.
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

/// How much there may be. Written as a number: -1 is unlimited, 0 is nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum Cap {
    /// At most so much.
    Limited(u64),
    /// As much as anybody likes.
    Unlimited,
}

impl Cap {
    /// A cap on money.
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
                .code("INVALID_LIMIT")
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

/// What happens at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitMode {
    /// The call is refused.
    #[default]
    Enforce,
    /// The call is allowed, and the record says that it would have been refused.
    Shadow,
}

/// What a limit is about. Two limits with equal subjects are the same limit, and the later one holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LimitKey {
    /// Whose consumption.
    pub scope: ScopeKind,
    /// Only that of this tenant, organisation, user, investigation or run; that of each of them unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Only of this model; of all models together unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What is counted.
    pub meter: Meter,
    /// Over which time.
    pub window: Window,
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What it is about.
    #[serde(flatten)]
    pub subject: LimitKey,
    /// How much there may be.
    pub cap: Cap,
    /// What happens beyond.
    #[serde(default)]
    pub mode: LimitMode,
}

impl Limit {
    /// A limit that is enforced, for each of its scope and all models together.
    pub fn new(scope: ScopeKind, meter: Meter, window: Window, cap: Cap) -> Self {
        let subject = LimitKey { scope, id: None, model: None, meter, window };
        Self { subject, cap, mode: LimitMode::Enforce }
    }

    /// The same limit for one `model`.
    #[must_use]
    pub fn for_model(mut self, model: impl Into<String>) -> Self {
        self.subject.model = Some(model.into());
        self
    }

    /// The same limit for one tenant, organisation, user, investigation or run.
    #[must_use]
    pub fn for_id(mut self, id: impl Into<String>) -> Self {
        self.subject.id = Some(id.into());
        self
    }
}

/// The limits in force: one for each subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits(BTreeMap<LimitKey, (Cap, LimitMode)>);

impl Default for Limits {
    /// A user may spend 25 USD a month, an investigation 0.30 USD.
    fn default() -> Self {
        let mut limits = Self::none();
        let dollars = |cents: i64| Cap::money(NanoUsd::from_nanos(cents * 10_000_000));
        limits.put(Limit::new(ScopeKind::User, Meter::Money, Window::Month, dollars(2_500)));
        limits.put(Limit::new(ScopeKind::Investigation, Meter::Money, Window::Total, dollars(30)));
        limits
    }
}

impl Limits {
    /// No limits at all.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a limit, in the place of one with the same subject.
    pub fn put(&mut self, limit: Limit) {
        self.0.insert(limit.subject, (limit.cap, limit.mode));
    }

    /// These limits with those of `others` added, which win.
    #[must_use]
    pub fn with(mut self, others: impl IntoIterator<Item = Limit>) -> Self {
        others.into_iter().for_each(|limit| self.put(limit));
        self
    }

    /// These limits and another one, unless there is a tighter one with the same subject.
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

    /// The limits, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = Limit> + '_ {
        self.0.iter().map(|(subject, (cap, mode))| Limit { subject: subject.clone(), cap: *cap, mode: *mode })
    }
}
