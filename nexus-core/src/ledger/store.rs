//! Ports that admit, settle and read calls: [`QuotaStore`] and [`LedgerStore`].

use async_trait::async_trait;

use super::kill_switch::{AUTO_TRIP, TRIPPED};
use super::{
    Attempt, AttemptOutcome, AutoTripRule, Call, CallResult, CallStatus, KillSwitch, KillSwitchScope,
    LedgerEntry, LedgerQuery, Reconciliation, UsageBy, UsageRecord, UsageRow,
};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::OwnerId;
use crate::money::NanoUsd;
use crate::owner::OwnerLease;
use crate::page::Page;
use crate::principal::TenantId;
use crate::quota::{CounterKey, CounterState, Limit, LimitCheck, LimitKey, Refusal};

/// Admission request: everything that must be durable before a call is sent.
#[derive(Clone, Debug)]
pub struct BeginCall {
    /// The call's tenant.
    pub tenant: TenantId,
    /// The call, as it is admitted.
    pub call: Call,
    /// The first attempt.
    pub attempt: Attempt,
    /// The limits that apply.
    pub checks: Vec<LimitCheck>,
    /// The version of the settings that limits and prices were taken from, see [`QuotaStore::settings_version`].
    pub settings_version: u64,
    /// The owner of the call, with the end of its lease on the call.
    pub lease: OwnerLease,
    /// The time at which the idempotency key expires.
    pub key_expires_at: Timestamp,
    /// The audit record of the admission.
    pub audit: audit::UnsealedRecords,
}

/// Result of [`QuotaStore::begin`]. Everything but `Admitted` records nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum BeginResult {
    /// The call may be sent.
    Admitted {
        /// The shadow limits that the call exceeds.
        shadowed: Vec<Refusal>,
    },
    /// A limit refuses the call.
    Refused(Refusal),
    /// A kill switch refuses the call.
    KillSwitch(KillSwitch),
    /// The settings were changed after limits and prices were taken from them: they must be read again.
    SettingsChanged,
    /// An equal call has ended, with this result.
    Replayed(Box<(Call, CallResult)>),
    /// An equal call is in flight, under this id.
    InProgress(String),
    /// The idempotency key belongs to another request.
    IdempotencyConflict,
}

/// Retry request: the outcome of one attempt, and the next attempt of the same call.
#[derive(Clone, Debug)]
pub struct RetryCall {
    /// The call's tenant.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// The owner that makes the call.
    pub owner: OwnerId,
    /// The outcome of the finished attempt.
    pub outcome: AttemptOutcome,
    /// The next attempt.
    pub attempt: Attempt,
    /// The limits that apply to the next attempt.
    pub checks: Vec<LimitCheck>,
    /// The civil day that the finished attempt is booked on, as `2026-03-01`: the day of its start, so that the
    /// counters and the ledger agree.
    pub day: String,
    /// The audit record of both attempts. It is written even when the next attempt is refused, since the outcome
    /// stands.
    pub audit: audit::UnsealedRecords,
}

/// Settlement of a call.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The call's tenant.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// The owner that settles the call.
    pub owner: OwnerId,
    /// The outcome of the last attempt; `None` when it is recorded already.
    pub outcome: Option<AttemptOutcome>,
    /// The call's final status.
    pub status: CallStatus,
    /// The result.
    pub result: CallResult,
    /// The cost that a cache hit avoided.
    pub avoided: Option<NanoUsd>,
    /// Whether the answer may be used to train models.
    pub distillation_eligible: bool,
    /// The model's reasoning, stored apart from the answer for admins.
    pub reasoning: String,
    /// The time of the first output.
    pub first_byte_at: Option<Timestamp>,
    /// The end time.
    pub at: Timestamp,
    /// The civil day that the last attempt is booked on, as `2026-03-01`: the day of its start, so that the counters
    /// and the ledger agree.
    pub day: String,
    /// The rule that trips the kill switches of the call's scopes.
    pub auto_trip: AutoTripRule,
    /// The audit record of the end.
    pub audit: audit::UnsealedRecords,
}

impl Settlement {
    /// Adds the record of a kill switch that this settlement tripped, before the last record of the call. Nexus itself
    /// trips it, so that the actor is the system.
    pub fn record_trip(&mut self, switch: &KillSwitch) {
        let drafts = &mut self.audit.drafts;
        let Some(end) = drafts.last().cloned() else { return };
        let record =
            audit::Draft { kind: TRIPPED, actor: AUTO_TRIP.to_owned(), payload: switch.facts(), ..end };
        drafts.insert(drafts.len().saturating_sub(1), record);
    }
}

