//! Administrative resources through the facade: rights, records, redaction and secrets.

use nexus_core::admin::{AdminResource, ResourceKind, ResourceScope, Scope, SealKey, Secret, SecretPlace};
use nexus_core::audit::{AuditChain, Status};
use nexus_core::system::SystemStore as _;
use nexus_core::{
    Authentication, ErrorKind, Nexus, Page, Principal, ResourceAddress, ResourceList, Result, resource_kind,
};
use nexus_store_memory::MemoryStore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::journey::{admin, builder};

/// Resource with a sensitive field and a secret.
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
    const SCOPE: Scope = Scope::Both;
    const SENSITIVE: &'static [&'static str] = &["/owner"];
    const INDEXES: &'static [&'static str] = &["address"];

    fn validate(&self) -> Result<()> {
        nexus_core::id::check_name("address", &self.address)
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        vec![("address", self.address.clone())]
    }

    fn secrets(&mut self) -> Vec<(&'static str, &mut Secret)> {
        self.signing_key.iter_mut().map(|key| ("/signing_key", key)).collect()
    }
}

/// Resource that a tenant has one of.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) cap: u64,
}

impl AdminResource for Plan {
    const KIND: ResourceKind = resource_kind!("plan", "plans");
    const SCOPE: Scope = Scope::OnePerTenant;
    const OPERATOR_ONLY: &'static [&'static str] = &["/cap"];

    fn validate(&self) -> Result<()> {
        nexus_core::id::check_name("plan", &self.name)
    }
}

fn seal_key(byte: u8) -> SealKey {
    SealKey::new(Zeroizing::new([byte; 32]))
}

/// Opens the signing key of a hook of the tenant `acme` as the installation with this key does.
fn open(byte: u8, id: &str, secret: &Secret) -> Result<Zeroizing<String>> {
    let scope = ResourceScope::Tenant(admin().tenant().clone());
    let place = SecretPlace { scope: &scope, kind: "hook", id, field: "/signing_key" };
    seal_key(byte).open(secret, &place)
}

fn sealing(store: &MemoryStore, byte: u8) -> Nexus {
    let builder = builder(store).resource::<Hook>().resource::<Plan>().seal_key(seal_key(byte));
    builder.build().unwrap()
}

