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
    Call, LedgerLine, LedgerQuery, Stop, StopCause, StopScope, UsageBy, UsageRecord, UsageRow,
};
use crate::policy::{Action, Resource};
use crate::price::PriceRow;
use crate::principal::{Authentication, Principal};
use crate::quota::{Check, Consumer, Days, Limit, Limits, ScopeKind, Subject, Zone, checks};

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
    pub async fn usage(&self, who: &Principal, by: UsageBy, days: &Days) -> Result<Vec<UsageRow>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        if by != UsageBy::User {
            all_of_the_tenant(who)?;
        }
        let mut rows = self.engine.store.usage(who.tenant(), by, days.from(), days.to()).await?;
        if Visibility::of(who) != Visibility::All {
            rows.retain(|row| row.id == who.subject().as_str());
        }
        Ok(rows)
    }

    /// What the tenant did with each provider, by day. For admins.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn usage_records(&self, who: &Principal, days: &Days) -> Result<Vec<UsageRecord>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        all_of_the_tenant(who)?;
        self.engine.store.usage_records(who.tenant(), days.from(), days.to()).await
    }

    /// Calls, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn calls(&self, who: &Principal, query: LedgerQuery) -> Result<Vec<Call>> {
        let query = self.visible(who, query).await?;
        let mut calls = self.engine.store.calls(who.tenant(), &query).await?;
        if Visibility::of(who) != Visibility::All {
            calls.iter_mut().for_each(hide_use_of_others);
        }
        Ok(calls)
    }

    /// Lines of the ledger, latest first, at most [`MAX_LISTED`]: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn ledger(&self, who: &Principal, query: LedgerQuery) -> Result<Vec<LedgerLine>> {
        let query = self.visible(who, query).await?;
        self.engine.store.ledger(who.tenant(), &query).await
    }

    /// What a model thought in a call, where that is kept. For admins: it is no part of the answer, and may repeat
    /// what its reader may not see.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn reasoning(&self, who: &Principal, call: &str) -> Result<Option<String>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        all_of_the_tenant(who)?;
        self.engine.store.reasoning(who.tenant(), call).await
    }

    /// The prices in force: those that ship, those of the configuration, then those that were added.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn prices(&self, who: &Principal) -> Result<Vec<PriceRow>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        let mut rows = self.gateway_settings().prices.rows().to_vec();
        rows.extend(self.engine.store.prices().await?);
        Ok(rows)
    }

    /// Adds a price, for every tenant. Calls that were made keep theirs.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also to those who came over a network; [`InvalidInput`](ErrorKind::InvalidInput)
    /// with `INVALID_PRICE`.
    pub async fn add_price(&self, who: &Principal, row: &PriceRow) -> Result<()> {
        self.allow(who, Action::PricingWrite, Resource::default()).await?;
        operator(who)?;
        row.check()?;
        let facts = Payload::new()
            .word("provider", &row.provider)
            .word("model", &row.model)
            .word("version", &row.version)
            .time("valid_from", row.valid_from)
            .fingerprint("rates", &written(row)?);
        let audit = self.engine.single_act(who, PRICE_ADDED, facts)?;
        self.engine.store.add_price(row, audit).await
    }

    /// The limits in force for the tenant, with the counters of `user`, who is the caller unless an admin asks. Who is no
    /// admin sees no other counters, and no limits that name another user, organisation, investigation or run than their
    /// own.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn limits(&self, who: &Principal, user: Option<&str>) -> Result<Vec<LimitStatus>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        let own = who.subject().as_str();
        if user.is_some_and(|user| user != own) {
            all_of_the_tenant(who)?;
        }
        let settings = self.gateway_settings();
        let of_tenant = settings.tenants.get(who.tenant().as_str());
        let of_tenant = of_tenant.into_iter().flat_map(|tenant| tenant.limits.iter().cloned());
        let set = self.engine.store.limits(who.tenant()).await?;
        let consumer = Consumer {
            tenant: who.tenant().to_string(),
            organisation: who.organisation_id().map(ToString::to_string),
            user: user.unwrap_or(own).to_owned(),
            investigation: None,
            run: None,
        };
        let now = self.engine.clock.now();
        let in_force = settings.limits.clone().with(of_tenant).with(set);
        let mut statuses = Vec::new();
        for limit in in_force.iter() {
            let shown = self.shown(who, &limit.subject).await?;
            let check = counter(&limit, &consumer, now, &settings.zone);
            match shown {
                Shown::Nothing => {}
                Shown::Limit => statuses.push(self.status_of(who, limit, check, false).await?),
                Shown::Counter => statuses.push(self.status_of(who, limit, check, true).await?),
            }
        }
        Ok(statuses)
    }

    /// What `who` may see of a limit.
    async fn shown(&self, who: &Principal, subject: &Subject) -> Result<Shown> {
        if Visibility::of(who) == Visibility::All {
            return Ok(Shown::Counter);
        }
        let Some(id) = subject.id.as_deref() else {
            return Ok(if subject.scope == ScopeKind::User { Shown::Counter } else { Shown::Limit });
        };
        let counter = |is_own| if is_own { Shown::Counter } else { Shown::Nothing };
        Ok(match subject.scope {
            ScopeKind::Tenant => Shown::Limit,
            ScopeKind::Organisation if who.organisation_id().is_some_and(|own| own.as_str() == id) => {
                Shown::Limit
            }
            ScopeKind::Organisation => Shown::Nothing,
            ScopeKind::User => counter(who.subject().as_str() == id),
            ScopeKind::Investigation => counter(self.is_own_session(who, id).await?),
            ScopeKind::Run => counter(self.is_own_run(who, id).await?),
        })
    }

    async fn is_own_session(&self, who: &Principal, id: &str) -> Result<bool> {
        let Ok(id) = SessionId::parse(id) else { return Ok(false) };
        match self.engine.store.session(who.tenant(), &id).await {
            Ok(session) => Ok(session.owner == *who.subject()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_own_run(&self, who: &Principal, id: &str) -> Result<bool> {
        let Ok(id) = RunId::parse(id) else { return Ok(false) };
        match self.engine.store.run(who.tenant(), &id).await {
            Ok(run) => Ok(run.principal.subject() == who.subject()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn status_of(
        &self,
        who: &Principal,
        limit: Limit,
        check: Option<Check>,
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
        let used = self.engine.store.used(who.tenant(), std::slice::from_ref(&check.key)).await?;
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
    pub async fn set_limit(&self, who: &Principal, limit: &Limit) -> Result<()> {
        self.allow(who, Action::BudgetWrite, Resource::default()).await?;
        for name in limit.subject.id.iter().chain(&limit.subject.model) {
            check_name("name in a limit", name)?;
        }
        self.gateway_settings().check_limit(who.tenant().as_str(), limit)?;
        let facts = subject(&limit.subject).word("cap", &i64::from(limit.cap).to_string());
        let audit = self.engine.single_act(who, LIMIT_SET, facts)?;
        self.engine.store.set_limit(who.tenant(), limit, audit).await
    }

    /// Takes back a limit that was set; what the configuration says of its subject holds again. Says whether there
    /// was one.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn remove_limit(&self, who: &Principal, of: &Subject) -> Result<bool> {
        self.allow(who, Action::BudgetWrite, Resource::default()).await?;
        let audit = self.engine.single_act(who, LIMIT_REMOVED, subject(of))?;
        self.engine.store.remove_limit(who.tenant(), of, audit).await
    }

    /// The stops that hold for the tenant or for everybody. Who is no admin sees those of other users not at all, and the
    /// tenant's without what was spent.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn stops(&self, who: &Principal) -> Result<Vec<Stop>> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        let stops = self.engine.store.stops(who.tenant(), self.engine.clock.now()).await?;
        if Visibility::of(who) == Visibility::All {
            return Ok(stops);
        }
        let is_shown = |stop: &Stop| match &stop.scope {
            StopScope::Global | StopScope::Tenant(_) => true,
            StopScope::User(id) => id == who.subject().as_str(),
        };
        Ok(stops.into_iter().filter(is_shown).map(Stop::without_figures).collect())
    }

    /// Throws the switch: no call of the scope is begun until it is rearmed, or until `lasts` has passed. Calls under
    /// way come to their end.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also for another tenant, and for everything to those who came over a network;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a reason that is no line of text.
    pub async fn trip(
        &self,
        who: &Principal,
        scope: StopScope,
        reason: &str,
        lasts: Option<Duration>,
    ) -> Result<Stop> {
        self.allow(who, Action::ShutoffWrite, Resource::default()).await?;
        check_name("reason", reason)?;
        let facts = shut(who, &scope)?.fingerprint("reason", reason);
        let audit = self.engine.single_act(who, TRIPPED, facts)?;
        let since = self.engine.clock.now();
        let cause = StopCause::Switch { reason: reason.to_owned() };
        let stop = Stop { scope, cause, since, until: lasts.map(|lasts| since.plus(lasts)) };
        self.engine.store.trip(who.tenant(), &stop, audit).await?;
        Ok(stop)
    }

    /// Opens a scope again, whatever shut it, and begins its hour anew. Says whether it was shut.
    ///
    /// # Errors
    /// As [`Nexus::trip`].
    pub async fn rearm(&self, who: &Principal, scope: &StopScope) -> Result<bool> {
        self.allow(who, Action::ShutoffWrite, Resource::default()).await?;
        let audit = self.engine.single_act(who, REARMED, shut(who, scope)?)?;
        self.engine.store.rearm(who.tenant(), scope, self.engine.clock.now(), audit).await
    }

    /// The query, narrowed to what the caller may see.
    async fn visible(&self, who: &Principal, mut query: LedgerQuery) -> Result<LedgerQuery> {
        self.allow(who, Action::UsageRead, Resource::default()).await?;
        if Visibility::of(who) != Visibility::All {
            query.user = Some(who.subject().to_string());
        }
        query.limit = query.limit.min(MAX_LISTED);
        Ok(query)
    }
}

/// The one counter that `limit` looks at for `consumer`, if it looks at one. A limit of one user, organisation,
/// investigation or run is about that one, whoever asks.
fn counter(limit: &Limit, consumer: &Consumer, now: Timestamp, zone: &Zone) -> Option<Check> {
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
fn all_of_the_tenant(who: &Principal) -> Result<()> {
    match Visibility::of(who) {
        Visibility::All => Ok(()),
        Visibility::Granted(_) => {
            Err(Error::new(ErrorKind::Denied, "what others consume is shown to admins only")
                .hint("ask for your own usage by user"))
        }
    }
}

/// What concerns every tenant is for whoever runs the program, and for no tenant's admin.
fn operator(who: &Principal) -> Result<()> {
    match who.authentication() {
        Authentication::Local | Authentication::System { .. } => Ok(()),
        Authentication::ApiKey { .. } | Authentication::Sso { .. } => {
            Err(Error::new(ErrorKind::Denied, "this concerns every tenant, and is for whoever runs Nexus"))
        }
    }
}

/// Checks that a scope is the caller's to shut, and says what it is.
fn shut(who: &Principal, scope: &StopScope) -> Result<Payload> {
    let facts = Payload::new();
    match scope {
        StopScope::Global => operator(who).map(|()| facts.word("scope", "global")),
        StopScope::Tenant(id) if id == who.tenant().as_str() => Ok(facts.word("scope", "tenant")),
        StopScope::Tenant(_) => {
            Err(Error::new(ErrorKind::Denied, "a tenant is shut off by its own admins only"))
        }
        StopScope::User(id) => {
            check_name("user", id)?;
            Ok(facts.word("scope", "user").word("user", id))
        }
    }
}

fn subject(subject: &Subject) -> Payload {
    let facts = Payload::new()
        .word("scope", subject.scope.as_str())
        .word("meter", subject.meter.as_str())
        .word("window", &subject.window.to_string());
    let facts = subject.id.iter().fold(facts, |facts, id| facts.word("of", id));
    subject.model.iter().fold(facts, |facts, model| facts.word("model", model))
}

fn written(row: &PriceRow) -> Result<String> {
    serde_json::to_string(&(row.rates, &row.tiers))
        .map_err(|error| Error::unexpected("the price cannot be written").because(error))
}
