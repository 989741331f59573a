//! The caller's side of a call: [`ModelCall`] goes in; [`Admission`], [`CallRefusal`], [`CallStream`] and [`CallReceipt`]
//! come back.

use std::pin::Pin;
use std::task::{Context, Poll};

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

/// A chat request with the options that govern it.
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
    /// The request.
    pub request: Request,
    /// The provider to ask, by the name it is configured under; that of the tenant's route without one.
    pub provider: Option<String>,
    /// The idempotency key: a second call with the same key is answered from the record and charged nothing.
    pub idempotency_key: Option<String>,
    /// The caller's own name for the cause of the call.
    pub correlation_id: Option<String>,
    /// The investigation whose cap counts the call.
    pub investigation: Option<String>,
    /// The most that the call may cost with all of its attempts, retries and fallbacks, and with the vector that the answer
    /// cache may need; 0 allows only free calls. It tightens the limits and never loosens them.
    pub max_cost: Option<NanoUsd>,
    /// The run that makes the call, with its caps.
    pub run: Option<RunCaps>,
    /// The corpus of the request's passages. A call with passages and without their corpus is never answered from the cache,
    /// because the right to read the passages cannot be checked then.
    pub corpus: Option<CorpusId>,
    /// Whether the cache may answer.
    pub cache: CacheUse,
}

/// The caps of a run, on all of its calls together: chat, embeddings and speech. Caps tighten the limits and never loosen
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCaps {
    /// The run.
    pub id: RunId,
    /// The most chat calls; 0 allows none. Calls for embeddings and speech are not counted.
    pub max_calls: Option<u32>,
    /// The most cost units; 0 allows no call.
    pub max_cost_units: Option<u64>,
    /// The most money; 0 allows only free calls.
    pub max_cost: Option<NanoUsd>,
}

impl RunCaps {
    /// A run without caps of its own: only the limits in force apply.
    pub fn unlimited(id: RunId) -> Self {
        Self { id, max_calls: None, max_cost_units: None, max_cost: None }
    }

    /// The caps on all calls, as limits of the run.
    pub(super) fn limits(&self) -> impl Iterator<Item = Limit> {
        let limit = |meter, cap| Limit::new(ScopeKind::Run, meter, Window::Total, cap);
        let units = self.max_cost_units.map(|cap| limit(Meter::CostUnits, Cap::Limited(cap)));
        // A limit of zero refuses free calls as well, so a cap of zero is checked against each worst case instead.
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
    /// A call with no options: only the limits in force govern it.
    pub fn new(request: Request) -> Self {
        Self { request, ..Self::default() }
    }
}

/// The result of admission: the output of the call, or a refusal.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission<T> {
    /// The call was admitted.
    Granted(T),
    /// The call was refused: nothing was sent, and nothing is charged.
    Refused(CallRefusal),
}

impl<T> Admission<T> {
    /// The output, or the refusal as an error.
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

/// The reason why a call was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum CallRefusal {
    /// A limit would be exceeded.
    Limit(Refusal),
    /// A kill switch is on.
    #[serde(rename = "stopped")]
    KillSwitch(KillSwitch),
    /// The price of the model is unknown.
    #[serde(rename = "unpriced")]
    PriceUnknown {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    },
    /// The worst case exceeds the cost bound of the caller.
    #[serde(rename = "too_dear")]
    MaxCostExceeded {
        /// The worst case.
        worst: NanoUsd,
        /// The part of the bound that is left.
        allowed: NanoUsd,
    },
}

impl CallRefusal {
    /// The sentence for the user.
    pub fn sentence(&self) -> String {
        match self {
            Self::Limit(refusal) => refusal.sentence(),
            Self::KillSwitch(switch) => switch.sentence(),
            Self::PriceUnknown { provider, model } => {
                format!("the price of `{model}` at `{provider}` is unknown")
            }
            Self::MaxCostExceeded { worst, allowed } => {
                format!("the call may cost up to {worst}, and at most {allowed} are allowed")
            }
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit(refusal) => refusal.code(),
            Self::KillSwitch(_) => "KILL_SWITCH",
            Self::PriceUnknown { .. } => "PRICE_UNKNOWN",
            Self::MaxCostExceeded { .. } => "MAX_COST_EXCEEDED",
        }
    }

    /// The refusal as `caller` may see it: the consumption of others is for admins. An investigation is the caller's own
    /// where a run of the caller made the call.
    pub(super) fn shown_to(self, caller: &Principal, is_of_run: bool) -> Self {
        if Visibility::of(caller) == Visibility::All {
            return self;
        }
        match self {
            Self::Limit(refusal) if !refusal.is_own(is_of_run) => Self::Limit(Refusal { used: 0, ..refusal }),
            Self::KillSwitch(switch) => Self::KillSwitch(switch.without_figures()),
            Self::Limit(_) | Self::PriceUnknown { .. } | Self::MaxCostExceeded { .. } => self,
        }
    }

    /// The refusal as an error.
    pub fn to_error(&self, now: Timestamp) -> Error {
        match self {
            Self::Limit(refusal) => refusal.to_error(now),
            Self::KillSwitch(_) => Error::new(ErrorKind::Denied, self.sentence()).with_code(self.code()),
            Self::PriceUnknown { .. } => Error::new(ErrorKind::Denied, self.sentence())
                .with_code(self.code())
                .with_hint("set one with `nexus pricing set`"),
            Self::MaxCostExceeded { .. } => {
                Error::new(ErrorKind::RateLimited, self.sentence()).with_code(self.code())
            }
        }
    }
}

/// The receipt of an answered call: its provider, attempts and cost.
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
    /// The charge.
    pub cost: NanoUsd,
    /// Whether the charge is an estimate.
    pub estimated: bool,
    /// Whether the cache answered.
    pub was_cached: bool,
    /// The cost that a cached answer avoided.
    pub avoided: NanoUsd,
    /// Whether the answer is that of an earlier call with the same idempotency key, which was charged then.
    pub was_replayed: bool,
}

/// A whole answer with the call's receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// The answer, without the model's reasoning: admins read that from the ledger.
    pub reply: Completion,
    /// The call's receipt.
    pub receipt: CallReceipt,
}

/// An event that the call's task sends to its caller.
#[derive(Debug)]
pub(super) enum CallEvent {
    Piece(CompletionEvent),
    Failed(Error),
    Ended(CallReceipt),
}

/// A streamed answer. It ends with [`CompletionEvent::Finish`] once the call is settled, or with one error.
///
/// Dropping the stream does not end the call: the answer is paid for, is read to its end and settled.
/// [`CallStream::cancel`] ends the call.
#[derive(Debug)]
pub struct CallStream {
    pub(super) events: mpsc::UnboundedReceiver<CallEvent>,
    pub(super) cancel: watch::Sender<bool>,
    pub(super) receipt: Option<CallReceipt>,
    pub(super) over: bool,
}

impl CallStream {
    /// Cancels the call: the connection to the vendor is closed, and the call is settled.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// A handle that cancels the call when the stream itself is out of reach.
    pub(crate) fn canceller(&self) -> watch::Sender<bool> {
        self.cancel.clone()
    }

    /// The call's receipt, once the stream has ended well.
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
            match std::task::ready!(self.events.poll_recv(context)) {
                Some(CallEvent::Piece(piece)) => return Poll::Ready(Some(Ok(piece))),
                // The receipt comes before the last piece, so that a caller with the last piece has both.
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

/// The error for a call whose task was ended by a shutdown.
pub(super) fn shutting_down() -> Error {
    Error::new(ErrorKind::Unavailable, "Nexus is shutting down").with_code("SHUTTING_DOWN")
}
