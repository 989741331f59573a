//! [`RunStore`]: runs, their journals and their retrieved passages.

use async_trait::async_trait;
use nexus_core::audit::{Erasable, UnsealedRecords};
use nexus_core::grounding::Evidence;
use nexus_core::run::{Journal, Run, RunContents, RunQuery, RunStore, RunTransition};
use nexus_core::speech::Speech;
use nexus_core::system::CancelRequest;
use nexus_core::{Principal, Result, RunId, SessionId, TenantId};

use crate::db::Write;
use crate::migrations;
use crate::rows::{audio, audit, erasure, run};
use crate::store::MemoryStore;

#[async_trait]
impl RunStore for MemoryStore {
    async fn advance(&self, advance_by: RunTransition) -> Result<()> {
        self.engine().write(move |write| run::advance(write, &advance_by)).await
    }

    async fn run(&self, tenant: &TenantId, id: &RunId) -> Result<Run> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| run::load(connection, &tenant, &id)).await
    }

    async fn runs(&self, tenant: &TenantId, query: &RunQuery) -> Result<Vec<Run>> {
        let (tenant, query) = (tenant.to_string(), query.clone());
        self.engine().read(move |connection| run::list(connection, &tenant, &query)).await
    }

    async fn evidence(&self, tenant: &TenantId, id: &RunId) -> Result<Vec<Evidence>> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| run::evidence(connection, &tenant, &id)).await
    }

    async fn journal(&self, tenant: &TenantId, id: &RunId, from: u64, limit: usize) -> Result<Journal> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| run::journal(connection, &tenant, &id, from, limit)).await
    }

    async fn contents(&self, tenant: &TenantId, id: &RunId, session: &SessionId) -> Result<RunContents> {
        let (tenant, id, session) = (tenant.to_string(), id.clone(), session.clone());
        self.engine().read(move |connection| run::contents(connection, &tenant, &id, &session)).await
    }

    async fn audio(&self, tenant: &TenantId, id: &RunId) -> Result<Option<Speech>> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| audio::get(connection, &tenant, &id)).await
    }

    async fn prune_journal(&self, tenant: &TenantId, id: &RunId, audit: UnsealedRecords) -> Result<()> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        let prune = move |write: &Write<'_>| {
            migrations::with_secure_delete(write, || run::prune(write, &tenant, &id))?;
            erasure::put(write, &tenant, &Erasable::Run(id), &audit)?;
            audit::append(write, &audit).map(drop)
        };
        self.engine().write(prune).await
    }

    async fn request_cancel(&self, tenant: &TenantId, caller: &Principal, id: &RunId) -> Result<()> {
        run::check_cancellable(&self.run(tenant, id).await?)?;
        self.requests().ask(CancelRequest { principal: caller.clone(), run: id.clone() })
    }
}
