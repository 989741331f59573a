//! Admission of a call, in stages whose order the types keep: idempotency key, kill switches and settings, limits.
//!
//! A stage is a pure function of the state that a store reads for it, and yields the next stage or the result. A store reads
//! the state of a stage when the stage before lets the call pass, because a repeated key needs no counter.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::{BeginCall, BeginResult, Call, KillSwitch, RetryCall};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::quota::{CounterKey, CounterState, LimitCheck, MeterAmounts, Refusal, Reservation, reserve};

/// Record of an idempotency key, as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The call that took the key.
    pub call: String,
    /// Digest of the call's request.
    pub digest: String,
    /// Whether the call has ended, and its result is stored.
    pub is_settled: bool,
    /// Whether the call gave the key back, because nothing was sent.
    pub is_released: bool,
    /// The time at which the key expires.
    pub expires_at: Timestamp,
}

/// State of an idempotency key that a new call cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTaken {
    /// An equal call is in flight, under this id.
    InProgress(String),
    /// An equal call has ended, under this id: its result is replayed.
    Settled(String),
    /// The key belongs to another request.
    Mismatched,
}

/// State of a tenant that decides about a call before any limit does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantState {
    /// Kill switches of all tenants, of the tenant and of the user, in any order, tripped or expired.
    pub kill_switches: Vec<KillSwitch>,
    /// Version of the tenant's settings, see [`QuotaStore::settings_version`](super::QuotaStore::settings_version).
    pub settings_version: u64,
}

/// First stage of a new call: its idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct KeyStage<'a>(&'a BeginCall);

/// Second stage, and the first of a further attempt: kill switches, then the settings that the call was planned with.
#[derive(Clone, Copy, Debug)]
pub struct SwitchStage<'a> {
    now: Timestamp,
    /// Version of the settings of a new call. A call in flight ends with those that it began with.
    settings_version: Option<u64>,
    limits: LimitStage<'a>,
}

/// Last stage: limits, and the reservation on their counters.
#[derive(Clone, Copy, Debug)]
pub struct LimitStage<'a> {
    checks: &'a [LimitCheck],
    wanted: &'a MeterAmounts,
}

impl BeginCall {
    /// Returns the first stage of the call's admission.
    pub fn admission(&self) -> KeyStage<'_> {
        KeyStage(self)
    }
}

impl RetryCall {
    /// Returns the first stage of the next attempt's admission.
    pub fn admission(&self) -> SwitchStage<'_> {
        let limits = LimitStage { checks: &self.checks, wanted: &self.attempt.reserved };
        SwitchStage { now: self.attempt.started_at, settings_version: None, limits }
    }
}

impl<'a> KeyStage<'a> {
    /// Decides by the record of the call's key. A call without a key has none.
    pub fn decide(self, record: Option<KeyRecord>) -> ControlFlow<KeyTaken, SwitchStage<'a>> {
        let Self(begin) = self;
        match record.and_then(|record| record.taken_from(&begin.call)) {
            Some(taken) => ControlFlow::Break(taken),
            None => ControlFlow::Continue(SwitchStage {
                now: begin.call.created_at,
                settings_version: Some(begin.settings_version),
                limits: LimitStage { checks: &begin.checks, wanted: &begin.attempt.reserved },
            }),
        }
    }
}

impl KeyRecord {
    /// Returns why `call` cannot take the key; `None` when the key is free.
    fn taken_from(self, call: &Call) -> Option<KeyTaken> {
        if self.is_released || self.expires_at <= call.created_at {
            return None;
        }
        Some(match (self.digest == call.digest, self.is_settled) {
            (false, _) => KeyTaken::Mismatched,
            (true, false) => KeyTaken::InProgress(self.call),
            (true, true) => KeyTaken::Settled(self.call),
        })
    }
}

impl<'a> SwitchStage<'a> {
    /// Decides by the tenant's state: the widest tripped kill switch refuses, whatever the settings are.
    pub fn decide(self, state: TenantState) -> ControlFlow<BeginResult, LimitStage<'a>> {
        let tripped = state.kill_switches.into_iter().filter(|switch| switch.is_tripped(self.now));
        if let Some(widest) = tripped.min_by(|one, other| one.scope.cmp(&other.scope)) {
            return ControlFlow::Break(BeginResult::KillSwitch(widest));
        }
        match self.settings_version {
            Some(planned) if planned != state.settings_version => {
                ControlFlow::Break(BeginResult::SettingsChanged)
            }
            Some(_) | None => ControlFlow::Continue(self.limits),
        }
    }
}

impl LimitStage<'_> {
    /// Returns the counters whose states decide, in the order in which they are locked.
    pub fn counters(&self) -> BTreeSet<&CounterKey> {
        self.checks.iter().map(|check| &check.key).collect()
    }

    /// Decides by the states of [`counters`](Self::counters), and returns the reservation to write.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `COUNT_TOO_LARGE`.
    pub fn decide(
        self,
        states: &BTreeMap<CounterKey, CounterState>,
    ) -> Result<ControlFlow<Refusal, Reservation>> {
        reserve(self.checks, self.wanted, states)
    }
}

#[cfg(test)]
pub(super) mod tests;
