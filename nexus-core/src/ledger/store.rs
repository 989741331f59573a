//! The ports that admit, settle and read calls: [`QuotaStore`] and [`LedgerStore`].

use async_trait::async_trait;

use super::{
    Attempt, AttemptOutcome, AutoTripRule, Call, CallResult, CallStatus, KillSwitch, KillSwitchScope,
    LedgerEntry, LedgerQuery, Reconciliation, UsageBy, UsageRecord, UsageRow,
};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::money::NanoUsd;
use crate::price::PriceRow;
use crate::principal::TenantId;
use crate::quota::{CounterKey, CounterState, Limit, LimitCheck, LimitKey, Refusal};

/// Everything that must be durable before a call leaves.
#[derive(Clone, Debug)]
pub struct BeginCall {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call, as it is admitted.
    pub call: Call,
    /// Its first attempt.
    pub attempt: Attempt,
    /// The limits that apply.
    pub checks: Vec<LimitCheck>,
    /// The process that makes it.
    pub owner: String,
    /// Until when its claim holds.
    pub claimed_until: Timestamp,
    /// The record of its admission.
    pub audit: audit::UnsealedRecords,
}

/// What became of an [`Intent`].
#[derive(Clone, Debug, PartialEq)]
pub enum BeginResult {
    /// The call may leave. The limits it broke in shadow are named.
    Admitted {
        /// Those limits.
        shadowed: Vec<Refusal>,
    },
    /// A limit refuses it. Nothing was recorded.
    Refused(Refusal),
    /// A stop refuses it. Nothing was recorded.
    KillSwitch(KillSwitch),
    /// It was made before, and this is what came of it. Nothing was recorded.
    Replayed(Box<(Call, CallResult)>),
    /// It is being made, under this id. Nothing was recorded.
    InProgress(String),
    /// Its claim was used before for another request. Nothing was recorded.
    IdempotencyConflict,
}

/// The end of an attempt, and the beginning of the next one of the same call.
#[derive(Clone, Debug)]
pub struct RetryCall {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// How the attempt ended.
    pub ending: AttemptOutcome,
    /// The next attempt.
    pub attempt: Attempt,
    /// The limits that apply to it.
    pub checks: Vec<LimitCheck>,
    /// The civil day that the attempt which ended is booked on, as `2026-03-01`: that of its beginning, so that the
    /// counters and the ledger agree.
    pub day: String,
    /// The record of both: written even when the next attempt is refused, since the ending holds all the same.
    pub audit: audit::UnsealedRecords,
}

/// The end of a call.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// How its last attempt ended; nothing when that was recorded already.
    pub ending: Option<AttemptOutcome>,
    /// How the call ended.
    pub status: CallStatus,
    /// What it came to.
    pub result: CallResult,
    /// What a cache spared, when it answered instead of the model.
    pub avoided: Option<NanoUsd>,
    /// Whether the answer may serve to train models.
    pub distillation_eligible: bool,
    /// What the model thought: kept apart from the answer, for admins.
    pub reasoning: String,
    /// When the first word came.
    pub first_byte_at: Option<Timestamp>,
    /// When it ended.
    pub at: Timestamp,
    /// The civil day and month that its last attempt is booked on, as `2026-03-01`: that of the attempt's beginning,
    /// so that the counters and the ledger agree.
    pub day: String,
    /// When to shut the scopes it belongs to.
    pub shutoff: AutoTripRule,
    /// The record of its end.
    pub audit: audit::UnsealedRecords,
}

/// A call without an end, as a restart finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call.
    pub call: Call,
    /// Its attempt without an end, if there is one.
    pub attempt: Option<Attempt>,
    /// The process that made it.
    pub owner: String,
}

