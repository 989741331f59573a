//! Calls that a process before this one left open: each is found at the next start, and ends.

use super::{Gateway, record};
use crate::document::model::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Attempt, AttemptStatus, CallResult, CallStatus, Ending, OpenCall, Settlement};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::Amounts;
use crate::usage::Usage;

impl Gateway {
    /// Ends the calls that nobody works on any more; says how many there were.
    ///
    /// Nobody knows whether the vendor heard them, so each is charged what was reserved, as `unknown_outcome`, until
    /// somebody reconciles it with the vendor's bill. One that could cost nothing is charged nothing, and may be made again.
    pub(crate) async fn recover(&self) -> Result<usize> {
        let mut ended = 0;
        for open in self.shared.store.open_calls().await? {
            if open.owner != self.shared.owner {
                self.end(open).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    async fn end(&self, open: OpenCall) -> Result<()> {
        let (shared, now) = (&self.shared, self.shared.clock.now());
        let system = Principal::system(open.tenant.as_str(), "recovery")?;
        let ending = open.attempt.as_ref().map(|attempt| outcome_unknown(attempt, now));
        let charged = ending.as_ref().map_or(NanoUsd::ZERO, |ending| ending.charged.money);
        let attempts = open.attempt.as_ref().map_or(0, |attempt| attempt.number);
        let status = CallStatus::Unknown;
        let end = record::End { status, ending: ending.as_ref(), charged, attempts, avoided: None };
        let audit = shared.pending(record::closed(&system, &open.call, &end, &shared.policy_version(), now));
        let settings = self.settings();
        let settlement = Settlement {
            tenant: open.tenant,
            call: open.call.id,
            ending,
            status,
            result: CallResult::Failed(Failure::from(&interrupted())),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: None,
            at: now,
            day: settings.zone.day(open.attempt.as_ref().map_or(now, |attempt| attempt.started_at)),
            shutoff: settings.shutoff,
            audit,
        };
        shared.store.settle(settlement).await.map(drop)
    }
}

fn outcome_unknown(attempt: &Attempt, now: crate::clock::Timestamp) -> Ending {
    let free = attempt.reserved.money == NanoUsd::ZERO;
    Ending {
        number: attempt.number,
        status: if free { AttemptStatus::FailedUnbilled } else { AttemptStatus::UnknownOutcome },
        usage: Usage::default(),
        charged: if free { Amounts::ZERO } else { attempt.reserved },
        estimated: !free,
        error: Some(interrupted().stable_code().to_owned()),
        at: now,
    }
}

fn interrupted() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the process ended in the middle of the call, and nobody knows what became of it",
    )
    .code("CALL_OUTCOME_UNKNOWN")
    .hint("ask again")
}