/// Returns an admin of `tenant` over a network.
fn remote(tenant: &str) -> Principal {
    let issuer = "https://id.example.org".to_owned();
    Principal::user(tenant, "ada").unwrap().roles(["admin"]).authenticated(Authentication::Sso { issuer })
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn a_change_leaves_a_signed_record_with_its_fields_and_no_hidden_value() {
    let store = MemoryStore::default();
    let (nexus, caller) = (sealing(&store, 7), admin());
    let hook = json!({"address": "https://a.example", "owner": "Ada", "signing_key": "hunter2"});
    let shown = nexus.set_resource_json(&caller, "hook", "h", hook, None).await.unwrap();
    assert_eq!((shown.version, &shown.value["signing_key"]), (1, &json!("hunter2")), "it is shown once");
    let patch = json!({"address": "https://b.example", "owner": "[redacted]", "signing_key": "hunter3"});
    nexus.set_resource_json(&caller, "hook", "h", patch, Some(1)).await.unwrap();
    nexus.remove_resource(&caller, "hook", "h", None).await.unwrap();

    let mut records = String::new();
    let mut events = Vec::new();
    for chain in store.chains(caller.tenant(), &Page::first(99)).await.unwrap() {
        let verified = nexus.verify(&caller, &chain.run, None).await.unwrap();
        assert_eq!(verified.status, Status::Ok);
        for record in store.records(caller.tenant(), &chain.run, 1, 1).await.unwrap() {
            let body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
            events.push((body["kind"].clone(), body["payload"]["changed"].clone()));
            records.push_str(&body.to_string());
        }
    }
    let fields = |fields: &[&str]| fields.iter().map(|field| json!({"field": field})).collect::<Vec<_>>();
    let all = ["/address", "/owner", "/signing_key"];
    assert_eq!(
        events,
        [
            (json!("hook.created"), json!(fields(&all))),
            (json!("hook.updated"), json!(fields(&["/address", "/signing_key"]))),
            (json!("hook.deleted"), json!(fields(&all))),
        ]
    );
    let history = nexus.resource_history(&caller, "hook", "h", Page::default()).await.unwrap();
    let history = serde_json::to_string(&history).unwrap();
    for text in [records, history] {
        assert!(!text.contains("hunter") && !text.contains("Ada"), "{text}");
    }
}

#[tokio::test]
async fn a_secret_opens_with_its_key_alone_and_is_never_shown_again() {
    let store = MemoryStore::default();
    let (nexus, caller) = (sealing(&store, 7), admin());
    let hook = json!({"address": "https://a.example", "owner": "Ada", "signing_key": "hunter2"});
    nexus.set_resource_json(&caller, "hook", "h", hook, None).await.unwrap();
    let shown = nexus.resource_json(&caller, "hook", "h").await.unwrap().value;
    assert_eq!((&shown["owner"], &shown["signing_key"]), (&json!("[redacted]"), &json!("[redacted]")));
    let listed = nexus.resources_json(&caller, "hook", ResourceList::default()).await.unwrap();
    assert_eq!(listed[0].value, shown);

    let typed = nexus.resource::<Hook>(&caller, "h").await.unwrap().value;
    assert_eq!(typed.owner.as_deref(), Some("Ada"));
    assert!(!format!("{typed:?}").contains("hunter2"));
    let secret = typed.signing_key.unwrap();
    assert!(secret.is_sealed());
    let opened = open(7, "h", &secret).unwrap();
    assert_eq!(opened.as_str(), "hunter2");
    assert_eq!(code(open(8, "h", &secret)), "SEAL_KEY_MISMATCH");
    assert_eq!(code(open(7, "g", &secret)), "SECRET_DAMAGED");

    // A change of another field keeps the secret, and needs no key.
    let without = builder(&store).resource::<Hook>().build().unwrap();
    let patch = json!({"address": "https://b.example"});
    let shown = without.set_resource_json(&caller, "hook", "h", patch, None).await.unwrap();
    assert_eq!(shown.value["signing_key"], "[redacted]");
    let typed = nexus.resource::<Hook>(&caller, "h").await.unwrap().value;
    let kept = typed.signing_key.unwrap();
    assert!(open(7, "h", &kept).is_ok());
    let secret = json!({"signing_key": "hunter3"});
    assert_eq!(code(without.set_resource_json(&caller, "hook", "h", secret, None).await), "SEAL_KEY_MISSING");
    // A caller writes secrets as text alone.
    let forged = json!({"signing_key": serde_json::to_value(&kept).unwrap(), "address": "a"});
    let answer = nexus.set_resource_json(&caller, "hook", "g", forged, None).await;
    assert_eq!(code(answer), "INVALID_RESOURCE");
}

#[tokio::test]
async fn typed_resources_are_written_and_replaced_by_version() {
    let nexus = sealing(&MemoryStore::default(), 7);
    let caller = admin();
    let hook = |address: &str| Hook {
        address: address.to_owned(),
        owner: None,
        signing_key: Some(Secret::new("hunter2")),
    };
    assert_eq!(nexus.put_resource(&caller, "h", hook("a"), None).await.unwrap(), 1);
    assert_eq!(code(nexus.put_resource(&caller, "h", hook("b"), None).await), "RESOURCE_EXISTS");
    assert_eq!(nexus.put_resource(&caller, "h", hook("b"), Some(1)).await.unwrap(), 2);
    assert_eq!(code(nexus.put_resource(&caller, "h", hook("c"), Some(1)).await), "RESOURCE_CHANGED");
    let read = nexus.resource::<Hook>(&caller, "h").await.unwrap();
    assert_eq!((read.version, read.value.address.as_str()), (2, "b"));
    let same = nexus.resource::<Hook>(&caller, "h").await.unwrap().value;
    assert_eq!(nexus.put_resource(&caller, "h", same, Some(2)).await.unwrap(), 2, "nothing changes");
    let other = Hook { address: "c".to_owned(), ..read.value };
    assert_eq!(nexus.put_resource(&caller, "h", other, Some(2)).await.unwrap(), 3, "its secret stays sealed");
    assert_eq!(code(nexus.resource_json(&caller, "door", "h").await), "RESOURCE_KIND_UNKNOWN");
}

#[tokio::test]
async fn a_set_that_changes_nothing_makes_no_version_and_a_list_is_filtered_by_a_named_index_alone() {
    let nexus = sealing(&MemoryStore::default(), 7);
    let caller = admin();
    let set = async |hook| nexus.set_resource_json(&caller, "hook", "h", hook, None).await.unwrap().version;
    assert_eq!(set(json!({"address": "a", "signing_key": "hunter2"})).await, 1);
    assert_eq!(set(json!({"address": "a"})).await, 1);
    assert_eq!(set(json!({"signing_key": "hunter2"})).await, 2, "a new secret is a change, whatever it was");
    assert_eq!(nexus.resource_history(&caller, "hook", "h", Page::default()).await.unwrap().len(), 2);
    let none = nexus.resource_history(&caller, "hook", "other", Page::default()).await;
    assert_eq!(code(none), "RESOURCE_NOT_FOUND");

    let filtered = async |kind, name: &str, value: &str| {
        let list =
            ResourceList { index: Some((name.to_owned(), value.to_owned())), ..ResourceList::default() };
        nexus.resources_json(&caller, kind, list).await.map(|found| found.len())
    };
    assert_eq!(filtered("hook", "address", "a").await.unwrap(), 1);
    assert_eq!(filtered("hook", "address", "b").await.unwrap(), 0);
    assert_eq!(code(filtered("hook", "owner", "a").await), "RESOURCE_INDEX_UNKNOWN");
    assert_eq!(code(filtered("plan", "name", "a").await), "RESOURCE_INDEX_UNKNOWN");
}

#[tokio::test]
async fn another_tenants_resource_and_the_installations_are_for_the_operator() {
    let store = MemoryStore::default();
    let nexus = sealing(&store, 7);
    let (operator, remote) = (admin(), remote("globex"));
    let plan = |name: &str| json!({ "name": name });
    for tenant in ["acme", "globex", "initech"] {
        nexus.set_resource_json(&operator, "plan", tenant, plan("gold"), None).await.unwrap();
    }
    let ids = async |caller: &Principal| {
        let listed = nexus.resources_json(caller, "plan", ResourceList::default()).await.unwrap();
        listed.into_iter().map(|plan| plan.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&operator).await, ["acme", "globex", "initech"]);
    assert_eq!(ids(&remote).await, ["globex"]);
    nexus.set_resource_json(&remote, "plan", "globex", plan("silver"), None).await.unwrap();
    let raise = nexus.set_resource_json(&remote, "plan", "globex", json!({"cap": 9}), None).await;
    assert_eq!(code(raise), "DENIED");
    assert_eq!(code(nexus.remove_resource(&remote, "plan", "globex", None).await), "DENIED");
    let read = nexus.resource::<Plan>(&operator, "globex").await.unwrap();
    assert_eq!((read.value.name.as_str(), read.updated_by.as_str()), ("silver", "user:ada"));
    for result in [
        nexus.resource_json(&remote, "plan", "acme").await.map(|_| ()),
        nexus.set_resource_json(&remote, "plan", "acme", plan("x"), None).await.map(|_| ()),
        nexus.remove_resource(&remote, "plan", "acme", None).await,
        nexus.resource_history(&remote, "plan", "acme", Page::default()).await.map(|_| ()),
        nexus.resource_json(&remote, "hook", ResourceAddress::of_installation("h")).await.map(|_| ()),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Denied);
    }
    // The operator is no user of the tenant whose resource it changes, and the tenant holds the record.
    let history = nexus.resource_history(&remote, "plan", "globex", Page::default()).await.unwrap();
    assert_eq!(
        history.iter().map(|entry| entry.by.as_str()).collect::<Vec<_>>(),
        ["operator:root", "user:ada"]
    );
    let chains = store.chains(remote.tenant(), &Page::first(9)).await.unwrap();
    let actors: Vec<_> = chains.into_iter().filter_map(|chain| chain.begun_by).collect();
    assert_eq!(actors, ["operator:root", "user:ada"]);

    let hook = json!({"address": "https://a.example"});
    let of_installation = ResourceAddress::of_installation("h");
    nexus.set_resource_json(&operator, "hook", of_installation.clone(), hook, None).await.unwrap();
    assert_eq!(code(nexus.resource_json(&operator, "hook", "h").await), "RESOURCE_NOT_FOUND");
    assert_eq!(nexus.resource_json(&operator, "hook", of_installation).await.unwrap().version, 1);
    assert_eq!(
        code(nexus.resource_json(&operator, "plan", ResourceAddress::of_installation("acme")).await),
        "RESOURCE_SCOPE"
    );
}

