//! One call that is answered at once, from its claim to its settlement: [`Gateway::once`].
//!
//! As a conversation's call, it is admitted, with its reservation and its record, in one durable step before anything is
//! sent, and settled in another. It lives in a task of its own, so whoever asked may go away.
//!
//! A model **within this process** is no vendor: nothing leaves, and nobody can send a bill that a crash would lose. So
//! there is no intent to keep, and two durable steps for each search would cost more than its vector. The model works
//! first, and one step then looks at stops and limits and books it whole; what it made is let out only if that step
//! admits it. Limits stay exact, and the ledger and the record hold what they hold of any call.
//!
//! - `attempts`: one attempt after another.
//! - `settle`: the end.

mod attempts;
mod settle;

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::allowance::Share;
use super::breaker::{BreakerDecision, BreakerPermit};
use super::call::{Admission, CallRefusal, circuit_open, shutting_down};
use super::operation::ModelOperation;
use super::terms::EffectiveLimits;
use super::{Gateway, Inner, Origin, audit_records, metrics};
use crate::audit::fresh_salt;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ledger::{Attempt, BeginCall, BeginResult, Call};
use crate::money::NanoUsd;
use crate::price::PriceRow;
use crate::principal::Principal;
use crate::quota::MeterAmounts;

/// A call on its way.
struct Once<E> {
    shared: Arc<Inner>,
    caller: Principal,
    origin: Origin,
    errand: E,
}

/// A call that may be made, as far as its price tells.
struct Priced {
    terms: EffectiveLimits,
    price: PriceRow,
    worst: MeterAmounts,
}

/// A call with the attempt that is under way.
struct Admitted {
    priced: Priced,
    /// The leave of the provider's breaker, until it is reported; none where nothing leaves this process.
    trial: Option<BreakerPermit>,
    /// Its part of what the call that it is made for may cost, until it is spent.
    share: Option<Share>,
    record: Call,
    number: u32,
    /// When the attempt began.
    attempted_at: Timestamp,
    began: Instant,
    until: Instant,
    charged: NanoUsd,
}

impl Gateway {
    /// Makes a call that is answered at once.
    pub(super) async fn once<E: ModelOperation>(
        &self,
        caller: &Principal,
        origin: &Origin,
        errand: E,
    ) -> Result<Admission<E::Product>> {
        let (shared, caller, origin) = (Arc::clone(&self.inner), caller.clone(), origin.clone());
        let once = Once { shared, caller, origin, errand };
        if once.errand.is_in_process() {
            return once.run().await;
        }
        let (tell, told) = oneshot::channel();
        self.inner.tasks.spawn_unless_stopping(async move {
            // Nobody may be listening any more.
            let _ = tell.send(once.run().await);
        });
        told.await.map_err(|_| shutting_down())?
    }
}

impl<E: ModelOperation> Once<E> {
    async fn run(self) -> Result<Admission<E::Product>> {
        match self.make().await? {
            Admission::Refused(refused) => {
                self.record_refusal(&refused).await?;
                Ok(Admission::Refused(self.shown(refused)))
            }
            made @ Admission::Granted(_) => Ok(made),
        }
    }

    /// A refusal as the caller may see it.
    fn shown(&self, refused: CallRefusal) -> CallRefusal {
        refused.shown_to(&self.caller, self.origin.run.is_some())
    }

