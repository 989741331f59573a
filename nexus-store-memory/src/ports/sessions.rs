//! [`SessionStore`]: conversations and their messages.

use async_trait::async_trait;
use nexus_core::access::{Authorised, RequiredAccess};
use nexus_core::audit::{Erasable, UnsealedRecords};
use nexus_core::session::{Message, Session, SessionStore};
use nexus_core::{Page, Result, RunId, SessionId, SubjectId, TenantId};

use crate::db::Write;
use crate::migrations;
use crate::rows::{audit, erasure, session};
use crate::store::MemoryStore;

#[async_trait]
impl SessionStore for MemoryStore {
    async fn open_session(&self, tenant: &TenantId, session: Session) -> Result<Session> {
        let tenant = tenant.to_string();
        self.engine().write(move |write| session::open(write, &tenant, session)).await
    }

    async fn session(&self, tenant: &TenantId, id: &SessionId) -> Result<Session> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine()
            .read(move |connection| session::find(connection, &tenant, &id)?.ok_or_else(session::not_found))
            .await
    }

    async fn sessions(
        &self,
        tenant: &TenantId,
        owner: Option<&SubjectId>,
        page: &Page,
    ) -> Result<Vec<Session>> {
        let (tenant, owner, page) = (tenant.to_string(), owner.cloned(), page.clone());
        self.engine().read(move |connection| session::list(connection, &tenant, owner.as_ref(), &page)).await
    }

    async fn messages(&self, tenant: &TenantId, id: &SessionId, page: &Page) -> Result<Vec<Message>> {
        let (tenant, id, page) = (tenant.to_string(), id.clone(), page.clone());
        self.engine().read(move |connection| session::messages(connection, &tenant, &id, &page)).await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: &SessionId,
        run: &RunId,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let (tenant, id, run) = (tenant.to_string(), id.clone(), run.clone());
        self.engine().read(move |connection| session::history(connection, &tenant, &id, &run, limit)).await
    }

    async fn delete_session(
        &self,
        access: &Authorised<RequiredAccess>,
        id: &SessionId,
        audit: UnsealedRecords,
    ) -> Result<()> {
        let (access, id) = (access.clone(), id.clone());
        let delete = move |write: &Write<'_>| {
            migrations::with_secure_delete(write, || session::delete(write, &access, &id))?;
            erasure::put(write, access.tenant().as_str(), &Erasable::Session(id), &audit)?;
            audit::append(write, &audit).map(drop)
        };
        self.engine().write(delete).await
    }
}