#[tokio::test]
async fn every_operation_on_a_resource_asks_the_policy() {
    let nexus = sealing(&MemoryStore::default(), 7);
    nexus.set_resource_json(&admin(), "hook", "h", json!({"address": "a"}), None).await.unwrap();
    let editor = Principal::user("acme", "ed").unwrap().roles(["editor"]);
    for result in [
        nexus.resource::<Hook>(&editor, "h").await.map(|_| ()),
        nexus.resource_json(&editor, "hook", "h").await.map(|_| ()),
        nexus.resources_json(&editor, "hook", ResourceList::default()).await.map(|_| ()),
        nexus.resource_history(&editor, "hook", "h", Page::default()).await.map(|_| ()),
        nexus.removable_resource(&editor, "hook", "h").await.map(|_| ()),
        nexus.remove_resource(&editor, "hook", "h", None).await,
        nexus.set_resource_json(&editor, "hook", "h", json!({}), None).await.map(|_| ()),
        nexus.put_resource(&editor, "i", Plan { name: "x".to_owned(), cap: 0 }, None).await.map(|_| ()),
    ] {
        assert_eq!(result.unwrap_err().code(), "DENIED");
    }
    let kinds: Vec<_> = nexus.resource_kinds().kinds().map(|kind| kind.kind.noun()).collect();
    assert!(kinds.contains(&"hooks".to_owned()) && kinds.contains(&"plans".to_owned()));
    let schema = nexus.resource_kinds().kind("hook").unwrap().schema();
    assert_eq!(schema["required"], json!(["address"]));
}