    async fn make(&self) -> Result<Admission<E::Product>> {
        let priced = match self.priced().await? {
            Admission::Granted(priced) => priced,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        let share = match self.share(&priced) {
            Ok(share) => share,
            Err(refused) => return Ok(Admission::Refused(refused)),
        };
        if self.errand.is_in_process() {
            return self.run_in_process(priced, share).await;
        }
        let trial = match self.pass(&priced) {
            BreakerDecision::Allow(trial) => trial,
            BreakerDecision::Reject(wait) => {
                return Err(
                    circuit_open("the provider is resting after failures", wait).hint("try again later")
                );
            }
        };
        match self.begin(priced, trial, share).await? {
            Admission::Granted(admitted) => self.attempts(admitted).await.map(Admission::Granted),
            Admission::Refused(refused) => Ok(Admission::Refused(refused)),
        }
    }

    /// Sets the worst case of an attempt aside, out of what the call that it is made for may cost.
    fn share(&self, priced: &Priced) -> Result<Share, CallRefusal> {
        priced.terms.check_cost(priced.worst.money)?;
        Share::take(self.origin.allowance.as_ref(), priced.worst.money)
    }

    /// Whether the provider may be asked now.
    fn pass(&self, priced: &Priced) -> BreakerDecision {
        self.shared.breakers.try_acquire(
            self.integration(),
            self.shared.clock.now(),
            &priced.terms.settings.breaker,
        )
    }

    /// What the call can take at most.
    async fn priced(&self) -> Result<Admission<Priced>> {
        let (tenant, now) = (self.caller.tenant(), self.shared.clock.now());
        let settings = self.shared.current().settings;
        let set = self.shared.overrides(tenant, &settings).await?;
        let terms = EffectiveLimits::new(&self.caller, &self.origin, settings, set);
        let (provider, model) = (self.errand.provider(), self.errand.model());
        let Some(price) = terms.price(provider, model, self.errand.is_local(), now) else {
            let (provider, model) = (provider.to_owned(), model.to_owned());
            return Ok(Admission::Refused(CallRefusal::Unpriced { provider, model }));
        };
        let worst = terms.worst_case(&price, model, self.errand.max_input_tokens(), 0)?;
        Ok(Admission::Granted(Priced { terms, price, worst }))
    }

    /// Claims, looks at stops and limits, and reserves.
    async fn begin(&self, priced: Priced, trial: BreakerPermit, share: Share) -> Result<Admission<Admitted>> {
        let admitted = Admitted { trial: Some(trial), ..self.admitted(priced, share)? };
        let settings = &admitted.priced.terms.settings;
        let begun = self.shared.begin(&self.caller, settings, self.intent(&admitted)?).await?;
        Ok(match admission(begun, &admitted.record.id)? {
            None => Admission::Granted(admitted),
            Some(refused) => Admission::Refused(refused),
        })
    }

    /// The call as it is if it is admitted.
    fn admitted(&self, priced: Priced, share: Share) -> Result<Admitted> {
        let (id, now) = (self.shared.ids.next(), self.shared.clock.now());
        let attempt = self.attempt(&priced, 1, now);
        let asked = audit_records::NewCall {
            operation: E::OPERATION,
            key: None,
            digest: &self.errand.digest(&self.caller)?,
            salt: fresh_salt(self.shared.ids.as_ref()),
            consumer: &priced.terms.consumer,
            correlation_id: self.origin.correlation_id.as_deref(),
            streamed: false,
        };
        let record = audit_records::call(&id, asked, &attempt, now)?;
        let began = Instant::now();
        let until = began + priced.terms.settings.deadlines.total;
        Ok(Admitted {
            priced,
            trial: None,
            share: Some(share),
            record,
            number: 1,
            attempted_at: now,
            began,
            until,
            charged: NanoUsd::ZERO,
        })
    }

    fn intent(&self, admitted: &Admitted) -> Result<BeginCall> {
        let Admitted { priced, record, attempted_at: now, .. } = admitted;
        let attempt = self.attempt(priced, admitted.number, *now);
        let version = self.shared.policy_version(self.caller.tenant());
        Ok(BeginCall {
            tenant: self.caller.tenant().clone(),
            call: record.clone(),
            checks: priced.terms.checks(self.errand.model(), *now)?,
            owner: self.shared.owner.clone(),
            claimed_until: now.plus(priced.terms.settings.idempotency_ttl),
            audit: self.shared.pending(audit_records::opened(&self.caller, record, &attempt, &version, *now)),
            attempt,
        })
    }

    fn attempt(&self, priced: &Priced, number: u32, now: Timestamp) -> Attempt {
        Attempt {
            number,
            provider: self.errand.provider().to_owned(),
            model: self.errand.model().to_owned(),
            price_version: priced.price.version.clone(),
            reserved: priced.worst,
            started_at: now,
        }
    }

    /// The breaker's name for whoever is asked.
    fn integration(&self) -> String {
        format!("{}/{}", E::SERVICE, self.errand.provider())
    }

    async fn record_refusal(&self, refused: &CallRefusal) -> Result<()> {
        metrics::refused(E::OPERATION, refused.code());
        let (id, now) = (self.shared.ids.next(), self.shared.clock.now());
        let (run, version) = (self.origin.run_id(), self.shared.policy_version(self.caller.tenant()));
        let drafts = audit_records::refused(&self.caller, &id, run, refused, &version, now);
        self.shared.append(drafts).await
    }
}

/// Why a call was not admitted, if it was not.
fn admission(begun: BeginResult, call: &str) -> Result<Option<CallRefusal>> {
    match begun {
        BeginResult::Admitted { shadowed } => {
            for refusal in shadowed {
                let code = refusal.code();
                tracing::info!(call, code, "a limit in shadow would have refused a call");
            }
            Ok(None)
        }
        BeginResult::Refused(refusal) => Ok(Some(CallRefusal::Limit(refusal))),
        BeginResult::KillSwitch(stop) => Ok(Some(CallRefusal::Stopped(stop))),
        BeginResult::Replayed(_) | BeginResult::InProgress(_) | BeginResult::IdempotencyConflict => {
            Err(Error::unexpected("a call with a claim of its own was taken for another"))
        }
    }
}
