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
use super::breaker::{Passage, Trial};
use super::call::{Granted, Refused, resting, shutting_down};
use super::errand::Errand;
use super::terms::Terms;
use super::{Gateway, Origin, Shared, metrics, record};
use crate::audit::fresh_salt;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ledger::{Attempt, Begun, Call, Intent};
use crate::money::NanoUsd;
use crate::price::PriceRow;
use crate::principal::Principal;
use crate::quota::Amounts;

/// A call on its way.
struct Once<E> {
    shared: Arc<Shared>,
    who: Principal,
    origin: Origin,
    errand: E,
}

/// A call that may be made, as far as its price tells.
struct Priced {
    terms: Terms,
    price: PriceRow,
    worst: Amounts,
}

/// A call with the attempt that is under way.
struct Admitted {
    priced: Priced,
    /// The leave of the provider's breaker, until it is reported; none where nothing leaves this process.
    trial: Option<Trial>,
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
    pub(super) async fn once<E: Errand>(
        &self,
        who: &Principal,
        origin: &Origin,
        errand: E,
    ) -> Result<Granted<E::Product>> {
        let (shared, who, origin) = (Arc::clone(&self.shared), who.clone(), origin.clone());
        let once = Once { shared, who, origin, errand };
        if once.errand.is_in_process() {
            return once.run().await;
        }
        let (tell, told) = oneshot::channel();
        self.shared.tasks.spawn_unless_stopping(async move {
            // Nobody may be listening any more.
            let _ = tell.send(once.run().await);
        });
        told.await.map_err(|_| shutting_down())?
    }
}

impl<E: Errand> Once<E> {
    async fn run(self) -> Result<Granted<E::Product>> {
        match self.make().await? {
            Granted::No(refused) => {
                self.record_refusal(&refused).await?;
                Ok(Granted::No(self.shown(refused)))
            }
            made @ Granted::Yes(_) => Ok(made),
        }
    }

    /// A refusal as the caller may see it.
    fn shown(&self, refused: Refused) -> Refused {
        refused.shown_to(&self.who, self.origin.run.is_some())
    }

    async fn make(&self) -> Result<Granted<E::Product>> {
        let priced = match self.priced().await? {
            Granted::Yes(priced) => priced,
            Granted::No(refused) => return Ok(Granted::No(refused)),
        };
        let share = match self.share(&priced) {
            Ok(share) => share,
            Err(refused) => return Ok(Granted::No(refused)),
        };
        if self.errand.is_in_process() {
            return self.make_here(priced, share).await;
        }
        let trial = match self.pass(&priced) {
            Passage::Open(trial) => trial,
            Passage::Shut(wait) => {
                return Err(resting("the provider is resting after failures", wait).hint("try again later"));
            }
        };
        match self.begin(priced, trial, share).await? {
            Granted::Yes(admitted) => self.attempts(admitted).await.map(Granted::Yes),
            Granted::No(refused) => Ok(Granted::No(refused)),
        }
    }

    /// Sets the worst case of an attempt aside, out of what the call that it is made for may cost.
    fn share(&self, priced: &Priced) -> Result<Share, Refused> {
        priced.terms.check_cost(priced.worst.money)?;
        Share::take(self.origin.allowance.as_ref(), priced.worst.money)
    }

    /// Whether the provider may be asked now.
    fn pass(&self, priced: &Priced) -> Passage {
        self.shared.breakers.pass(self.integration(), self.shared.clock.now(), &priced.terms.settings.breaker)
    }

    /// What the call can take at most.
    async fn priced(&self) -> Result<Granted<Priced>> {
        let (tenant, now) = (self.who.tenant(), self.shared.clock.now());
        let settings = self.shared.current().settings;
        let set = self.shared.set(tenant, &settings).await?;
        let terms = Terms::new(&self.who, &self.origin, settings, set);
        let (provider, model) = (self.errand.provider(), self.errand.model());
        let Some(price) = terms.price(provider, model, self.errand.is_local(), now) else {
            let (provider, model) = (provider.to_owned(), model.to_owned());
            return Ok(Granted::No(Refused::Unpriced { provider, model }));
        };
        let worst = terms.worst(&price, model, self.errand.bound(), 0)?;
        Ok(Granted::Yes(Priced { terms, price, worst }))
    }

    /// Claims, looks at stops and limits, and reserves.
    async fn begin(&self, priced: Priced, trial: Trial, share: Share) -> Result<Granted<Admitted>> {
        let admitted = Admitted { trial: Some(trial), ..self.admitted(priced, share)? };
        let settings = &admitted.priced.terms.settings;
        let begun = self.shared.begin(&self.who, settings, self.intent(&admitted)?).await?;
        Ok(match admission(begun, &admitted.record.id)? {
            None => Granted::Yes(admitted),
            Some(refused) => Granted::No(refused),
        })
    }

    /// The call as it is if it is admitted.
    fn admitted(&self, priced: Priced, share: Share) -> Result<Admitted> {
        let (id, now) = (self.shared.ids.next(), self.shared.clock.now());
        let attempt = self.attempt(&priced, 1, now);
        let asked = record::Asked {
            operation: E::OPERATION,
            key: None,
            digest: &self.errand.digest(&self.who)?,
            salt: fresh_salt(self.shared.ids.as_ref()),
            consumer: &priced.terms.consumer,
            correlation_id: self.origin.correlation_id.as_deref(),
            streamed: false,
        };
        let record = record::call(&id, asked, &attempt, now)?;
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

    fn intent(&self, admitted: &Admitted) -> Result<Intent> {
        let Admitted { priced, record, attempted_at: now, .. } = admitted;
        let attempt = self.attempt(priced, admitted.number, *now);
        let version = self.shared.policy_version();
        Ok(Intent {
            tenant: self.who.tenant().clone(),
            call: record.clone(),
            checks: priced.terms.checks(self.errand.model(), *now)?,
            owner: self.shared.owner.clone(),
            claimed_until: now.plus(priced.terms.settings.claim_kept),
            audit: self.shared.pending(record::opened(&self.who, record, &attempt, &version, *now)),
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

    async fn record_refusal(&self, refused: &Refused) -> Result<()> {
        metrics::refused(E::OPERATION, refused.code());
        let (id, now) = (self.shared.ids.next(), self.shared.clock.now());
        let (run, version) = (self.origin.run_id(), self.shared.policy_version());
        let drafts = record::refused(&self.who, &id, run, refused, &version, now);
        self.shared.append(drafts).await
    }
}

/// Why a call was not admitted, if it was not.
fn admission(begun: Begun, call: &str) -> Result<Option<Refused>> {
    match begun {
        Begun::Admitted { shadowed } => {
            for refusal in shadowed {
                let code = refusal.code();
                tracing::info!(call, code, "a limit in shadow would have refused a call");
            }
            Ok(None)
        }
        Begun::Refused(refusal) => Ok(Some(Refused::Limit(refusal))),
        Begun::Stopped(stop) => Ok(Some(Refused::Stopped(stop))),
        Begun::Replayed(_) | Begun::UnderWay(_) | Begun::Mismatched => {
            Err(Error::unexpected("a call with a claim of its own was taken for another"))
        }
    }
}