#[tokio::test]
async fn an_export_holds_secrets_sealed_and_no_sensitive_field() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, caller) = (MemoryStore::open(from.path()).unwrap(), admin());
    let nexus = sealing(&store, 7);
    let hook = json!({"address": "https://a.example", "owner": "Ada", "signing_key": "hunter2"});
    nexus.set_resource_json(&caller, "hook", "h", hook, None).await.unwrap();
    let out = tempfile::NamedTempFile::new().unwrap();
    nexus.export(&caller, || Ok(Box::new(out.reopen().unwrap()))).await.unwrap();
    let text = std::fs::read_to_string(out.path()).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("Ada"), "{text}");

    let other = MemoryStore::open(to.path()).unwrap();
    let source = Box::new(std::io::BufReader::new(out.reopen().unwrap()));
    sealing(&other, 7).import(&caller, source).await.unwrap();
    drop(other);
    let other = MemoryStore::open(to.path()).unwrap();
    let imported = sealing(&other, 7);
    let typed = imported.resource::<Hook>(&caller, "h").await.unwrap();
    assert_eq!((typed.version, typed.value.owner), (1, None));
    let secret = typed.value.signing_key.unwrap();
    let opened = open(7, "h", &secret).unwrap();
    assert_eq!(opened.as_str(), "hunter2");
    // Another installation has another key, and says so.
    let error = open(8, "h", &secret).unwrap_err();
    assert_eq!(error.code(), "SEAL_KEY_MISMATCH");
    let list = ResourceList {
        index: Some(("address".to_owned(), "https://a.example".to_owned())),
        ..ResourceList::default()
    };
    assert_eq!(imported.resources_json(&caller, "hook", list).await.unwrap().len(), 1);
    assert_eq!(imported.resource_history(&caller, "hook", "h", Page::default()).await.unwrap().len(), 1);
    other.close().await.unwrap();
}
