//! Budgets: what was consumed, what models cost, what may be consumed, and the switch that ends it all.
//!
//! Reading asks for `usage.read`; whoever is no admin sees their own. Each change is one signed chain of records.

use std::time::Duration;

use serde::Serialize;

use super::Nexus;
use crate::access::Visibility;
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RunId, SessionId, check_name};
use crate::ledger::{
    Call, KillSwitch, KillSwitchCause, KillSwitchScope, LedgerEntry, LedgerQuery, UsageBy, UsageRecord,
    UsageRow,
};
use crate::policy::{Action, Resource};
use crate::price::PriceRow;
use crate::principal::{Authentication, Principal};
use crate::quota::{Consumer, DateRange, Limit, LimitCheck, LimitKey, Limits, ScopeKind, Zone, checks};

/// The most calls or lines that are listed at once.
pub const MAX_LISTED: usize = 1_000;

const LIMIT_SET: Kind = Kind::new("limit.set");
const LIMIT_REMOVED: Kind = Kind::new("limit.removed");
const PRICE_ADDED: Kind = Kind::new("price.added");
const TRIPPED: Kind = Kind::new("shutoff.tripped");
const REARMED: Kind = Kind::new("shutoff.rearmed");

/// A limit in force, and how its counter stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitStatus {
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// Whose counter it is; nothing for a limit on runs, investigations and others that were not named.
    pub counted_for: Option<String>,
    /// How much is spoken for, by calls that are over and by calls that are not. Nothing also of what others consume, for
    /// whoever is no admin.
    pub used: Option<u64>,
    /// How much of that calls have reserved that are not over.
    pub reserved: Option<u64>,
    /// When the counter's window ends.
    pub resets_at: Option<Timestamp>,
}

/// What may be seen of a limit.
enum Shown {
    Nothing,
    /// The limit, and not how its counter stands.
    Limit,
    /// Both.
    Counter,
}

impl Nexus {
    /// What was consumed on some days, dearest first. Who is no admin sees their own row of the sums by user, and
    /// nothing else.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn usage(&self, caller: &Principal, by: UsageBy, days: &DateRange) -> Result<Vec<UsageRow>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        if by != UsageBy::User {
            all_of_the_tenant(caller)?;
        }
        let mut rows = self.engine.store.usage(caller.tenant(), by, days.from(), days.to()).await?;
        if Visibility::of(caller) != Visibility::All {
            rows.retain(|row| row.id == caller.subject().as_str());
        }
        Ok(rows)
    }

    /// What the tenant did with each provider, by day. For admins.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn usage_records(&self, caller: &Principal, days: &DateRange) -> Result<Vec<UsageRecord>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        all_of_the_tenant(caller)?;
        self.engine.store.usage_records(caller.tenant(), days.from(), days.to()).await
    }

    /// Calls, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn calls(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<Call>> {
        let query = self.visible(caller, query).await?;
        let mut calls = self.engine.store.calls(caller.tenant(), &query).await?;
        if Visibility::of(caller) != Visibility::All {
            calls.iter_mut().for_each(hide_use_of_others);
        }
        Ok(calls)
    }

    /// Lines of the ledger, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn ledger(&self, caller: &Principal, query: LedgerQuery) -> Result<Vec<LedgerEntry>> {
        let query = self.visible(caller, query).await?;
        self.engine.store.ledger(caller.tenant(), &query).await
    }

    /// What a model thought in a call, where that is kept. For admins: it is no part of the answer, and may repeat
    /// what its reader may not see.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn reasoning(&self, caller: &Principal, call: &str) -> Result<Option<String>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        all_of_the_tenant(caller)?;
        self.engine.store.reasoning(caller.tenant(), call).await
    }

    /// The prices in force: those that ship, those of the configuration, then those that were added.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn prices(&self, caller: &Principal) -> Result<Vec<PriceRow>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        let mut rows = self.gateway_settings().prices.rows().to_vec();
        rows.extend(self.engine.store.prices().await?);
        Ok(rows)
    }

    /// Adds a price, for every tenant. Calls that were made keep theirs.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also to those who came over a network; [`InvalidInput`](ErrorKind::InvalidInput)
    /// with `INVALID_PRICE`.
    pub async fn add_price(&self, caller: &Principal, row: &PriceRow) -> Result<()> {
        self.authorise(caller, Action::PricingWrite, Resource::default()).await?;
        operator(caller)?;
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

    /// The limits in force for the tenant, with the counters of `user`, who is the caller unless an admin asks. Who is no
    /// admin sees no other counters, and no limits that name another user, organisation, investigation or run than their
    /// own.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn limits(&self, caller: &Principal, user: Option<&str>) -> Result<Vec<LimitStatus>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        let own = caller.subject().as_str();
        if user.is_some_and(|user| user != own) {
            all_of_the_tenant(caller)?;
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

    /// What `who` may see of a limit.
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

    /// Sets a limit of the tenant, in the place of one with the same subject. It counts what the ledger holds already.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`InvalidInput`](ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED` for a limit that would
    /// count nothing, such as one on cost units of a tenant without rates.
    pub async fn set_limit(&self, caller: &Principal, limit: &Limit) -> Result<()> {
        self.authorise(caller, Action::BudgetWrite, Resource::default()).await?;
        for name in limit.subject.id.iter().chain(&limit.subject.model) {
            check_name("name in a limit", name)?;
        }
        self.gateway_settings().check_limit(caller.tenant().as_str(), limit)?;
        let facts = subject(&limit.subject).token("cap", &i64::from(limit.cap).to_string());
        let audit = self.engine.single_event_chain(caller, LIMIT_SET, facts)?;
        self.engine.store.set_limit(caller.tenant(), limit, audit).await
    }

    /// Takes back a limit that was set; what the configuration says of its subject holds again. Says whether there
    /// was one.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn remove_limit(&self, caller: &Principal, of: &LimitKey) -> Result<bool> {
        self.authorise(caller, Action::BudgetWrite, Resource::default()).await?;
        let audit = self.engine.single_event_chain(caller, LIMIT_REMOVED, subject(of))?;
        self.engine.store.remove_limit(caller.tenant(), of, audit).await
    }

    /// The stops that hold for the tenant or for everybody. Who is no admin sees those of other users not at all, and the
    /// tenant's without what was spent.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn kill_switches(&self, caller: &Principal) -> Result<Vec<KillSwitch>> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        let stops = self.engine.store.kill_switches(caller.tenant(), self.engine.clock.now()).await?;
        if Visibility::of(caller) == Visibility::All {
            return Ok(stops);
        }
        let is_shown = |stop: &KillSwitch| match &stop.scope {
            KillSwitchScope::Global | KillSwitchScope::Tenant(_) => true,
            KillSwitchScope::User(id) => id == caller.subject().as_str(),
        };
        Ok(stops.into_iter().filter(is_shown).map(KillSwitch::without_figures).collect())
    }

    /// Throws the switch: no call of the scope is begun until it is rearmed, or until `lasts` has passed. Calls under
    /// way come to their end.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also for another tenant, and for everything to those who came over a network;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a reason that is no line of text.
    pub async fn trip(
        &self,
        caller: &Principal,
        scope: KillSwitchScope,
        reason: &str,
        lasts: Option<Duration>,
    ) -> Result<KillSwitch> {
        self.authorise(caller, Action::ShutoffWrite, Resource::default()).await?;
        check_name("reason", reason)?;
        let facts = shut(caller, &scope)?.sha256("reason", reason);
        let audit = self.engine.single_event_chain(caller, TRIPPED, facts)?;
        let since = self.engine.clock.now();
        let cause = KillSwitchCause::Switch { reason: reason.to_owned() };
        let stop = KillSwitch { scope, cause, since, until: lasts.map(|lasts| since.plus(lasts)) };
        self.engine.store.trip(caller.tenant(), &stop, audit).await?;
        Ok(stop)
    }

    /// Opens a scope again, whatever shut it, and begins its hour anew. Says whether it was shut.
    ///
    /// # Errors
    /// As [`Nexus::trip`].
    pub async fn rearm(&self, caller: &Principal, scope: &KillSwitchScope) -> Result<bool> {
        self.authorise(caller, Action::ShutoffWrite, Resource::default()).await?;
        let audit = self.engine.single_event_chain(caller, REARMED, shut(caller, scope)?)?;
        self.engine.store.rearm(caller.tenant(), scope, self.engine.clock.now(), audit).await
    }

    /// The query, narrowed to what the caller may see.
    async fn visible(&self, caller: &Principal, mut query: LedgerQuery) -> Result<LedgerQuery> {
        self.authorise(caller, Action::UsageRead, Resource::default()).await?;
        if Visibility::of(caller) != Visibility::All {
            query.user = Some(caller.subject().to_string());
        }
        query.limit = query.limit.min(MAX_LISTED);
        Ok(query)
    }
}

