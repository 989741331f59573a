//! Limits of the facade, with the state of their counters. Each change is one signed record.

use serde::Serialize;

use super::Nexus;
use super::usage::USAGE_READ;
use crate::access::Visibility;
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Result};
use crate::id::{RunId, SessionId, check_name};
use crate::page::{Page, invalid_cursor};
use crate::policy::{ADMINS, Operation, Route};
use crate::principal::Principal;
use crate::quota::{Consumer, Limit, LimitCheck, LimitKey, Limits, ScopeKind, Zone, checks};

/// Operation of listing limits with their counters.
pub const LIMIT_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/quotas/{tenant_id}"));
/// Operation of setting a limit.
pub const BUDGET_WRITE: Operation =
    Operation::new("budget.write", ADMINS, Route::patch("/v1/admin/quotas/{tenant_id}"));
/// Operation of removing a limit.
pub const LIMIT_REMOVE: Operation = BUDGET_WRITE.at(Route::delete("/v1/admin/quotas/{tenant_id}"));

pub(super) const LIMIT_SET: Kind = Kind::new("limit.set");
pub(super) const LIMIT_REMOVED: Kind = Kind::new("limit.removed");

/// Limit in force, with the state of its counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitStatus {
    /// Limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// Owner of the counter; `None` for a limit on runs, investigations and others that were not named, and for a
    /// general limit that is replaced by one that names the user.
    pub counted_for: Option<String>,
    /// Amount used by calls that are over and reserved by calls in flight; `None` also where the caller, without
    /// admin rights, may not see the usage of others.
    pub used: Option<u64>,
    /// Amount reserved by calls in flight, a part of `used`.
    pub reserved: Option<u64>,
    /// End of the counter's window.
    pub resets_at: Option<Timestamp>,
}

impl LimitStatus {
    /// Returns the key in a list of limits: the fields of the [`LimitKey`] as JSON.
    pub fn key(&self) -> String {
        serde_json::to_string(&self.limit.subject).unwrap_or_default()
    }
}

fn parse_key(key: &str) -> Result<LimitKey> {
    serde_json::from_str(key).map_err(|_| invalid_cursor())
}

/// Part of a limit that a caller may see.
enum Shown {
    Nothing,
    /// The limit without its counter.
    Limit,
    /// The limit with its counter.
    Counter,
}

