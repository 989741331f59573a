//! Forms of a resource: its whole JSON, and its [`ResourceContent`], in which the fields that not everyone may see stand
//! apart.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::secret::{REDACTED, SealKey, Secret, SecretPlace, seal_key_missing};
use super::store::{ResourceContent, ResourceScope};
use super::{AdminResource, ResourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::id::IdSource;

/// Sealing of the secrets of one resource.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// Key of the installation, where there is one.
    pub key: Option<&'a SealKey>,
    /// Owner of the resource.
    pub scope: &'a ResourceScope,
    /// Id of the resource.
    pub id: &'a str,
    /// Source of nonces.
    pub ids: &'a dyn IdSource,
}

/// Resource that is checked and ready to be stored.
#[derive(Debug)]
pub struct Prepared {
    /// Content for the store.
    pub content: ResourceContent,
    /// New secrets by JSON pointer, for the answer that shows them once.
    pub shown_once: Vec<(&'static str, Zeroizing<String>)>,
}

/// Checks `whole` as a resource of type `T`, seals its secrets and takes its content apart.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_RESOURCE`, with `SEAL_KEY_MISSING` for a secret
/// without a key, and those of [`AdminResource::validate`].
pub(super) fn prepare<T: AdminResource>(whole: Value, sealing: &Sealing<'_>) -> Result<Prepared> {
    let mut resource: T = serde_json::from_value(whole).map_err(|error| invalid(&T::KIND, &error))?;
    resource.validate()?;
    let (mut secret_fields, mut shown_once) = (Vec::new(), Vec::new());
    for (field, secret) in resource.secrets() {
        shown_once.extend(secret.plain().map(|plain| (field, plain)));
        seal(secret, &T::KIND, field, sealing)?;
        secret_fields.push(field);
    }
    let indexes = resource.indexes();
    if let Some((name, _)) = indexes.iter().find(|(name, _)| !T::INDEXES.contains(name)) {
        return Err(
            Error::unexpected("a resource has an index that its kind does not name").with("index", name)
        );
    }
    let indexes = indexes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut body = serde_json::to_value(&resource).map_err(|error| invalid(&T::KIND, &error))?;
    let sensitive = take(&mut body, T::SENSITIVE);
    let sealed = take(&mut body, &secret_fields);
    Ok(Prepared { content: ResourceContent { body, sensitive, sealed, indexes }, shown_once })
}

fn seal(secret: &mut Secret, kind: &ResourceKind, field: &str, sealing: &Sealing<'_>) -> Result<()> {
    if secret.is_sealed() {
        return Ok(());
    }
    let key = sealing.key.ok_or_else(seal_key_missing)?;
    let place = SecretPlace { scope: sealing.scope, kind: kind.name, id: sealing.id, field };
    key.seal(secret, &place, sealing.ids)
}

/// Takes the fields at `pointers` out of `body`, which shows `[redacted]` in their places.
fn take(body: &mut Value, pointers: &[&str]) -> Map<String, Value> {
    let mut taken = Map::new();
    for pointer in pointers {
        if let Some(field) = body.pointer_mut(pointer).filter(|field| !field.is_null()) {
            taken.insert((*pointer).to_owned(), std::mem::replace(field, REDACTED.into()));
        }
    }
    taken
}

/// Returns the whole JSON of a content, as the type of the resource reads it. A sensitive field that an export left out
/// is absent.
pub(crate) fn whole(content: ResourceContent, sensitive: &[&str]) -> Value {
    let ResourceContent { mut body, sensitive: kept, sealed, .. } = content;
    for (pointer, value) in kept.into_iter().chain(sealed) {
        if let Some(field) = body.pointer_mut(&pointer) {
            *field = value;
        }
    }
    for pointer in sensitive {
        if let Some(field) = body.pointer_mut(pointer).filter(|field| **field == REDACTED) {
            *field = Value::Null;
        }
    }
    body
}

/// Reads a resource from its stored content.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt) for a content that the type does not read.
pub(crate) fn read<T: AdminResource>(content: ResourceContent) -> Result<T> {
    serde_json::from_value(whole(content, T::SENSITIVE))
        .map_err(|error| Error::new(ErrorKind::Corrupt, "a stored resource cannot be read").because(error))
}

/// Merges `patch` into `target` (RFC 7396): a null removes a field. `[redacted]`, which a client sends back as it got it,
/// changes nothing.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        if patch != REDACTED {
            *target = patch;
        }
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else if value != REDACTED {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Returns the JSON pointers of the fields in which two contents differ, hidden fields included.
pub(crate) fn changed_fields(
    before: Option<&ResourceContent>,
    after: Option<&ResourceContent>,
) -> Vec<String> {
    let mut changed = BTreeSet::new();
    let bodies = [before, after].map(|content| content.map_or(&Value::Null, |content| &content.body));
    compare("", bodies, &mut changed);
    let [before, after] = [before, after].map(hidden_fields);
    let pointers = before.keys().chain(after.keys());
    changed.extend(pointers.filter(|pointer| before.get(*pointer) != after.get(*pointer)).cloned());
    changed.into_iter().collect()
}

/// Returns the fields that are not shown, by JSON pointer.
fn hidden_fields(content: Option<&ResourceContent>) -> Map<String, Value> {
    let fields = content.into_iter().flat_map(|content| content.sensitive.iter().chain(&content.sealed));
    fields.map(|(pointer, value)| (pointer.clone(), value.clone())).collect()
}

/// Adds the pointers of the differences between two values. An array is one field.
fn compare(at: &str, [before, after]: [&Value; 2], changed: &mut BTreeSet<String>) {
    if before == after {
        return;
    }
    let empty = Map::new();
    let fields = |value: &Value| value.as_object().cloned();
    let (before, after) = match (fields(before), fields(after)) {
        (None, None) => {
            changed.insert(at.to_owned());
            return;
        }
        (before, after) => (before.unwrap_or_else(|| empty.clone()), after.unwrap_or(empty)),
    };
    for name in before.keys().chain(after.keys()) {
        let of = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
        let escaped = name.replace('~', "~0").replace('/', "~1");
        compare(&format!("{at}/{escaped}"), [&of(&before), &of(&after)], changed);
    }
}

fn invalid(kind: &ResourceKind, error: &serde_json::Error) -> Error {
    Error::invalid(format!("this is no valid {}: {error}", kind.name.replace('_', " ")))
        .with_code("INVALID_RESOURCE")
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::admin::Scope;
    use crate::id::UuidV7;
    use crate::{error, resource_kind};

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Hook {
        address: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signing_key: Option<Secret>,
    }

    impl AdminResource for Hook {
        const KIND: ResourceKind = resource_kind!("hook", "hooks");
        const SCOPE: Scope = Scope::Installation;
        const SENSITIVE: &'static [&'static str] = &["/owner"];
        const INDEXES: &'static [&'static str] = &["address"];

        fn validate(&self) -> error::Result<()> {
            crate::id::check_name("address", &self.address)
        }

        fn indexes(&self) -> Vec<(&'static str, String)> {
            vec![("address", self.address.clone())]
        }

        fn secrets(&mut self) -> Vec<(&'static str, &mut Secret)> {
            self.signing_key.iter_mut().map(|key| ("/signing_key", key)).collect()
        }
    }

    fn key() -> SealKey {
        SealKey::new(Zeroizing::new([7; 32]))
    }

    fn prepared(whole: Value, key: Option<&SealKey>) -> Result<Prepared> {
        let scope = &ResourceScope::Installation;
        prepare::<Hook>(whole, &Sealing { key, scope, id: "h", ids: &UuidV7 })
    }

    fn hook() -> Value {
        json!({"address": "https://a.example", "owner": "Ada", "signing_key": "hunter2"})
    }

    #[test]
    fn hidden_fields_stand_apart_and_are_put_back() {
        let Prepared { content, shown_once } = prepared(hook(), Some(&key())).unwrap();
        let body = json!({"address": "https://a.example", "owner": REDACTED, "signing_key": REDACTED});
        assert_eq!(content.body, body);
        assert_eq!(content.indexes, [("address".to_owned(), "https://a.example".to_owned())]);
        assert_eq!(
            shown_once.iter().map(|(field, plain)| (*field, &***plain)).collect::<Vec<_>>(),
            [("/signing_key", "hunter2")]
        );
        let stored = serde_json::to_string(&(&content.body, &content.sensitive, &content.sealed)).unwrap();
        assert!(!stored.contains("hunter2") && stored.contains("Ada"), "{stored}");
        let again = prepared(whole(content.clone(), Hook::SENSITIVE), None).unwrap();
        assert_eq!(again.content, content, "a sealed secret needs no key to stay");
        assert!(again.shown_once.is_empty());
        let exported = ResourceContent { sensitive: Map::new(), ..content };
        assert_eq!(whole(exported, Hook::SENSITIVE)["owner"], Value::Null);
    }

    #[test]
    fn a_secret_without_a_key_and_an_unfit_resource_are_refused() {
        assert_eq!(prepared(hook(), None).unwrap_err().code(), "SEAL_KEY_MISSING");
        for unfit in [json!({}), json!({"address": 1}), json!({"address": "a", "colour": "red"})] {
            assert_eq!(prepared(unfit, None).unwrap_err().code(), "INVALID_RESOURCE");
        }
        assert_eq!(prepared(json!({"address": ""}), None).unwrap_err().code(), "INVALID_NAME");
    }

    #[test]
    fn a_patch_changes_what_it_names_and_leaves_what_is_redacted() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": "x", "e": "y"});
        merge(&mut target, json!({"a": {"b": null, "f": {"g": null, "h": 3}}, "d": REDACTED, "e": [1]}));
        assert_eq!(target, json!({"a": {"c": 2, "f": {"h": 3}}, "d": "x", "e": [1]}));
    }

    #[test]
    fn changed_fields_name_hidden_ones_too() {
        let of = |whole| prepared(whole, Some(&key())).unwrap().content;
        let (before, mut other) = (of(hook()), hook());
        assert_eq!(changed_fields(None, Some(&before)), ["/address", "/owner", "/signing_key"]);
        assert_eq!(changed_fields(Some(&before), Some(&before)), [""; 0]);
        other["signing_key"] = "hunter3".into();
        assert_eq!(changed_fields(Some(&before), Some(&of(other.clone()))), ["/signing_key"]);
        other["owner"] = "Bob".into();
        assert_eq!(changed_fields(Some(&before), Some(&of(other))), ["/owner", "/signing_key"]);
    }
}