/// The one counter that `limit` looks at for `consumer`, if it looks at one. A limit of one user, organisation,
/// investigation or run is about that one, whoever asks.
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

/// Takes out of a call what the limits that it broke in shadow tell of the consumption of others.
fn hide_use_of_others(call: &mut Call) {
    let shadowed = call.metadata.get_mut("shadowed").and_then(serde_json::Value::as_array_mut);
    for refusal in shadowed.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        let is_own = matches!(refusal.get("scope").and_then(serde_json::Value::as_str), Some("user" | "run"));
        if !is_own {
            refusal.insert("used".to_owned(), 0.into());
        }
    }
}

/// What others consume is for admins.
fn all_of_the_tenant(caller: &Principal) -> Result<()> {
    match Visibility::of(caller) {
        Visibility::All => Ok(()),
        Visibility::Granted(_) => {
            Err(Error::new(ErrorKind::Denied, "what others consume is shown to admins only")
                .hint("ask for your own usage by user"))
        }
    }
}

/// What concerns every tenant is for whoever runs the program, and for no tenant's admin.
fn operator(caller: &Principal) -> Result<()> {
    match caller.authentication() {
        Authentication::Local | Authentication::System { .. } => Ok(()),
        Authentication::ApiKey { .. } | Authentication::Sso { .. } => {
            Err(Error::new(ErrorKind::Denied, "this concerns every tenant, and is for whoever runs Nexus"))
        }
    }
}

/// Checks that a scope is the caller's to shut, and says what it is.
fn shut(caller: &Principal, scope: &KillSwitchScope) -> Result<Payload> {
    let facts = Payload::new();
    match scope {
        KillSwitchScope::Global => operator(caller).map(|()| facts.token("scope", "global")),
        KillSwitchScope::Tenant(id) if id == caller.tenant().as_str() => Ok(facts.token("scope", "tenant")),
        KillSwitchScope::Tenant(_) => {
            Err(Error::new(ErrorKind::Denied, "a tenant is shut off by its own admins only"))
        }
        KillSwitchScope::User(id) => {
            check_name("user", id)?;
            Ok(facts.token("scope", "user").token("user", id))
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
