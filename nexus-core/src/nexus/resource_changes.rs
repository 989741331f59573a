//! Changes of administrative resources: the checks of a change, and its record.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resources::Located;
use super::rights::is_operator;
use crate::admin::{
    AdminResource as _, ChangeKind, Prepared, ResourceBatch, ResourceChange, ResourceContent, ResourceScope,
    ResourceWrite, StoredResource, TenantSettings, changed_fields, read,
};
use crate::audit::{Digest, Draft, Kind, Payload, UnsealedRecords, actor};
use crate::clock::Timestamp;
use crate::engine::{Engine, OPERATOR_RULE};
use crate::error::{Error, Result};
use crate::policy::Resource;
use crate::principal::Principal;

impl Engine {
    /// Writes one change with its record. Returns the new version and the time of the change.
    pub(super) async fn write(
        &self,
        caller: &Principal,
        located: &Located<'_>,
        before: Option<&StoredResource>,
        change: ResourceChange,
    ) -> Result<(u64, Timestamp)> {
        let Located { kind, scope, id, .. } = located;
        let event = match change.kind() {
            ChangeKind::Created => kind.kind.created,
            ChangeKind::Updated => kind.kind.updated,
            ChangeKind::Deleted => kind.kind.deleted,
        };
        let changed = changed_fields(before.map(|stored| &stored.content), change.content());
        let replaced = before.map_or(0, |stored| stored.version);
        self.check_operator_only(caller, located, &changed).await?;
        let facts = facts(id, replaced, &changed, change.content())?;
        let by = actor_on(caller, scope);
        let audit = self.records_of_change(caller, scope, event, facts, &by)?;
        let at = self.clock.now();
        let writes = vec![ResourceWrite { kind: kind.kind.name, id: id.clone(), change, changed }];
        let batch = ResourceBatch { scope: scope.clone(), writes, by, at, audit };
        let versions = self.resources.write_resources(batch).await?;
        if let ResourceScope::Tenant(tenant) = scope {
            self.gateway.forget_settings(tenant);
        }
        let version = versions.first().copied();
        Ok((version.ok_or_else(|| Error::unexpected("the store wrote nothing"))?, at))
    }

    /// Checks that the engine can obey the settings of a tenant.
    pub(super) fn check_obeyed(
        &self,
        Located { kind, scope, .. }: &Located<'_>,
        content: &ResourceContent,
    ) -> Result<()> {
        match scope {
            ResourceScope::Tenant(tenant) if kind.kind == TenantSettings::KIND => {
                self.gateway.check_tenant(tenant, &read(content.clone())?)
            }
            ResourceScope::Tenant(_) | ResourceScope::Installation => Ok(()),
        }
    }

    /// Checks that the caller may change these fields.
    async fn check_operator_only(
        &self,
        caller: &Principal,
        Located { operation, kind, id, .. }: &Located<'_>,
        changed: &[String],
    ) -> Result<()> {
        let is_reserved = |field: &&String| kind.operator_only.iter().any(|whole| is_part_of(field, whole));
        let Some(field) = changed.iter().find(is_reserved).filter(|_| !is_operator(caller)) else {
            return Ok(());
        };
        let field = field.trim_start_matches('/').replace('/', ".");
        let message = format!("only the operator of Nexus changes `{field}`");
        let resource = Resource::one(kind.kind.name, id.as_str());
        Err(self.refuse(caller, operation, &resource, OPERATOR_RULE, message).await)
    }

    /// Returns the records of a change, in the chain of the tenant that it concerns.
    fn records_of_change(
        &self,
        caller: &Principal,
        scope: &ResourceScope,
        event: Kind,
        facts: Payload,
        by: &str,
    ) -> Result<UnsealedRecords> {
        let mut records = self.single_event_chain(caller, event, facts)?;
        if let ResourceScope::Tenant(tenant) = scope {
            let of_tenant = |draft: &mut Draft| {
                draft.tenant = tenant.to_string();
                by.clone_into(&mut draft.actor);
            };
            records.drafts.iter_mut().for_each(of_tenant);
        }
        Ok(records)
    }
}

/// Returns the actor of a change. The operator, who acts on another tenant, is no user of that tenant.
pub(super) fn actor_on(caller: &Principal, scope: &ResourceScope) -> String {
    match scope {
        ResourceScope::Tenant(tenant) if tenant != caller.tenant() => {
            format!("operator:{}", caller.subject())
        }
        ResourceScope::Tenant(_) | ResourceScope::Installation => actor(caller),
    }
}

/// Returns the facts of a change: ids, versions and fields, and the hash of the redacted content. A field is named by the
/// first part of its pointer, which is the type's: a further one may be a key of the user's own, and a record holds no text.
fn facts(id: &str, replaced: u64, changed: &[String], content: Option<&ResourceContent>) -> Result<Payload> {
    let first = |field: &String| field.split('/').take(2).collect::<Vec<_>>().join("/");
    let changed: BTreeSet<String> = changed.iter().map(first).collect();
    let fields = changed.iter().map(|field| Payload::new().token("field", field));
    let facts = Payload::new().token("id", id).count("replaces", replaced).nested_list("changed", fields);
    let Some(content) = content else { return Ok(facts) };
    let body = serde_json::to_string(&content.body)
        .map_err(|error| Error::unexpected("a resource cannot be written").because(error))?;
    Ok(facts.hash("content", Digest::of(&body)))
}

/// Checks that each sealed secret is new or stays as it was: a caller writes secrets as text alone.
pub(super) fn check_sealed(
    before: Option<&StoredResource>,
    Prepared { content, shown_once }: &Prepared,
) -> Result<()> {
    let is_new = |field: &str| shown_once.iter().any(|(new, _)| *new == field);
    let stays = |field: &str| before.and_then(|stored| stored.content.sealed.get(field));
    let is_foreign = |(field, value): (&String, &Value)| !is_new(field) && stays(field) != Some(value);
    if content.sealed.iter().any(is_foreign) {
        return Err(Error::invalid("a secret is a text").with_code("INVALID_RESOURCE"));
    }
    Ok(())
}

/// Returns whether the field at a JSON pointer is the whole one, or in it.
fn is_part_of(field: &str, whole: &str) -> bool {
    field.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_no_key_of_a_free_map() {
        let of = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            facts("acme", 1, &fields, None).unwrap()
        };
        let changed = ["/custom_branding/Ada's address", "/custom_branding/logo/dark", "/name"];
        assert_eq!(of(&changed), of(&["/custom_branding", "/name"]));
        assert_ne!(of(&changed), of(&["/name"]));
    }
}
