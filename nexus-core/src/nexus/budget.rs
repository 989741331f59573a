//! Budgets of the facade: usage, ledger, prices, limits and kill switches.
//!
//! Reads need `usage.read`, and show a caller without admin rights their own data only. Each change is one signed
//! chain of records.

use std::time::Duration;

use serde::Serialize;

use super::Nexus;
use crate::access::Visibility;
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RunId, SessionId, check_name};
use crate::ledger::{
    Call, KillSwitch, KillSwitchCause, KillSwitchScope, LedgerEntry, LedgerQuery, TRIPPED, UsageBy,
    UsageRecord, UsageRow,
};
use crate::policy::{ADMINS, EDITORS, Operation, Route};
use crate::price::PriceRow;
use crate::principal::Principal;
use crate::quota::{Consumer, DateRange, Limit, LimitCheck, LimitKey, Limits, ScopeKind, Zone, checks};

/// Maximum number of listed calls or ledger entries.
pub const MAX_LISTED: usize = 1_000;

/// Operation of summing up usage.
pub const USAGE_READ: Operation =
    Operation::new("usage.read", EDITORS, Route::get("/v1/self-serve/usage/summary"));
/// Operation of listing usage by call, for invoices.
pub const USAGE_RECORDS: Operation = USAGE_READ.at(Route::get("/v1/self-serve/usage/records"));
/// Operation of listing calls of models.
pub const CALL_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/calls"));
/// Operation of reading the reasoning of a call.
pub const CALL_REASONING: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/calls/{call_id}/reasoning"));
/// Operation of listing ledger entries.
pub const LEDGER_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/ledger"));
/// Operation of listing prices.
pub const PRICE_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/costs/pricing/catalog"));
/// Operation of listing limits with their counters.
pub const LIMIT_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/quotas/{tenant_id}"));
/// Operation of listing kill switches.
pub const KILL_SWITCH_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/rollouts/killswitches"));
/// Operation of setting a limit.
pub const BUDGET_WRITE: Operation =
    Operation::new("budget.write", ADMINS, Route::patch("/v1/admin/quotas/{tenant_id}"));
/// Operation of removing a limit.
pub const LIMIT_REMOVE: Operation = BUDGET_WRITE.at(Route::delete("/v1/admin/quotas/{tenant_id}"));
/// Operation of adding a price.
pub const PRICING_WRITE: Operation =
    Operation::new("pricing.write", ADMINS, Route::post("/v1/admin/costs/pricing/catalog"));
/// Operation of tripping and rearming kill switches.
pub const SHUTOFF_WRITE: Operation =
    Operation::new("shutoff.write", ADMINS, Route::patch("/v1/admin/rollouts/killswitches"));

const LIMIT_SET: Kind = Kind::new("limit.set");
const LIMIT_REMOVED: Kind = Kind::new("limit.removed");
const PRICE_ADDED: Kind = Kind::new("price.added");
const REARMED: Kind = Kind::new("shutoff.rearmed");

