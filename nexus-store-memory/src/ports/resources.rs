//! [`AdminResourceStore`]: administrative resources.

use async_trait::async_trait;
use nexus_core::admin::{
    AdminResourceStore, ResourceBatch, ResourceQuery, ResourceScope, ResourceVersion, StoredResource,
};
use nexus_core::{Page, Result};

use crate::rows::resource;
use crate::store::MemoryStore;

#[async_trait]
impl AdminResourceStore for MemoryStore {
    async fn resource(&self, scope: &ResourceScope, kind: &'static str, id: &str) -> Result<StoredResource> {
        let (scope, id) = (scope.clone(), id.to_owned());
        self.engine().read_reserved(move |connection| resource::load(connection, &scope, kind, &id)).await
    }

    async fn resources(&self, scope: &ResourceScope, query: &ResourceQuery) -> Result<Vec<StoredResource>> {
        let (scope, query) = (scope.clone(), query.clone());
        self.engine().read(move |connection| resource::list(connection, &scope, &query)).await
    }

    async fn resources_of_tenants(&self, query: &ResourceQuery) -> Result<Vec<StoredResource>> {
        let query = query.clone();
        self.engine().read(move |connection| resource::list_of_tenants(connection, &query)).await
    }

    async fn write_resources(&self, batch: ResourceBatch) -> Result<Vec<u64>> {
        self.engine().write(move |write| resource::write(write, &batch)).await
    }

    async fn resource_history(
        &self,
        scope: &ResourceScope,
        kind: &'static str,
        id: &str,
        page: &Page,
    ) -> Result<Vec<ResourceVersion>> {
        let (scope, id, page) = (scope.clone(), id.to_owned(), page.clone());
        self.engine().read(move |connection| resource::history(connection, &scope, kind, &id, &page)).await
    }
}
