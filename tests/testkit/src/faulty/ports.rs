//! Ports of [`FaultyStore`]: each method is a step with the method's name.

use std::time::Duration;

use async_trait::async_trait;
use nexus_core::Store;
use nexus_core::access::{Authorised, Grant, GrantStore, RequiredAccess, Visibility};
use nexus_core::admin::{
    AdminResourceStore, ResourceBatch, ResourceQuery, ResourceScope, ResourceVersion, StoredResource,
};
use nexus_core::audit::{AuditChain, ChainSummary, Erasable, Head, Receipt, Record, UnsealedRecords};
use nexus_core::corpus::{Corpus, CorpusPatch, CorpusStore};
use nexus_core::document::model::{Document, Job, Passage, Stage};
use nexus_core::document::store::{
    Blob, DocumentQuery, Lease, Publication, Reindex, StagedPassage, Submission, Submitted,
};
use nexus_core::document::{BlobStore, DocumentStore, JobQueue, Source};
use nexus_core::error::Failure;
use nexus_core::grounding::Evidence;
use nexus_core::id::ModelId;
use nexus_core::ledger::{
    BeginCall, BeginResult, Call, CallResult, KillSwitch, KillSwitchScope, LedgerEntry, LedgerQuery,
    LedgerStore, OpenCall, QuotaStore, Reconciliation, RetryCall, Settlement, UsageBy, UsageRecord, UsageRow,
};
use nexus_core::owner::OwnerLease;
use nexus_core::price::{PriceRow, PriceStore};
use nexus_core::quota::{CounterKey, CounterState, Limit, LimitKey};
use nexus_core::retention::{Expire, RetentionClass, RetentionStore};
use nexus_core::retrieve::{Query, Retrieved, Retriever};
use nexus_core::run::{Journal, Run, RunContents, RunQuery, RunStore, RunTransition};
use nexus_core::session::{Message, Session, SessionStore};
use nexus_core::speech::Speech;
use nexus_core::stats::{StatsStore, StoreStats};
use nexus_core::system::{CancelRequest, OpenRun, SystemStore};
use nexus_core::transfer::{
    Backup, ExportSink, Exported, ImportSource, TenantExport, TenantImport, TransferStore,
};
use nexus_core::{
    CorpusId, DocumentId, GrantId, JobId, OwnerId, Page, Principal, Result, RunId, SessionId, SubjectId,
    TenantId, Timestamp,
};

use super::FaultyStore;

/// Implements a port by passing every method on as a step; those after `without faults` as they stand.
macro_rules! pass_on {
    ($port:ident { $(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* } $(without faults { $($plain:tt)* })?) => {
        #[async_trait]
        impl<S: Store> $port for FaultyStore<S> {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                self.take(stringify!($name), $port::$name(&self.inner, $($argument),*)).await
            })*
            $($($plain)*)?
        }
    };
}

