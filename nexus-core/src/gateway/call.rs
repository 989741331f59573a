//! What a caller hands in and gets back: [`ModelCall`], [`Granted`], [`Refused`] and the [`CallStream`].

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::access::Visibility;
use crate::cache::CacheUse;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CorpusId, RunId};
use crate::ledger::KillSwitch;
use crate::llm::{Completion, CompletionEvent, Request};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::{
    ANSWERS, Cap, CounterKey, Limit, LimitCheck, LimitMode, Meter, Refusal, ScopeKind, Window,
};

/// A request to a model with what governs it.
///
/// ```
/// use nexus_core::gateway::ModelCall;
/// use nexus_core::llm::Request;
/// use nexus_core::NanoUsd;
///
/// let call = ModelCall {
///     idempotency_key: Some("invoice-4711".to_owned()),
///     max_cost: Some(NanoUsd::from_nanos(10_000_000)), // one cent
///     ..ModelCall::new(Request::asking("Name three rivers."))
/// };
/// # let _ = call;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCall {
    /// What is asked.
    pub request: Request,
    /// The provider to ask, by the name it is configured under; that of the tenant's route unless told.
    pub provider: Option<String>,
    /// Makes the call the same call when it is made again: it is answered from the record and charged nothing.
    pub idempotency_key: Option<String>,
    /// The caller's own name for what led to it.
    pub correlation_id: Option<String>,
    /// The investigation whose cap counts it.
    pub investigation: Option<String>,
    /// The most it may cost with all of its attempts, retries and fallbacks, and with the vector that the cache of answers may
    /// need; 0 allows only what is free. It tightens the limits and never loosens them.
    pub max_cost: Option<NanoUsd>,
    /// The run that makes it, and what that run may consume.
    pub run: Option<RunCaps>,
    /// The corpus that its passages are from. A call that shows passages without saying so is never answered from the
    /// cache: nobody could tell whether the passages may still be read.
    pub corpus: Option<CorpusId>,
    /// Whether the cache may answer.
    pub cache: CacheUse,
}

/// A run, and what all of its calls together may consume: those that answer, those that embed its question and those that
/// speak. Caps tighten the limits and never loosen them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCaps {
    /// The run.
    pub id: RunId,
    /// The most calls that answer; 0 allows none. Calls for vectors and speech are not counted.
    pub max_calls: Option<u32>,
    /// The most cost units; 0 allows no call.
    pub max_cost_units: Option<u64>,
    /// The most money; 0 allows only what is free.
    pub max_cost: Option<NanoUsd>,
}

impl RunCaps {
    /// A run that may consume whatever the limits allow.
    pub fn unlimited(id: RunId) -> Self {
        Self { id, max_calls: None, max_cost_units: None, max_cost: None }
    }

    /// The caps on all calls, as limits of the run.
    pub(super) fn limits(&self) -> impl Iterator<Item = Limit> {
        let limit = |meter, cap| Limit::new(ScopeKind::Run, meter, Window::Total, cap);
        let units = self.max_cost_units.map(|cap| limit(Meter::CostUnits, Cap::Limited(cap)));
        // A limit of nothing refuses what is free as well, so that a cap of nothing is checked against each worst case.
        let money = self.max_cost.filter(|cap| *cap > NanoUsd::ZERO);
        units.into_iter().chain(money.map(|cap| limit(Meter::Money, Cap::money(cap))))
    }

    /// The cap on the calls that answer, on a counter of its own.
    pub(super) fn answers(&self) -> Option<LimitCheck> {
        Some(LimitCheck {
            key: CounterKey {
                scope: ScopeKind::Run,
                id: self.id.to_string(),
                model: "*".to_owned(),
                window: ANSWERS.to_owned(),
            },
            meter: Meter::Calls,
            window: Window::Total,
            cap: Cap::Limited(self.max_calls?.into()),
            mode: LimitMode::Enforce,
            resets_at: None,
        })
    }
}

impl ModelCall {
    /// A call that is governed by nothing but the limits in force.
    pub fn new(request: Request) -> Self {
        Self { request, ..Self::default() }
    }
}

/// A yes with what was asked for, or a no.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission<T> {
    /// Yes.
    Granted(T),
    /// No; nothing was sent, and nothing is charged.
    Refused(CallRefusal),
}

impl<T> Admission<T> {
    /// What was granted, or the refusal as an error.
    ///
    /// # Errors
    /// [`CallRefusal::to_error`].
    pub fn or_error(self, now: Timestamp) -> Result<T> {
        match self {
            Self::Granted(granted) => Ok(granted),
            Self::Refused(refused) => Err(refused.to_error(now)),
        }
    }
}

/// Why a call was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum CallRefusal {
    /// A limit would be exceeded.
    Limit(Refusal),
    /// Calls are shut off.
    Stopped(KillSwitch),
    /// Nobody knows what the model costs.
    Unpriced {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    },
    /// It could cost more than its caller allows.
    TooDear {
        /// The most it could cost.
        worst: NanoUsd,
        /// The most it may: what is left of its caller's bound.
        allowed: NanoUsd,
    },
}