/// Unsettled call, as recovery finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// The id of the call's tenant.
    pub tenant: String,
    /// The call.
    pub call: Call,
    /// The unfinished attempt, if there is one.
    pub attempt: Option<Attempt>,
    /// The owner of the call.
    pub owner: OwnerId,
}

/// Port that admits and settles calls. Idempotency key, reservation, call and audit record are one transaction; so are
/// result, settlement, ledger entry and audit record. No transaction waits for a vendor.
///
/// # Contract
/// - Idempotency keys, kill switches and limits are checked in that order; reservations are all or nothing.
/// - Every change of limits or prices gives another settings version; a call with an earlier one is not admitted.
/// - Concurrent reservations never exceed a limit.
/// - The same key with the same digest is in progress until its call ends and is replayed then; with another digest it
///   is a conflict.
/// - An expired key is free again.
/// - A call that failed before anything was sent releases its key.
/// - A call that is recorded as completed leaves the same rows as one that was begun and settled; a refused one leaves
///   none.
/// - A call under its own id has no idempotency key: its result is not stored, and no request matches the id.
/// - Settling replaces a reservation by the charge; a second settlement changes nothing and returns so.
/// - After every call is settled, nothing is reserved and the counters hold the sum of the ledger.
/// - A retry ends one attempt and reserves for the next; where the next is refused, the first still ends.
/// - A call cannot end while an attempt is open or with the outcome of another attempt.
/// - A record that cannot be sealed admits and settles nothing.
/// - Each attempt has exactly one ledger entry of its own once it is finished, and none before.
/// - A correction is a further entry, and every sum, every counter and the call follow; the entry is booked on the day
///   of the corrected one, and a counter whose window had passed by then stays.
/// - Only an estimate is corrected, any number of times; of two concurrent corrections of an entry one succeeds.
/// - A new counter begins with the sum that the ledger has for it; calls in flight then are counted when they end.
/// - A limit in shadow admits and is named in the call.
/// - Limits that are set are read back until they are removed.
/// - Windows are counted apart, and a clock that goes back finds the earlier counter.
/// - An amount beyond 64 bits is an error and changes nothing.
/// - A kill switch holds for its scope until it is rearmed or expires.
/// - Lists of kill switches are in order of scope; a page continues after its cursor and repeats and skips nothing.
/// - The settlement that exceeds the auto-trip rule trips the kill switch of its scope; the same transaction records
///   the trip with its figures in the chain of the call, before the end of the call.
/// - A retry or settlement by another owner is a conflict and changes nothing; the code is `OWNER_LOST`.
/// - No tenant sees or counts rows of another.
#[async_trait]
pub trait QuotaStore: std::fmt::Debug + Send + Sync {
    /// Admits a call: takes its idempotency key, checks kill switches and limits, reserves and records. The write
    /// commits even when the future is dropped.
    ///
    /// # Errors
    /// Those of a store; nothing is admitted then.
    async fn begin(&self, intent: BeginCall) -> Result<BeginResult>;

    /// Admits and settles a completed call in one transaction: for in-process models, so that no crash can come
    /// between the two. Anything but [`BeginResult::Admitted`] records nothing. The write commits even when the future
    /// is dropped.
    ///
    /// # Errors
    /// Those of [`QuotaStore::begin`] and [`QuotaStore::settle`]; nothing is recorded then.
    async fn record_completed(&self, intent: BeginCall, settlement: Settlement) -> Result<BeginResult>;

    /// Ends one attempt and admits the next: [`BeginResult::Admitted`], [`BeginResult::Refused`] or
    /// [`BeginResult::KillSwitch`].
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the attempt has ended already; with `OWNER_LOST` when the call
    /// belongs to another owner.
    async fn retry(&self, retry: RetryCall) -> Result<BeginResult>;

    /// Settles a call, and returns whether this settlement ended it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call; [`Conflict`](crate::ErrorKind::Conflict) with
    /// `OWNER_LOST` when it belongs to another owner.
    async fn settle(&self, settlement: Settlement) -> Result<bool>;

    /// Writes a correction of an attempt's entry, which stays unchanged, and returns it. Counters of days, months and
    /// all time follow; windows of seconds and the hourly statistics of kill switches do not.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the entry; [`Conflict`](crate::ErrorKind::Conflict) with
    /// `CALL_NOT_ESTIMATED` as [`LedgerEntry::check_estimated`], with `ENTRY_CONFLICT` after a concurrent correction.
    async fn reconcile(&self, reconciliation: Reconciliation) -> Result<LedgerEntry>;

