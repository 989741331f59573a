//! Settings that were changed at run time, [`StoredSettings`], and their cache.
//!
//! Every call reads them before its admission, and they hardly ever change. A cached version may be out of date, because
//! another process can change them; the admission compares the version, so no call is admitted by settings that do not hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Inner;
use super::settings::GatewaySettings;
use crate::admin::{AdminResource as _, ResourceScope, TenantSettings, read};
use crate::error::{ErrorKind, Result};
use crate::price::PriceRow;
use crate::principal::TenantId;
use crate::quota::Limit;

/// The most tenants whose settings are cached.
const MAX_TENANTS: usize = 1_024;

/// The settings of a tenant that were changed at run time, as of one version.
#[derive(Debug, Default)]
pub(super) struct StoredSettings {
    /// The version.
    pub(super) version: u64,
    /// The tenant's limits.
    pub(super) limits: Vec<Limit>,
    /// The prices for every tenant.
    pub(super) prices: Vec<PriceRow>,
    /// The tenant's own settings.
    pub(super) tenant: TenantSettings,
}

/// The latest known settings of each tenant.
#[derive(Debug, Default)]
pub(super) struct SettingsCache {
    tenants: Mutex<HashMap<TenantId, Arc<StoredSettings>>>,
}

impl SettingsCache {
    fn get(&self, tenant: &TenantId) -> Option<Arc<StoredSettings>> {
        self.tenants().get(tenant).cloned()
    }

    /// Keeps `settings`, unless later ones are kept already.
    fn put(&self, tenant: &TenantId, settings: &Arc<StoredSettings>) {
        let mut tenants = self.tenants();
        if tenants.get(tenant).is_some_and(|known| known.version > settings.version) {
            return;
        }
        if tenants.len() >= MAX_TENANTS && !tenants.contains_key(tenant) {
            tenants.clear();
        }
        tenants.insert(tenant.clone(), Arc::clone(settings));
    }

    /// Removes the settings of `version`, which are out of date. Other ones are newer, and stay.
    pub(super) fn remove(&self, tenant: &TenantId, version: u64) {
        let mut tenants = self.tenants();
        if tenants.get(tenant).is_some_and(|known| known.version == version) {
            tenants.remove(tenant);
        }
    }

    /// Removes the settings of a tenant.
    pub(super) fn forget(&self, tenant: &TenantId) {
        self.tenants().remove(tenant);
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<StoredSettings>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The settings of a tenant that were changed at run time, from the cache or from the store.
    pub(super) async fn stored_settings(
        &self,
        tenant: &TenantId,
        settings: &GatewaySettings,
    ) -> Result<Arc<StoredSettings>> {
        if let Some(known) = self.settings_cache.get(tenant) {
            return Ok(known);
        }
        let stored = self.store_guard.call(settings.deadlines.store, self.read_settings(tenant)).await?;
        let stored = Arc::new(stored);
        self.settings_cache.put(tenant, &stored);
        Ok(stored)
    }

    /// Reads the settings after their version: a change in between makes them newer than it, and never older.
    async fn read_settings(&self, tenant: &TenantId) -> Result<StoredSettings> {
        Ok(StoredSettings {
            version: self.quota.settings_version(tenant).await?,
            limits: self.quota.limits(tenant).await?,
            prices: self.prices.prices().await?,
            tenant: self.read_tenant(tenant).await?,
        })
    }

    async fn read_tenant(&self, tenant: &TenantId) -> Result<TenantSettings> {
        let scope = ResourceScope::Tenant(tenant.clone());
        match self.resources.resource(&scope, TenantSettings::KIND.name, tenant.as_str()).await {
            Ok(stored) => read(stored.content),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(TenantSettings::default()),
            Err(error) => Err(error),
        }
    }

    /// The settings of a tenant as they are now, for steps that no admission follows.
    pub(super) async fn current_settings(&self, tenant: &TenantId) -> Result<Arc<StoredSettings>> {
        let settings = self.current().settings;
        if let Some(known) = self.settings_cache.get(tenant) {
            let version = self.quota.settings_version(tenant);
            let version = self.store_guard.call(settings.deadlines.store, version).await?;
            if known.version == version {
                return Ok(known);
            }
            self.settings_cache.remove(tenant, known.version);
        }
        self.stored_settings(tenant, &settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;

    fn tenant(name: &str) -> TenantId {
        Principal::user(name, "bob").unwrap().tenant().clone()
    }

    fn of(version: u64) -> Arc<StoredSettings> {
        Arc::new(StoredSettings { version, ..StoredSettings::default() })
    }

    #[test]
    fn a_slow_reader_does_not_replace_later_settings_and_removes_none() {
        let (cache, acme) = (SettingsCache::default(), tenant("acme"));
        cache.put(&acme, &of(2));
        cache.put(&acme, &of(1));
        cache.remove(&acme, 1);
        assert_eq!(cache.get(&acme).unwrap().version, 2);
        cache.remove(&acme, 2);
        assert!(cache.get(&acme).is_none());
    }

    #[test]
    fn the_number_of_cached_tenants_is_bounded() {
        let cache = SettingsCache::default();
        for number in 0..=MAX_TENANTS {
            cache.put(&tenant(&format!("t{number}")), &of(1));
        }
        assert_eq!(cache.tenants().len(), 1);
    }
}