impl CallRefusal {
    /// The sentence for the user.
    pub fn sentence(&self) -> String {
        match self {
            Self::Limit(refusal) => refusal.sentence(),
            Self::Stopped(stop) => stop.sentence(),
            Self::Unpriced { provider, model } => {
                format!("the price of `{model}` at `{provider}` is unknown")
            }
            Self::TooDear { worst, allowed } => {
                format!("the call may cost up to {worst}, and at most {allowed} are allowed")
            }
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit(refusal) => refusal.code(),
            Self::Stopped(_) => "KILL_SWITCH",
            Self::Unpriced { .. } => "PRICE_UNKNOWN",
            Self::TooDear { .. } => "MAX_COST_EXCEEDED",
        }
    }

    /// The refusal as `who` may see it: what others consume is for admins. An investigation is one's own where a run of
    /// one's own made the call.
    pub(super) fn shown_to(self, caller: &Principal, is_of_run: bool) -> Self {
        if Visibility::of(caller) == Visibility::All {
            return self;
        }
        match self {
            Self::Limit(refusal) if !refusal.is_own(is_of_run) => Self::Limit(Refusal { used: 0, ..refusal }),
            Self::Stopped(stop) => Self::Stopped(stop.without_figures()),
            Self::Limit(_) | Self::Unpriced { .. } | Self::TooDear { .. } => self,
        }
    }

    /// The refusal as an error, for callers that know no other no.
    pub fn to_error(&self, now: Timestamp) -> Error {
        match self {
            Self::Limit(refusal) => refusal.to_error(now),
            Self::Stopped(_) => Error::new(ErrorKind::Denied, self.sentence()).code(self.code()),
            Self::Unpriced { .. } => Error::new(ErrorKind::Denied, self.sentence())
                .code(self.code())
                .hint("set one with `nexus pricing set`"),
            Self::TooDear { .. } => Error::new(ErrorKind::RateLimited, self.sentence()).code(self.code()),
        }
    }
}

/// What is known of a call that was answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallReceipt {
    /// The call's id, which also names its audit chain.
    pub call: String,
    /// The name of the provider that answered.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// How many attempts it took.
    pub attempts: u32,
    /// What was charged.
    pub cost: NanoUsd,
    /// Whether that is an estimate.
    pub estimated: bool,
    /// Whether a cache answered.
    pub was_cached: bool,
    /// What the cached answer would have cost.
    pub avoided: NanoUsd,
    /// Whether the answer is that of an equal call before, charged then.
    pub was_replayed: bool,
}

/// A whole answer and what is known of the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// The answer. What the model thought is not in it: admins read that from the ledger.
    pub reply: Completion,
    /// What is known of the call.
    pub receipt: CallReceipt,
}

/// What travels from the call's task to its caller.
#[derive(Debug)]
pub(super) enum CallEvent {
    Piece(CompletionEvent),
    Failed(Error),
    Ended(CallReceipt),
}

/// A streamed answer. It ends with [`CompletionEvent::Finish`] once the call is settled, or with one error.
///
/// Dropping it does not end the call: the answer was paid for, is read to its end and settled. [`CallStream::cancel`]
/// ends it.
#[derive(Debug)]
pub struct CallStream {
    pub(super) told: mpsc::UnboundedReceiver<CallEvent>,
    pub(super) cancel: watch::Sender<bool>,
    pub(super) receipt: Option<CallReceipt>,
    pub(super) over: bool,
}

impl CallStream {
    /// Ends the call: the connection to the vendor is closed, and what is known is settled.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// Something that ends the call when the stream itself is out of reach.
    pub(crate) fn canceller(&self) -> watch::Sender<bool> {
        self.cancel.clone()
    }

    /// What is known of the call, once the stream has ended well.
    pub fn receipt(&self) -> Option<&CallReceipt> {
        self.receipt.as_ref()
    }
}

impl Stream for CallStream {
    type Item = Result<CompletionEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.over {
                return Poll::Ready(None);
            }
            match std::task::ready!(self.told.poll_recv(context)) {
                Some(CallEvent::Piece(piece)) => return Poll::Ready(Some(Ok(piece))),
                // It comes before the last piece, so that whoever has that has it all.
                Some(CallEvent::Ended(receipt)) => self.receipt = Some(receipt),
                Some(CallEvent::Failed(error)) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.over = true;
                    if self.receipt.is_none() {
                        return Poll::Ready(Some(Err(shutting_down())));
                    }
                }
            }
        }
    }
}

/// Whoever could be asked is left alone for so long.
pub(super) fn circuit_open(message: &'static str, wait: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, message).code("PROVIDERS_UNAVAILABLE").with_retry_after(wait)
}

/// The task was ended before its call was.
pub(super) fn shutting_down() -> Error {
    Error::new(ErrorKind::Unavailable, "Nexus is shutting down").code("SHUTTING_DOWN")
}