    /// Returns the result of a call; `None` while the call is in flight.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call.
    async fn call_result(&self, tenant: &TenantId, call: &str) -> Result<Option<CallResult>>;

    /// Returns the states of counters, in the order of `keys`.
    ///
    /// # Errors
    /// Those of a store.
    async fn used(&self, tenant: &TenantId, keys: &[CounterKey]) -> Result<Vec<CounterState>>;

    /// Returns the version of the settings that were changed at run time and concern a tenant: its limits and the prices.
    /// Settings that are read after their version hold as long as it does, for every process.
    ///
    /// # Errors
    /// Those of a store.
    async fn settings_version(&self, tenant: &TenantId) -> Result<u64>;

    /// Returns all limits that were set for a tenant at run time, for decisions that depend on each.
    ///
    /// # Errors
    /// Those of a store.
    async fn limits(&self, tenant: &TenantId) -> Result<Vec<Limit>>;

    /// Sets a limit of a tenant, and replaces one with the same key.
    ///
    /// # Errors
    /// Those of a store.
    async fn set_limit(&self, tenant: &TenantId, limit: &Limit, audit: audit::UnsealedRecords) -> Result<()>;

    /// Removes a limit, and returns whether there was one.
    ///
    /// # Errors
    /// Those of a store.
    async fn remove_limit(
        &self,
        tenant: &TenantId,
        subject: &LimitKey,
        audit: audit::UnsealedRecords,
    ) -> Result<bool>;

    /// Returns a page of the tripped kill switches of a tenant and of the installation, in order of
    /// [`KillSwitchScope::key`], which is the key.
    ///
    /// # Errors
    /// Those of a store.
    async fn kill_switches(&self, tenant: &TenantId, now: Timestamp, page: &Page) -> Result<Vec<KillSwitch>>;

    /// Trips the kill switch of a scope.
    ///
    /// # Errors
    /// Those of a store.
    async fn trip(
        &self,
        tenant: &TenantId,
        kill_switch: &KillSwitch,
        audit: audit::UnsealedRecords,
    ) -> Result<()>;

    /// Rearms the kill switch of a scope, resets its hourly statistics, and returns whether it was tripped.
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

/// Port that reads calls, ledger entries and usage.
///
/// # Contract
/// - Lists of entries are latest first; a page continues after its cursor and repeats and skips nothing. They hold only
///   those of the tenant.
/// - Lists of calls are latest first; a page continues after its cursor and repeats and skips nothing. They hold only those
///   of the tenant.
/// - Lists of usage records are in order of day and provider; a page continues after its cursor and repeats and skips
///   nothing.
/// - An entry of unknown outcome awaits reconciliation until it is corrected.
/// - Usage by any grouping sums to the same total, which is that of the ledger.
/// - Documents are counted on the day that their publication names, beside the calls of that day.
/// - A call has the usage and the cost of all its attempts.
/// - An answer from the cache is charged nothing and names the avoided cost.
/// - A model's reasoning is read by its call's id, apart from the call.
#[async_trait]
pub trait LedgerStore: std::fmt::Debug + Send + Sync {
    /// Returns a page of the calls that match `query`, latest first. The key is the id.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor), also for a call that is gone or is not of the query's user.
    async fn calls(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<Call>>;

    /// Returns a page of the ledger entries that match `query`, latest first. The key is the number,
    /// [`LedgerEntry::seq`].
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor).
    async fn ledger(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<LedgerEntry>>;

    /// Returns all usage from the civil day `from` to `to`, both included, most expensive first: a sum, and no list with
    /// pages.
    ///
    /// # Errors
    /// Those of a store.
    async fn usage(&self, tenant: &TenantId, by: UsageBy, from: &str, to: &str) -> Result<Vec<UsageRow>>;

    /// Returns a page of the usage of each provider, in order of day and provider. The key is [`UsageRecord::key`].
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor).
    async fn usage_records(
        &self,
        tenant: &TenantId,
        from: &str,
        to: &str,
        page: &Page,
    ) -> Result<Vec<UsageRecord>>;

    /// Returns the model's reasoning in a call; `None` where there is none, or where it is not stored.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the call.
    async fn reasoning(&self, tenant: &TenantId, call: &str) -> Result<Option<String>>;
}
