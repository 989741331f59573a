//! Retention passes: by request for one tenant, and in the background for every tenant.

use std::time::Duration;

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::policy::{ADMINS, Operation, Route};
use crate::principal::Principal;
use crate::retention::{Expire, Removed, Retention, RetentionClass};

/// Operation of removing records that are older than their retention.
pub const RETENTION_APPLY: Operation =
    Operation::new("retention.apply", ADMINS, Route::post("/v1/admin/governance/retention/run"));
/// Operation of counting records that are older than their retention.
pub const RETENTION_PREVIEW: Operation =
    RETENTION_APPLY.at(Route::get("/v1/admin/governance/retention/report"));

/// Audit event of records that were removed because their retention is over.
pub(super) const APPLIED: Kind = Kind::new("retention.applied");

/// Number of records that one transaction removes, so that other writers wait for milliseconds only.
const STEP: usize = 256;

/// Idle time after which unneeded counters, kill switches and hourly statistics are removed: a clock may go back.
const IDLE: Duration = Duration::from_hours(24);

/// Interval between background passes.
const INTERVAL: Duration = Duration::from_hours(1);

/// Purpose of the system principal of background passes.
const PURPOSE: &str = "retention";

impl Nexus {
    /// Returns the number of records of the tenant that are older than their retention, by class. Removes nothing.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of the store.
    pub async fn expired_records(&self, caller: &Principal) -> Result<Vec<Removed>> {
        self.authorise_all(caller, &RETENTION_PREVIEW).await?;
        let mut expired = Vec::new();
        for (class, before) in self.cutoffs(caller).await? {
            let records = self.engine.retention.expired(caller.tenant(), class, before).await?;
            expired.push(Removed { class, records });
        }
        Ok(expired)
    }

    /// Removes the records of the tenant that are older than their retention, and returns their number by class.
    /// Ledger entries and audit chains stay. Each step of the pass leaves a signed record.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of the store, which undo no completed step.
    pub async fn apply_retention(&self, caller: &Principal) -> Result<Vec<Removed>> {
        self.authorise_all(caller, &RETENTION_APPLY).await?;
        let mut removed = Vec::new();
        for (class, before) in self.cutoffs(caller).await? {
            removed.push(Removed { class, records: self.remove_expired(caller, class, before).await? });
        }
        self.sweep_idle(caller).await?;
        Ok(removed)
    }

    /// Applies retention to every tenant now and every hour, until [`Nexus::shutdown`].
    pub fn apply_retention_in_background(&self) {
        let nexus = self.clone();
        self.engine.tasks.spawn(async move {
            while !nexus.engine.tasks.is_stopping() {
                if let Err(error) = nexus.apply_retention_to_all().await {
                    tracing::warn!(error = %error.report(), "retention could not be applied and is retried in an hour");
                }
                tokio::select! {
                    () = nexus.engine.tasks.stopping() => return,
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
        });
    }

    async fn apply_retention_to_all(&self) -> Result<()> {
        for tenant in self.engine.retention.tenants().await? {
            let system = Principal::system(tenant, PURPOSE)?;
            for Removed { class, records } in self.apply_retention(&system).await? {
                if records > 0 {
                    tracing::info!(tenant = %system.tenant(), class = class.as_str(), records, "retention removed records");
                }
            }
        }
        Ok(())
    }

    /// Returns the retention periods of the caller's tenant: those of its settings, else the configured ones.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of the store.
    pub async fn retention(&self, caller: &Principal) -> Result<Retention> {
        self.authorise_all(caller, &RETENTION_PREVIEW).await?;
        self.retention_in_force(caller).await
    }

    async fn retention_in_force(&self, caller: &Principal) -> Result<Retention> {
        let settings = self.engine.gateway.tenant_settings(caller.tenant()).await?;
        Ok(settings.retention_days.map_or(self.engine.settings.retention, Retention::of_all))
    }

    async fn cutoffs(
        &self,
        caller: &Principal,
    ) -> Result<impl Iterator<Item = (RetentionClass, Timestamp)> + use<>> {
        let (retention, now) = (self.retention_in_force(caller).await?, self.engine.clock.now());
        let cutoff = move |class| Some((class, now.minus(retention.of(class)?)));
        Ok(RetentionClass::ALL.into_iter().filter_map(cutoff))
    }

    async fn remove_expired(
        &self,
        caller: &Principal,
        class: RetentionClass,
        before: Timestamp,
    ) -> Result<u64> {
        let mut removed = 0_u64;
        while !self.engine.tasks.is_stopping() {
            let facts = Payload::new().token("class", class.as_str()).time("before", before);
            let audit = self.engine.single_event_chain(caller, APPLIED, facts)?;
            let step = Expire { tenant: caller.tenant().clone(), class, before, limit: STEP, audit };
            let ids = self.engine.retention.expire(step).await?;
            if matches!(class, RetentionClass::Journals | RetentionClass::Runs) {
                self.forget_answers(caller, &ids).await?;
            }
            removed = removed.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
            if ids.len() < STEP {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes counters, kill switches and hourly statistics that affect no decision any more. The ledger and the
    /// audit chain contain the same facts, so that the removal leaves no record.
    async fn sweep_idle(&self, caller: &Principal) -> Result<()> {
        let before = self.engine.clock.now().minus(IDLE);
        while !self.engine.tasks.is_stopping() {
            if self.engine.retention.sweep_idle(caller.tenant(), before, STEP).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Removes the cache entries of erased runs.
    async fn forget_answers(&self, caller: &Principal, runs: &[String]) -> Result<()> {
        for id in runs {
            let id = RunId::parse(id.clone())
                .map_err(|error| Error::unexpected("a run has an invalid id").because(error))?;
            self.engine.gateway.forget_run(caller.tenant(), &id).await?;
        }
        Ok(())
    }
}
