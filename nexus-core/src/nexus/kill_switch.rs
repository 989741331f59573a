//! Kill switches of the facade: listed, tripped and rearmed. Each change is one signed record.

use std::time::Duration;

use super::Nexus;
use super::usage::USAGE_READ;
use crate::access::Visibility;
use crate::audit::Kind;
use crate::error::Result;
use crate::id::check_name;
use crate::ledger::{KillSwitch, KillSwitchCause, KillSwitchScope, TRIPPED};
use crate::page::Page;
use crate::policy::{ADMINS, Operation, Route};
use crate::principal::Principal;

/// Operation of listing kill switches.
pub const KILL_SWITCH_LIST: Operation = USAGE_READ.at(Route::get("/v1/admin/rollouts/killswitches"));
/// Operation of tripping and rearming kill switches.
pub const KILL_SWITCH_WRITE: Operation =
    Operation::new("kill_switch.write", ADMINS, Route::patch("/v1/admin/rollouts/killswitches"));

const REARMED: Kind = Kind::new("shutoff.rearmed");

impl Nexus {
    /// Returns a page of the tripped kill switches of the tenant and of every tenant, in order of
    /// [`KillSwitchScope::key`], which is the key. A caller without admin rights sees none of other users, and the
    /// tenant's without amounts.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn kill_switches(&self, caller: &Principal, page: Page) -> Result<Vec<KillSwitch>> {
        self.authorise_all(caller, &KILL_SWITCH_LIST).await?;
        let (tenant, now, page) = (caller.tenant(), self.engine.clock.now(), page.bounded());
        if Visibility::of(caller) == Visibility::All {
            return self.engine.quota.kill_switches(tenant, now, &page).await;
        }
        // The limit applies to what the caller sees.
        let unlimited = Page { after: page.after, ..Page::all() };
        let switches = self.engine.quota.kill_switches(tenant, now, &unlimited).await?;
        let is_shown = |switch: &KillSwitch| match &switch.scope {
            KillSwitchScope::Global | KillSwitchScope::Tenant(_) => true,
            KillSwitchScope::User(id) => id == caller.subject().as_str(),
        };
        let shown = switches.into_iter().filter(is_shown).take(page.limit);
        Ok(shown.map(KillSwitch::without_figures).collect())
    }

    /// Trips a kill switch: no call of the scope is admitted until the switch is rearmed, or until `lasts` has
    /// passed. Calls in flight finish.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied), also for another tenant, and for the global scope to a caller over a network;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a reason that is no line of text.
    pub async fn trip(
        &self,
        caller: &Principal,
        scope: KillSwitchScope,
        reason: &str,
        lasts: Option<Duration>,
    ) -> Result<KillSwitch> {
        self.authorise_all(caller, &KILL_SWITCH_WRITE).await?;
        check_name("reason", reason)?;
        self.check_scope(caller, &scope).await?;
        let since = self.engine.clock.now();
        let cause = KillSwitchCause::Switch { reason: reason.to_owned() };
        let switch = KillSwitch { scope, cause, since, until: lasts.map(|lasts| since.plus(lasts)) };
        let audit = self.engine.single_event_chain(caller, TRIPPED, switch.facts())?;
        self.engine.quota.trip(caller.tenant(), &switch, audit).await?;
        Ok(switch)
    }

    /// Rearms the kill switch of a scope, for any cause, and restarts its hourly statistics. Returns whether it was
    /// tripped.
    ///
    /// # Errors
    /// As [`Nexus::trip`].
    pub async fn rearm(&self, caller: &Principal, scope: &KillSwitchScope) -> Result<bool> {
        self.authorise_all(caller, &KILL_SWITCH_WRITE).await?;
        self.check_scope(caller, scope).await?;
        let audit = self.engine.single_event_chain(caller, REARMED, scope.facts())?;
        self.engine.quota.rearm(caller.tenant(), scope, self.engine.clock.now(), audit).await
    }
}