impl Nexus {
    /// Returns a page of the limits in force for the tenant, in order of their keys, with the counters of `user`, by
    /// default the caller. Another user's need admin rights. A caller without admin rights sees no other counters, and no
    /// limits that name another user, organisation, investigation or run than their own. The cursor is
    /// [`LimitStatus::key`].
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); those of [`invalid_cursor`].
    pub async fn limits(
        &self,
        caller: &Principal,
        user: Option<&str>,
        page: Page,
    ) -> Result<Vec<LimitStatus>> {
        self.authorise_all(caller, &LIMIT_LIST).await?;
        let own = caller.subject().as_str();
        if user.is_some_and(|user| user != own) {
            self.all_of_the_tenant(caller, &LIMIT_LIST).await?;
        }
        let settings = self.gateway_settings();
        let consumer = Consumer {
            tenant: caller.tenant().to_string(),
            organisation: caller.organisation_id().map(ToString::to_string),
            user: user.unwrap_or(own).to_owned(),
            investigation: None,
            run: None,
        };
        let now = self.engine.clock.now();
        let page = page.bounded();
        let after = page.after.as_deref().map(parse_key).transpose()?;
        let in_force = self.engine.gateway.limits(caller.tenant()).await?;
        let mut statuses = Vec::new();
        for limit in in_force.iter().filter(|limit| after.as_ref().is_none_or(|after| limit.subject > *after))
        {
            if statuses.len() == page.limit {
                break;
            }
            let shown = self.shown(caller, &limit.subject).await?;
            let check = counter(&limit, &consumer, now, &settings.zone)
                .filter(|check| !in_force.is_replaced_for(&limit.subject, &check.key.id));
            match shown {
                Shown::Nothing => {}
                Shown::Limit => statuses.push(self.status_of(caller, limit, check, false).await?),
                Shown::Counter => statuses.push(self.status_of(caller, limit, check, true).await?),
            }
        }
        Ok(statuses)
    }

    /// Returns the part of a limit that `caller` may see.
    async fn shown(&self, caller: &Principal, subject: &LimitKey) -> Result<Shown> {
        if Visibility::of(caller) == Visibility::All {
            return Ok(Shown::Counter);
        }
        let Some(id) = subject.id.as_deref() else {
            return Ok(if subject.scope == ScopeKind::User { Shown::Counter } else { Shown::Limit });
        };
        let counter = |is_own| if is_own { Shown::Counter } else { Shown::Nothing };
        Ok(match subject.scope {
            ScopeKind::Tenant => Shown::Limit,
            ScopeKind::Organisation if caller.organisation_id().is_some_and(|own| own.as_str() == id) => {
                Shown::Limit
            }
            ScopeKind::Organisation => Shown::Nothing,
            ScopeKind::User => counter(caller.subject().as_str() == id),
            ScopeKind::Investigation => counter(self.is_own_session(caller, id).await?),
            ScopeKind::Run => counter(self.is_own_run(caller, id).await?),
        })
    }

    async fn is_own_session(&self, caller: &Principal, id: &str) -> Result<bool> {
        let Ok(id) = SessionId::parse(id) else { return Ok(false) };
        match self.engine.sessions.session(caller.tenant(), &id).await {
            Ok(session) => Ok(session.owner == *caller.subject()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_own_run(&self, caller: &Principal, id: &str) -> Result<bool> {
        let Ok(id) = RunId::parse(id) else { return Ok(false) };
        match self.engine.runs.run(caller.tenant(), &id).await {
            Ok(run) => Ok(run.principal.subject() == caller.subject()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn status_of(
        &self,
        caller: &Principal,
        limit: Limit,
        check: Option<LimitCheck>,
        with_counter: bool,
    ) -> Result<LimitStatus> {
        let meter = limit.subject.meter;
        let Some(check) = check else {
            let (counted_for, used, reserved) = (limit.subject.id.clone(), None, None);
            return Ok(LimitStatus { limit, counted_for, used, reserved, resets_at: None });
        };
        if !with_counter {
            let (counted_for, resets_at) = (Some(check.key.id), check.resets_at);
            return Ok(LimitStatus { limit, counted_for, used: None, reserved: None, resets_at });
        }
        let used = self.engine.quota.used(caller.tenant(), std::slice::from_ref(&check.key)).await?;
        let used = used.first().copied().unwrap_or_default();
        Ok(LimitStatus {
            limit,
            counted_for: Some(check.key.id),
            used: Some(used.of(meter)),
            reserved: Some(used.reserved.of(meter)),
            resets_at: check.resets_at,
        })
    }

    /// Sets a limit of the tenant, and replaces one with the same key. It counts earlier ledger entries too.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`InvalidInput`](ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED` for a limit
    /// without a counter, such as one on cost units of a tenant without rates.
    pub async fn set_limit(&self, caller: &Principal, limit: &Limit) -> Result<()> {
        self.authorise_all(caller, &BUDGET_WRITE).await?;
        for name in limit.subject.id.iter().chain(&limit.subject.model) {
            check_name("name in a limit", name)?;
        }
        self.engine.gateway.check_limit(caller.tenant(), limit).await?;
        let audit = self.engine.single_event_chain(caller, LIMIT_SET, limit_facts(limit))?;
        self.engine.quota.set_limit(caller.tenant(), limit, audit).await
    }

    /// Removes a limit that was set, and returns whether there was one. The configured limit with the same key
    /// applies again.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn remove_limit(&self, caller: &Principal, of: &LimitKey) -> Result<bool> {
        self.authorise_all(caller, &LIMIT_REMOVE).await?;
        let audit = self.engine.single_event_chain(caller, LIMIT_REMOVED, key_facts(of))?;
        self.engine.quota.remove_limit(caller.tenant(), of, audit).await
    }
}

/// Returns the counter that `limit` checks for `consumer`, if there is one. A limit of one user, organisation,
/// investigation or run concerns that one, for every caller.
fn counter(limit: &Limit, consumer: &Consumer, now: Timestamp, zone: &Zone) -> Option<LimitCheck> {
    let mut consumer = consumer.clone();
    if let Some(id) = &limit.subject.id {
        match limit.subject.scope {
            ScopeKind::Tenant => {}
            ScopeKind::Organisation => consumer.organisation = Some(id.clone()),
            ScopeKind::User => consumer.user.clone_from(id),
            ScopeKind::Investigation => consumer.investigation = Some(id.clone()),
            ScopeKind::Run => consumer.run = Some(id.clone()),
        }
    }
    let model = limit.subject.model.as_deref().unwrap_or("*");
    checks(&Limits::none().with([limit.clone()]), &consumer, model, now, zone).into_iter().next()
}

/// Returns what a record says of a limit that is set.
pub(super) fn limit_facts(limit: &Limit) -> Payload {
    key_facts(&limit.subject)
        .token("cap", &i64::from(limit.cap).to_string())
        .token("mode", limit.mode.as_str())
}

/// Returns what a record says of the key of a limit.
pub(super) fn key_facts(key: &LimitKey) -> Payload {
    let facts = Payload::new()
        .token("scope", key.scope.as_str())
        .token("meter", key.meter.as_str())
        .token("window", &key.window.to_string());
    let facts = key.id.iter().fold(facts, |facts, id| facts.token("of", id));
    key.model.iter().fold(facts, |facts, model| facts.token("model", model))
}