pass_on!(AdminResourceStore {
    fn resource(scope: &ResourceScope, kind: &'static str, id: &str) -> StoredResource;
    fn resources(scope: &ResourceScope, query: &ResourceQuery) -> Vec<StoredResource>;
    fn resources_of_tenants(query: &ResourceQuery) -> Vec<StoredResource>;
    fn write_resources(batch: ResourceBatch) -> Vec<u64>;
    fn resource_history(
        scope: &ResourceScope,
        kind: &'static str,
        id: &str,
        page: &Page
    ) -> Vec<ResourceVersion>;
});

pass_on!(QuotaStore {
    fn begin(intent: BeginCall) -> BeginResult;
    fn retry(retry: RetryCall) -> BeginResult;
    fn settle(settlement: Settlement) -> bool;
    fn record_completed(intent: BeginCall, settlement: Settlement) -> BeginResult;
    fn reconcile(reconciliation: Reconciliation) -> LedgerEntry;
    fn call_result(tenant: &TenantId, call: &str) -> Option<CallResult>;
    fn used(tenant: &TenantId, keys: &[CounterKey]) -> Vec<CounterState>;
    fn settings_version(tenant: &TenantId) -> u64;
    fn limits(tenant: &TenantId) -> Vec<Limit>;
    fn set_limit(tenant: &TenantId, limit: &Limit, audit: UnsealedRecords) -> ();
    fn remove_limit(tenant: &TenantId, subject: &LimitKey, audit: UnsealedRecords) -> bool;
    fn kill_switches(tenant: &TenantId, now: Timestamp, page: &Page) -> Vec<KillSwitch>;
    fn trip(tenant: &TenantId, stop: &KillSwitch, audit: UnsealedRecords) -> ();
    fn rearm(tenant: &TenantId, scope: &KillSwitchScope, now: Timestamp, audit: UnsealedRecords) -> bool;
});

pass_on!(LedgerStore {
    fn calls(tenant: &TenantId, query: &LedgerQuery) -> Vec<Call>;
    fn ledger(tenant: &TenantId, query: &LedgerQuery) -> Vec<LedgerEntry>;
    fn usage(tenant: &TenantId, by: UsageBy, from: &str, to: &str) -> Vec<UsageRow>;
    fn usage_records(tenant: &TenantId, from: &str, to: &str, page: &Page) -> Vec<UsageRecord>;
    fn reasoning(tenant: &TenantId, call: &str) -> Option<String>;
});

pass_on!(PriceStore {
    fn prices() -> Vec<PriceRow>;
    fn add_price(row: &PriceRow, audit: UnsealedRecords) -> ();
});

pass_on!(AuditChain {
    fn append(pending: UnsealedRecords) -> Vec<Receipt>;
    fn records(tenant: &TenantId, run: &str, from: u64, limit: usize) -> Vec<Record>;
    fn head(tenant: &TenantId, run: &str) -> Option<Head>;
    fn chains(tenant: &TenantId, page: &Page) -> Vec<ChainSummary>;
    fn erased_by(tenant: &TenantId, object: &Erasable) -> Option<String>;
});

pass_on!(GrantStore {
    fn grant(access: &Authorised<RequiredAccess>, grant: Grant, audit: UnsealedRecords) -> Grant;
    fn revoke(
        access: &Authorised<RequiredAccess>,
        document: &DocumentId,
        grant: &GrantId,
        audit: UnsealedRecords
    ) -> Grant;
    fn grants(tenant: &TenantId, document: &DocumentId, page: &Page) -> Vec<Grant>;
});

pass_on!(CorpusStore {
    fn create_corpus(tenant: &TenantId, corpus: Corpus, audit: UnsealedRecords) -> ();
    fn update_corpus(
        tenant: &TenantId,
        id: &CorpusId,
        patch: CorpusPatch,
        audit: UnsealedRecords
    ) -> Corpus;
    fn corpus(tenant: &TenantId, id: &CorpusId) -> Corpus;
    fn corpora(tenant: &TenantId, page: &Page) -> Vec<Corpus>;
    fn delete_corpus(tenant: &TenantId, id: &CorpusId, audit: UnsealedRecords) -> ();
});

pass_on!(DocumentStore {
    fn submit(submission: Submission) -> Submitted;
    fn reindex(reindex: Reindex) -> Submitted;
    fn document(tenant: &TenantId, id: &DocumentId) -> Document;
    fn documents(
        tenant: &TenantId,
        visibility: &Visibility,
        query: &DocumentQuery,
        now: Timestamp
    ) -> Vec<Document>;
    fn delete_document(access: &Authorised<RequiredAccess>, id: &DocumentId, audit: UnsealedRecords) -> ();
    fn passages(tenant: &TenantId, document: &DocumentId, page: &Page) -> Vec<Passage>;
    fn stage(lease: &Lease, model: Option<&ModelId>, passages: Vec<StagedPassage>) -> ();
    fn prepare(lease: &Lease, passages: u32) -> ();
    fn publish(lease: &Lease, publication: Publication) -> Document;
});

pass_on!(BlobStore {
    fn put(tenant: &TenantId, source: Box<dyn Source>, limit: u64) -> Blob;
    fn discard(tenant: &TenantId, blob: Blob) -> ();
    fn open(tenant: &TenantId, hash: &str) -> Box<dyn Source>;
});

pass_on!(JobQueue {
    fn heartbeat(lease: &Lease, stage: Stage, now: Timestamp, extend: Duration) -> ();
    fn fail(lease: &Lease, failure: Failure, now: Timestamp, audit: UnsealedRecords) -> ();
    fn job(tenant: &TenantId, id: &JobId) -> Job;
});

pass_on!(Retriever {
    fn retrieve(query: &Authorised<Query>) -> Retrieved;
    fn revision(tenant: &TenantId, corpus: &CorpusId) -> u64;
});

pass_on!(RunStore {
    fn advance(advance: RunTransition) -> ();
    fn run(tenant: &TenantId, id: &RunId) -> Run;
    fn runs(tenant: &TenantId, query: &RunQuery) -> Vec<Run>;
    fn evidence(tenant: &TenantId, id: &RunId) -> Vec<Evidence>;
    fn journal(tenant: &TenantId, id: &RunId, from: u64, limit: usize) -> Journal;
    fn contents(tenant: &TenantId, id: &RunId, session: &SessionId) -> RunContents;
    fn audio(tenant: &TenantId, id: &RunId) -> Option<Speech>;
    fn prune_journal(tenant: &TenantId, id: &RunId, audit: UnsealedRecords) -> ();
    fn request_cancel(tenant: &TenantId, caller: &Principal, id: &RunId) -> ();
});

pass_on!(SystemStore {
    fn renew(lease: &OwnerLease) -> bool;
    fn release(owner: &OwnerId) -> ();
    fn claim_runs(lease: &OwnerLease, now: Timestamp, limit: usize) -> usize;
    fn claim_calls(lease: &OwnerLease, now: Timestamp, limit: usize) -> usize;
    fn claim_job(token: &str, now: Timestamp, lease: Duration) -> Option<Lease>;
    fn unfinished(owner: &OwnerId) -> Vec<OpenRun>;
    fn open_calls() -> Vec<OpenCall>;
    fn take_cancel_requests(owner: &OwnerId) -> Vec<CancelRequest>;
    fn check() -> ();
} without faults {
    fn instance(&self) -> &str {
        self.inner.instance()
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
});

pass_on!(RetentionStore {
    fn tenants() -> Vec<String>;
    fn expire(step: Expire) -> Vec<String>;
    fn expired(tenant: &TenantId, class: RetentionClass, before: Timestamp) -> u64;
    fn sweep_idle(tenant: &TenantId, before: Timestamp, limit: usize) -> u64;
});

pass_on!(SessionStore {
    fn open_session(tenant: &TenantId, session: Session) -> Session;
    fn session(tenant: &TenantId, id: &SessionId) -> Session;
    fn sessions(tenant: &TenantId, owner: Option<&SubjectId>, page: &Page) -> Vec<Session>;
    fn messages(tenant: &TenantId, id: &SessionId, page: &Page) -> Vec<Message>;
    fn history(tenant: &TenantId, id: &SessionId, run: &RunId, limit: usize) -> Vec<Message>;
    fn delete_session(access: &Authorised<RequiredAccess>, id: &SessionId, audit: UnsealedRecords) -> ();
});

pass_on!(TransferStore {
    fn export(tenant: &Authorised<TenantExport>, out: ExportSink) -> Exported;
    fn import(tenant: &Authorised<TenantImport>, from: ImportSource, audit: UnsealedRecords) -> u64;
    fn backup(backup: &Authorised<Backup>) -> ();
});

pass_on!(StatsStore {
    fn stats(tenant: &TenantId) -> StoreStats;
    fn stats_for(tenant: &TenantId, caller: &Principal, now: Timestamp) -> StoreStats;
});