/// Limit in force, with the state of its counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitStatus {
    /// Limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// Owner of the counter; `None` for a limit on runs, investigations and others that were not named.
    pub counted_for: Option<String>,
    /// Amount used by calls that are over and reserved by calls in flight; `None` also where the caller, without
    /// admin rights, may not see the usage of others.
    pub used: Option<u64>,
    /// Amount reserved by calls in flight, a part of `used`.
    pub reserved: Option<u64>,
    /// End of the counter's window.
    pub resets_at: Option<Timestamp>,
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
    /// Returns the usage on some days, dearest first. A caller without admin rights sees their own row of the sums by
    /// user only.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn usage(&self, caller: &Principal, by: UsageBy, days: &DateRange) -> Result<Vec<UsageRow>> {
        self.authorise_all(caller, &USAGE_READ).await?;
        if by != UsageBy::User {
            self.all_of_the_tenant(caller, &USAGE_READ).await?;
        }
        let mut rows = self.engine.store.usage(caller.tenant(), by, days.from(), days.to()).await?;
        if Visibility::of(caller) != Visibility::All {
            rows.retain(|row| row.id == caller.subject().as_str());
        }
        Ok(rows)
    }

    /// Returns the tenant's usage of each provider, by day. For admins.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn usage_records(&self, caller: &Principal, days: &DateRange) -> Result<Vec<UsageRecord>> {
        self.authorise_all(caller, &USAGE_RECORDS).await?;
        self.all_of_the_tenant(caller, &USAGE_RECORDS).await?;
        self.engine.store.usage_records(caller.tenant(), days.from(), days.to()).await
    }

    /// Returns calls, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn calls(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<Call>> {
        let query = self.visible(caller, &CALL_LIST, query).await?;
        let mut calls = self.engine.store.calls(caller.tenant(), &query).await?;
        if Visibility::of(caller) != Visibility::All {
            calls.iter_mut().for_each(hide_use_of_others);
        }
        Ok(calls)
    }

    /// Returns ledger entries, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an
    /// admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn ledger(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<LedgerEntry>> {
        let query = self.visible(caller, &LEDGER_LIST, query).await?;
        self.engine.store.ledger(caller.tenant(), &query).await
    }

    /// Returns the reasoning of a model in a call, where it is stored. For admins: it is no part of the answer, and
    /// may quote text that its reader may not see.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn reasoning(&self, caller: &Principal, call: &str) -> Result<Option<String>> {
        self.authorise_all(caller, &CALL_REASONING).await?;
        self.all_of_the_tenant(caller, &CALL_REASONING).await?;
        self.engine.store.reasoning(caller.tenant(), call).await
    }

    /// Returns the prices in force: the built-in ones, those of the configuration, then those that were added.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn prices(&self, caller: &Principal) -> Result<Vec<PriceRow>> {
        self.authorise_all(caller, &PRICE_LIST).await?;
        let mut rows = self.gateway_settings().prices.rows().to_vec();
        rows.extend(self.engine.store.prices().await?);
        Ok(rows)
    }

    /// Adds a price, for every tenant. Earlier calls keep theirs.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also to a caller over a network; [`InvalidInput`](ErrorKind::InvalidInput) with
    /// `INVALID_PRICE`.
    pub async fn add_price(&self, caller: &Principal, row: &PriceRow) -> Result<()> {
        self.authorise_all(caller, &PRICING_WRITE).await?;
        self.operator(caller, &PRICING_WRITE).await?;
        row.check()?;
        let facts = Payload::new()
            .token("provider", &row.provider)
            .token("model", &row.model)
            .token("version", &row.version)
            .time("valid_from", row.valid_from)
            .sha256("rates", &written(row)?);
        let audit = self.engine.single_event_chain(caller, PRICE_ADDED, facts)?;
        self.engine.store.add_price(row, audit).await
    }

    /// Returns the limits in force for the tenant, with the counters of `user`, by default the caller. Another user's
    /// need admin rights. A caller without admin rights sees no other counters, and no limits that name another user,
    /// organisation, investigation or run than their own.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn limits(&self, caller: &Principal, user: Option<&str>) -> Result<Vec<LimitStatus>> {
        self.authorise_all(caller, &LIMIT_LIST).await?;
        let own = caller.subject().as_str();
        if user.is_some_and(|user| user != own) {
            self.all_of_the_tenant(caller, &LIMIT_LIST).await?;
        }
        let settings = self.gateway_settings();
        let of_tenant = settings.tenants.get(caller.tenant().as_str());
        let of_tenant = of_tenant.into_iter().flat_map(|tenant| tenant.limits.iter().cloned());
        let set = self.engine.store.limits(caller.tenant()).await?;
        let consumer = Consumer {
            tenant: caller.tenant().to_string(),
            organisation: caller.organisation_id().map(ToString::to_string),
            user: user.unwrap_or(own).to_owned(),
            investigation: None,
            run: None,
        };
        let now = self.engine.clock.now();
        let in_force = settings.limits.clone().with(of_tenant).with(set);
        let mut statuses = Vec::new();
        for limit in in_force.iter() {
            let shown = self.shown(caller, &limit.subject).await?;
            let check = counter(&limit, &consumer, now, &settings.zone);
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
        match self.engine.store.session(caller.tenant(), &id).await {
            Ok(session) => Ok(session.owner == *caller.subject()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_own_run(&self, caller: &Principal, id: &str) -> Result<bool> {
        let Ok(id) = RunId::parse(id) else { return Ok(false) };
        match self.engine.store.run(caller.tenant(), &id).await {
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
        let used = self.engine.store.used(caller.tenant(), std::slice::from_ref(&check.key)).await?;
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
        self.gateway_settings().check_limit(caller.tenant().as_str(), limit)?;
        let facts = subject(&limit.subject).token("cap", &i64::from(limit.cap).to_string());
        let audit = self.engine.single_event_chain(caller, LIMIT_SET, facts)?;
        self.engine.store.set_limit(caller.tenant(), limit, audit).await
    }

    /// Removes a limit that was set, and returns whether there was one. The configured limit with the same key
    /// applies again.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn remove_limit(&self, caller: &Principal, of: &LimitKey) -> Result<bool> {
        self.authorise_all(caller, &LIMIT_REMOVE).await?;
        let audit = self.engine.single_event_chain(caller, LIMIT_REMOVED, subject(of))?;
        self.engine.store.remove_limit(caller.tenant(), of, audit).await
    }

    /// Returns the tripped kill switches of the tenant and of every tenant. A caller without admin rights sees none
    /// of other users, and the tenant's without amounts.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn kill_switches(&self, caller: &Principal) -> Result<Vec<KillSwitch>> {
        self.authorise_all(caller, &KILL_SWITCH_LIST).await?;
        let switches = self.engine.store.kill_switches(caller.tenant(), self.engine.clock.now()).await?;
        if Visibility::of(caller) == Visibility::All {
            return Ok(switches);
        }
        let is_shown = |switch: &KillSwitch| match &switch.scope {
            KillSwitchScope::Global | KillSwitchScope::Tenant(_) => true,
            KillSwitchScope::User(id) => id == caller.subject().as_str(),
        };
        Ok(switches.into_iter().filter(is_shown).map(KillSwitch::without_figures).collect())
    }

    /// Trips a kill switch: no call of the scope is admitted until the switch is rearmed, or until `lasts` has
    /// passed. Calls in flight finish.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also for another tenant, and for the global scope to a caller over a network;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a reason that is no line of text.
    pub async fn trip(
        &self,
        caller: &Principal,
        scope: KillSwitchScope,
        reason: &str,
        lasts: Option<Duration>,
    ) -> Result<KillSwitch> {
        self.authorise_all(caller, &SHUTOFF_WRITE).await?;
        check_name("reason", reason)?;
        self.check_scope(caller, &scope).await?;
        let since = self.engine.clock.now();
        let cause = KillSwitchCause::Switch { reason: reason.to_owned() };
        let switch = KillSwitch { scope, cause, since, until: lasts.map(|lasts| since.plus(lasts)) };
        let audit = self.engine.single_event_chain(caller, TRIPPED, switch.facts())?;
        self.engine.store.trip(caller.tenant(), &switch, audit).await?;
        Ok(switch)
    }

    /// Rearms the kill switch of a scope, for any cause, and restarts its hourly statistics. Returns whether it was
    /// tripped.
    ///
    /// # Errors
    /// As [`Nexus::trip`].
    pub async fn rearm(&self, caller: &Principal, scope: &KillSwitchScope) -> Result<bool> {
        self.authorise_all(caller, &SHUTOFF_WRITE).await?;
        self.check_scope(caller, scope).await?;
        let audit = self.engine.single_event_chain(caller, REARMED, scope.facts())?;
        self.engine.store.rearm(caller.tenant(), scope, self.engine.clock.now(), audit).await
    }

    /// Restricts the query to the calls that the caller may see.
    async fn visible(
        &self,
        caller: &Principal,
        operation: &Operation,
        mut query: LedgerQuery,
    ) -> Result<LedgerQuery> {
        self.authorise_all(caller, operation).await?;
        if Visibility::of(caller) != Visibility::All {
            query.user = Some(caller.subject().to_string());
        }
        query.limit = query.limit.min(MAX_LISTED);
        Ok(query)
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

/// Removes from a call the usage of others that its shadowed limits disclose.
fn hide_use_of_others(call: &mut Call) {
    let shadowed = call.metadata.get_mut("shadowed").and_then(serde_json::Value::as_array_mut);
    for refusal in shadowed.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        let is_own = matches!(refusal.get("scope").and_then(serde_json::Value::as_str), Some("user" | "run"));
        if !is_own {
            refusal.insert("used".to_owned(), 0.into());
        }
    }
}

fn subject(subject: &LimitKey) -> Payload {
    let facts = Payload::new()
        .token("scope", subject.scope.as_str())
        .token("meter", subject.meter.as_str())
        .token("window", &subject.window.to_string());
    let facts = subject.id.iter().fold(facts, |facts, id| facts.token("of", id));
    subject.model.iter().fold(facts, |facts, model| facts.token("model", model))
}

fn written(row: &PriceRow) -> Result<String> {
    serde_json::to_string(&(row.rates, &row.tiers))
        .map_err(|error| Error::unexpected("the price cannot be written").because(error))
}