/// Admits and settles calls. Claim, reservation, intent and audit are one step; so are result, settlement, ledger and
/// audit. The steps are short: no store waits for a vendor inside one.
///
/// # Contract
/// - Claims, stops and limits are looked at in that order, and reservations are all or nothing.
/// - Concurrent reservations never exceed a limit.
/// - The same claim with the same digest is replayed once it is over, under way until then; with another digest it is mismatched.
/// - A claim that has run out is free again, and a call that failed before anything was sent gives its claim back.
/// - A call that is booked whole leaves what one leaves that was begun and settled, or nothing at all.
/// - A call that is claimed under its own id was given no key: its result is not kept, and the id is nobody's claim.
/// - Settling replaces a reservation by what was charged; a second settlement changes nothing and says so.
/// - After every call is settled, nothing is reserved and the counters hold the sum of the ledger.
/// - A retry ends one attempt and reserves for the next, or refuses the next and ends the one all the same.
/// - Each attempt has exactly one line of its own in the ledger once it is over, and none before.
/// - A correction is another line, booked on the day of the line that it corrects, and every sum, every counter that
///   counted that line and the call follow.
/// - Only an estimate is corrected, as often as somebody knows better, and of two who correct the same line one does.
/// - A new counter begins with what the ledger has for it, whatever its scope, model and window, and what is under way then
///   is counted when it ends.
/// - A scope that breaks the shutoff rule is shut in the same step as the settlement that broke it.
/// - Open calls of every tenant are found again after a restart.
/// - Nothing of one tenant is seen or counted by another.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// Claims, looks at stops and limits, reserves and records. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// Those of a store; then nothing was admitted.
    async fn begin(&self, intent: BeginCall) -> Result<BeginResult>;

    /// Admits a call that is over already, and ends it in the same step: for what is done within this process, and leaves
    /// no room for a crash between the two. Anything but [`Begun::Admitted`] recorded nothing. The write commits even
    /// when the future is dropped.
    ///
    /// # Errors
    /// Those of [`QuotaStore::begin`] and [`QuotaStore::settle`]; then nothing was recorded.
    async fn record_completed(&self, intent: BeginCall, settlement: Settlement) -> Result<BeginResult>;

    /// Ends one attempt and admits the next: [`Begun::Admitted`], [`Begun::Refused`] or [`Begun::Stopped`].
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the attempt is over already.
    async fn retry(&self, retry: RetryCall) -> Result<BeginResult>;

    /// Ends a call. Says whether it was this settlement that ended it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call.
    async fn settle(&self, settlement: Settlement) -> Result<bool>;

    /// Writes a correction of an attempt's line, which stays as it is, and returns it. Counters of days, of months and of
    /// all time follow; stretches of seconds and the hours of the shutoff pass by themselves and do not.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the line; [`Conflict`](crate::ErrorKind::Conflict) with
    /// `CALL_NOT_ESTIMATED` as [`LedgerEntry::check_estimated`], with `ENTRY_CONFLICT` when somebody else corrected it
    /// first.
    async fn reconcile(&self, reconciliation: Reconciliation) -> Result<LedgerEntry>;

    /// What became of a call: nothing while it is under way.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call.
    async fn call_result(&self, tenant: &TenantId, call: &str) -> Result<Option<CallResult>>;

    /// The calls of every tenant that have no end, oldest first.
    ///
    /// # Errors
    /// Those of a store.
    async fn open_calls(&self) -> Result<Vec<OpenCall>>;

    /// How counters stand, in the order asked.
    ///
    /// # Errors
    /// Those of a store.
    async fn used(&self, tenant: &TenantId, keys: &[CounterKey]) -> Result<Vec<CounterState>>;

    /// The limits that were set for a tenant at run time.
    ///
    /// # Errors
    /// Those of a store.
    async fn limits(&self, tenant: &TenantId) -> Result<Vec<Limit>>;

    /// Sets a limit of a tenant in the place of one with the same subject.
    ///
    /// # Errors
    /// Those of a store.
    async fn set_limit(&self, tenant: &TenantId, limit: &Limit, audit: audit::UnsealedRecords) -> Result<()>;

    /// Takes a limit back. Says whether there was one.
    ///
    /// # Errors
    /// Those of a store.
    async fn remove_limit(
        &self,
        tenant: &TenantId,
        subject: &LimitKey,
        audit: audit::UnsealedRecords,
    ) -> Result<bool>;

    /// The stops that hold for a tenant or for everybody.
    ///
    /// # Errors
    /// Those of a store.
    async fn kill_switches(&self, tenant: &TenantId, now: Timestamp) -> Result<Vec<KillSwitch>>;

    /// Shuts a scope of the tenant, or everything.
    ///
    /// # Errors
    /// Those of a store.
    async fn trip(&self, tenant: &TenantId, stop: &KillSwitch, audit: audit::UnsealedRecords) -> Result<()>;

    /// Opens a scope again, and begins its hour anew. Says whether it was shut.
    ///
    /// # Errors
    /// Those of a store.
    async fn rearm(
        &self,
        tenant: &TenantId,
        scope: &KillSwitchScope,
        now: Timestamp,
        audit: audit::UnsealedRecords,
    ) -> Result<bool>;
}

/// Reads what calls left behind, and keeps prices.
///
/// # Contract
/// - Lines are listed latest first, and only those of the tenant.
/// - A line of unknown outcome awaits reconciliation until it is corrected.
/// - Usage by any grouping sums to the same total, which is that of the ledger.
/// - Documents are counted on the day that their publication names, beside the calls of that day.
/// - A price row is added, never replaced, and is read back as it was written.
/// - What a model thought is read by its call's id, apart from the call.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Calls.
    ///
    /// # Errors
    /// Those of a store.
    async fn calls(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<Call>>;

    /// Lines of the ledger.
    ///
    /// # Errors
    /// Those of a store.
    async fn ledger(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<LedgerEntry>>;

    /// What was consumed from the civil day `from` to `to`, both included, dearest first.
    ///
    /// # Errors
    /// Those of a store.
    async fn usage(&self, tenant: &TenantId, by: UsageBy, from: &str, to: &str) -> Result<Vec<UsageRow>>;

    /// What was done with each provider, by day.
    ///
    /// # Errors
    /// Those of a store.
    async fn usage_records(&self, tenant: &TenantId, from: &str, to: &str) -> Result<Vec<UsageRecord>>;

    /// What a model thought in a call; nothing where it did not or where that is not kept.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call.
    async fn reasoning(&self, tenant: &TenantId, call: &str) -> Result<Option<String>>;

    /// The prices that were added at run time, in the order they were.
    ///
    /// # Errors
    /// Those of a store.
    async fn prices(&self) -> Result<Vec<PriceRow>>;

    /// Adds a price.
    ///
    /// # Errors
    /// Those of a store.
    async fn add_price(&self, row: &PriceRow, audit: audit::UnsealedRecords) -> Result<()>;
}
