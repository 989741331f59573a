//! Laws of `AdminResourceStore`.

use nexus_core::admin::{
    ChangeKind, ResourceBatch, ResourceChange, ResourceContent, ResourceQuery, ResourceScope,
    ResourceVersion, ResourceWrite, StoredResource,
};
use nexus_core::audit::Kind;
use nexus_core::{ErrorKind, Page, Principal, Result};
use serde_json::{Map, Value, json};

use super::fixture::{World, admin, at};
use super::pages::{refused, walk, walk_while};
use super::scenarios;

scenarios!(
    a_resource_that_is_created_is_read_back_with_its_content_version_1_times_and_actor,
    a_creation_needs_the_absence_of_the_resource_and_a_change_or_a_removal_its_current_version,
    writes_of_a_batch_commit_together,
    versions_count_on_after_a_removal,
    lists_of_resources_are_in_order_of_id,
    a_filter_by_index_follows_each_change_and_each_removal,
    a_list_and_a_history_hold_no_sensitive_field_and_no_secret,
    the_history_holds_every_change_in_order_of_version_and_outlives_a_removal,
    lists_of_versions_are_in_order_of_version,
    a_write_commits_with_its_audit_records_and_gives_the_tenant_another_settings_version,
    a_resource_of_one_tenant_is_invisible_to_every_other_and_cannot_be_changed_by_it,
    a_resource_of_the_installation_is_none_of_a_tenants_and_a_tenants_none_of_the_installations,
    lists_of_the_resources_that_each_tenant_has_one_of_are_in_order_of_tenant,
    of_concurrent_changes_of_one_version_one_succeeds,
);

/// Kind of the resources.
const HOOK: &str = "hook";

fn of(caller: &Principal) -> ResourceScope {
    ResourceScope::Tenant(caller.tenant().clone())
}

/// Returns content with hidden fields and the index `colour`.
fn content(colour: &str) -> ResourceContent {
    let map = |value: Value| value.as_object().cloned().unwrap();
    ResourceContent {
        body: json!({"colour": colour, "owner": "[redacted]", "key": "[redacted]"}),
        sensitive: map(json!({"/owner": "Ada"})),
        sealed: map(json!({"/key": {"key": "k", "nonce": "00", "ciphertext": "c0ffee"}})),
        indexes: vec![("colour".to_owned(), colour.to_owned())],
    }
}

fn create(id: &str, colour: &str) -> ResourceWrite {
    write(id, ResourceChange::Create(content(colour)))
}

fn update(id: &str, expected: u64, colour: &str) -> ResourceWrite {
    write(id, ResourceChange::Update { expected, content: content(colour) })
}

fn delete(id: &str, expected: u64) -> ResourceWrite {
    write(id, ResourceChange::Delete { expected })
}

fn write(id: &str, change: ResourceChange) -> ResourceWrite {
    ResourceWrite { kind: HOOK, id: id.to_owned(), change, changed: vec!["/colour".to_owned()] }
}

/// Returns the query of the first `limit` resources.
fn first(limit: usize) -> ResourceQuery {
    ResourceQuery { kind: HOOK, index: None, page: Page::first(limit) }
}

impl World {
    async fn write_at(
        &self,
        scope: &ResourceScope,
        second: i64,
        writes: Vec<ResourceWrite>,
    ) -> Result<Vec<u64>> {
        let (by, audit) = (format!("user:u{second}"), self.unrecorded());
        let batch = ResourceBatch { scope: scope.clone(), writes, by, at: at(second), audit };
        self.store.write_resources(batch).await
    }

    async fn write(&self, caller: &Principal, writes: Vec<ResourceWrite>) -> Result<Vec<u64>> {
        self.write_at(&of(caller), 0, writes).await
    }

    async fn ids(&self, scope: &ResourceScope, query: &ResourceQuery) -> Vec<String> {
        let found = self.store.resources(scope, query).await.unwrap();
        found.into_iter().map(|resource| resource.id).collect()
    }

    async fn history_of(&self, scope: &ResourceScope, id: &str) -> Vec<(u64, ChangeKind)> {
        let history = self.store.resource_history(scope, HOOK, id, &Page::first(99)).await.unwrap();
        history.into_iter().map(|entry| (entry.version, entry.change)).collect()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.unwrap_err().code()
}

async fn a_resource_that_is_created_is_read_back_with_its_content_version_1_times_and_actor(world: World) {
    let scope = of(&admin("acme"));
    assert_eq!(world.write_at(&scope, 1, vec![create("a", "red")]).await.unwrap(), [1]);
    let read = world.store.resource(&scope, HOOK, "a").await.unwrap();
    assert_eq!((read.id.as_str(), read.version, &read.content), ("a", 1, &content("red")));
    assert_eq!((read.created_at, read.updated_at, read.updated_by.as_str()), (at(1), at(1), "user:u1"));
    world.write_at(&scope, 2, vec![update("a", 1, "blue")]).await.unwrap();
    let read = world.store.resource(&scope, HOOK, "a").await.unwrap();
    assert_eq!((read.version, &read.content), (2, &content("blue")));
    assert_eq!((read.created_at, read.updated_at, read.updated_by.as_str()), (at(1), at(2), "user:u2"));
    assert_eq!(code(world.store.resource(&scope, "other", "a").await), "RESOURCE_NOT_FOUND");
}

async fn a_creation_needs_the_absence_of_the_resource_and_a_change_or_a_removal_its_current_version(
    world: World,
) {
    let caller = admin("acme");
    for missing in [update("a", 1, "red"), delete("a", 1)] {
        assert_eq!(code(world.write(&caller, vec![missing]).await), "RESOURCE_NOT_FOUND");
    }
    world.write(&caller, vec![create("a", "red")]).await.unwrap();
    world.write(&caller, vec![update("a", 1, "blue")]).await.unwrap();
    assert_eq!(code(world.write(&caller, vec![create("a", "green")]).await), "RESOURCE_EXISTS");
    for stale in [1, 3] {
        let error = world.write(&caller, vec![update("a", stale, "green")]).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "RESOURCE_CHANGED"));
        assert_eq!(code(world.write(&caller, vec![delete("a", stale)]).await), "RESOURCE_CHANGED");
    }
    let read = world.store.resource(&of(&caller), HOOK, "a").await.unwrap();
    assert_eq!((read.version, read.content), (2, content("blue")));
    assert_eq!(world.write(&caller, vec![delete("a", 2)]).await.unwrap(), [3]);
    assert_eq!(code(world.store.resource(&of(&caller), HOOK, "a").await), "RESOURCE_NOT_FOUND");
}

async fn writes_of_a_batch_commit_together(world: World) {
    let caller = admin("acme");
    let versions = world.write(&caller, vec![create("a", "red"), create("b", "red")]).await.unwrap();
    assert_eq!(versions, [1, 1]);
    let audit = world.pending(&caller, "chain", &[Kind::CHAIN_OPEN]);
    let writes = vec![update("a", 1, "blue"), create("c", "blue"), update("b", 9, "blue")];
    let batch = ResourceBatch { scope: of(&caller), writes, by: "user:u".to_owned(), at: at(1), audit };
    assert_eq!(code(world.store.write_resources(batch).await), "RESOURCE_CHANGED");
    assert_eq!(world.store.resource(&of(&caller), HOOK, "a").await.unwrap().content, content("red"));
    assert_eq!(world.ids(&of(&caller), &first(9)).await, ["a", "b"]);
    assert_eq!(world.history_of(&of(&caller), "a").await, [(1, ChangeKind::Created)]);
    assert_eq!(world.history_of(&of(&caller), "c").await, []);
    assert_eq!(world.store.head(caller.tenant(), "chain").await.unwrap(), None);
    // A batch sees its own writes.
    let writes = vec![update("a", 1, "blue"), update("a", 2, "green"), delete("b", 1)];
    assert_eq!(world.write(&caller, writes).await.unwrap(), [2, 3, 2]);
}

async fn versions_count_on_after_a_removal(world: World) {
    let caller = admin("acme");
    world.write(&caller, vec![create("a", "red"), delete("a", 1)]).await.unwrap();
    assert_eq!(world.write(&caller, vec![create("a", "blue")]).await.unwrap(), [3]);
    assert_eq!(code(world.write(&caller, vec![update("a", 1, "red")]).await), "RESOURCE_CHANGED");
    assert_eq!(world.store.resource(&of(&caller), HOOK, "a").await.unwrap().version, 3);
}

async fn lists_of_resources_are_in_order_of_id(world: World) {
    let caller = admin("acme");
    let scope = of(&caller);
    for id in ["c", "a10", "e", "a2", "d"] {
        world.write(&caller, vec![create(id, "red")]).await.unwrap();
    }
    assert_eq!(world.ids(&scope, &first(2)).await, ["a10", "a2"]);
    for id in ["a1", "a3", "f"] {
        world.write(&caller, vec![create(id, "red")]).await.unwrap();
    }
    world.write(&caller, vec![delete("a2", 1)]).await.unwrap();
    let next = |after: &str, limit| ResourceQuery { page: Page::first(limit).after(after), ..first(0) };
    assert_eq!(world.ids(&scope, &next("a2", 3)).await, ["a3", "c", "d"]);
    assert_eq!(world.ids(&scope, &next("d", 9)).await, ["e", "f"]);
    assert_eq!(world.ids(&scope, &first(0)).await, [""; 0]);
    // The same pages, filtered.
    let red = |query: ResourceQuery| ResourceQuery {
        index: Some(("colour".to_owned(), "red".to_owned())),
        ..query
    };
    assert_eq!(world.ids(&scope, &red(first(3))).await, ["a1", "a10", "a3"]);
    assert_eq!(world.ids(&scope, &red(next("a3", 2))).await, ["c", "d"]);

    let (store, scope) = (&world.store, &scope);
    let key = |resource: &StoredResource| resource.id.clone();
    let filtered =
        |page: Page| async move { store.resources(scope, &red(ResourceQuery { page, ..first(0) })).await };
    walk(filtered, key).await;
    let read = |page: Page| async move { store.resources(scope, &ResourceQuery { page, ..first(0) }).await };
    let change = async {
        world
            .write(&caller, vec![create("a0", "red"), create("b", "red"), create("z", "red")])
            .await
            .unwrap();
        world.write(&caller, vec![delete("a1", 1), delete("d", 1)]).await.unwrap();
    };
    walk_while(read, key, change).await;
}

async fn lists_of_versions_are_in_order_of_version(world: World) {
    let caller = admin("acme");
    world.write(&caller, vec![create("a", "red")]).await.unwrap();
    for version in 1..12 {
        world.write(&caller, vec![update("a", version, "blue")]).await.unwrap();
    }
    let (store, scope) = (&world.store, &of(&caller));
    let read = |page: Page| async move { store.resource_history(scope, HOOK, "a", &page).await };
    let key = |entry: &ResourceVersion| entry.version.to_string();
    assert_eq!(walk(read, key).await, (1..13).map(|version| version.to_string()).collect::<Vec<_>>());
    let change = async {
        world.write(&caller, vec![delete("a", 12)]).await.unwrap();
    };
    walk_while(read, key, change).await;
    refused(read(Page::first(1).after("x")).await);
}

async fn a_filter_by_index_follows_each_change_and_each_removal(world: World) {
    let caller = admin("acme");
    let of_colour = async |colour: &str| {
        let index = Some(("colour".to_owned(), colour.to_owned()));
        world.ids(&of(&caller), &ResourceQuery { index, ..first(9) }).await
    };
    world.write(&caller, vec![create("a", "red"), create("b", "blue"), create("c", "red")]).await.unwrap();
    assert_eq!((of_colour("red").await, of_colour("blue").await), (ids(["a", "c"]), ids(["b"])));
    world.write(&caller, vec![update("a", 1, "blue"), delete("c", 1)]).await.unwrap();
    assert_eq!((of_colour("red").await, of_colour("blue").await), (ids([]), ids(["a", "b"])));
    let other = ResourceQuery { index: Some(("size".to_owned(), "blue".to_owned())), ..first(9) };
    assert_eq!(world.ids(&of(&caller), &other).await, ids([]));
}

fn ids<const N: usize>(ids: [&str; N]) -> Vec<String> {
    ids.map(str::to_owned).to_vec()
}

async fn a_list_and_a_history_hold_no_sensitive_field_and_no_secret(world: World) {
    let caller = admin("acme");
    world.write(&caller, vec![create("a", "red"), update("a", 1, "blue")]).await.unwrap();
    let by_colour = ResourceQuery { index: Some(("colour".to_owned(), "blue".to_owned())), ..first(9) };
    for query in [first(9), by_colour] {
        let listed = world.store.resources(&of(&caller), &query).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].content.body, content("blue").body);
        assert_eq!((&listed[0].content.sensitive, &listed[0].content.sealed), (&Map::new(), &Map::new()));
    }
    let history = world.store.resource_history(&of(&caller), HOOK, "a", &Page::first(9)).await.unwrap();
    let bodies: Vec<_> = history.iter().map(|entry| entry.body.clone().unwrap()).collect();
    assert_eq!(bodies, [content("red").body, content("blue").body]);
}

async fn the_history_holds_every_change_in_order_of_version_and_outlives_a_removal(world: World) {
    let scope = of(&admin("acme"));
    for (second, change) in (1..).zip([create("a", "red"), update("a", 1, "blue"), delete("a", 2)]) {
        world.write_at(&scope, second, vec![change]).await.unwrap();
    }
    let entries = async |page| world.store.resource_history(&scope, HOOK, "a", &page).await.unwrap();
    let history = entries(Page::first(9)).await;
    let facts: Vec<_> =
        history.iter().map(|entry| (entry.version, entry.change, entry.at, entry.by.as_str())).collect();
    assert_eq!(
        facts,
        [
            (1, ChangeKind::Created, at(1), "user:u1"),
            (2, ChangeKind::Updated, at(2), "user:u2"),
            (3, ChangeKind::Deleted, at(3), "user:u3"),
        ]
    );
    assert_eq!(history[1].changed, ["/colour"]);
    assert_eq!(history[2].body, None);
    assert_eq!(entries(Page::first(1).after("1")).await, [history[1].clone()]);
    let unfit = world.store.resource_history(&scope, HOOK, "a", &Page::first(1).after("x")).await;
    assert_eq!(code(unfit), "INVALID_CURSOR");
}

async fn a_write_commits_with_its_audit_records_and_gives_the_tenant_another_settings_version(world: World) {
    let caller = admin("acme");
    let kinds = [Kind::CHAIN_OPEN, Kind::new("hook.created"), Kind::CHAIN_CLOSE];
    let audit = world.pending(&caller, "chain", &kinds);
    let writes = vec![create("a", "red")];
    let batch = ResourceBatch { scope: of(&caller), writes, by: "user:root".to_owned(), at: at(0), audit };
    let version = async |caller: &Principal| world.store.settings_version(caller.tenant()).await.unwrap();
    let (before, other) = (version(&caller).await, version(&admin("globex")).await);
    world.store.write_resources(batch).await.unwrap();
    assert_eq!(world.store.records(caller.tenant(), "chain", 0, 9).await.unwrap().len(), 3);
    assert_ne!(version(&caller).await, before);
    assert_eq!(version(&admin("globex")).await, other);
    world.write_at(&ResourceScope::Installation, 0, vec![create("a", "red")]).await.unwrap();
    assert_ne!(version(&admin("globex")).await, other);
    assert!(world.store.head(caller.tenant(), "chain").await.unwrap().unwrap().closed);
    // A record that cannot be sealed leaves no change.
    let audit = world.pending(&caller, "chain", &[Kind::CHAIN_OPEN]);
    let writes = vec![create("b", "red")];
    let batch = ResourceBatch { scope: of(&caller), writes, by: "user:root".to_owned(), at: at(0), audit };
    assert_eq!(code(world.store.write_resources(batch).await), "AUDIT_ORDER");
    assert_eq!(code(world.store.resource(&of(&caller), HOOK, "b").await), "RESOURCE_NOT_FOUND");
}

async fn a_resource_of_one_tenant_is_invisible_to_every_other_and_cannot_be_changed_by_it(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    world.write(&acme, vec![create("a", "red")]).await.unwrap();
    let by_colour = ResourceQuery { index: Some(("colour".to_owned(), "red".to_owned())), ..first(9) };
    assert_eq!(code(world.store.resource(&of(&globex), HOOK, "a").await), "RESOURCE_NOT_FOUND");
    for query in [first(9), by_colour] {
        assert_eq!(world.ids(&of(&globex), &query).await, ids([]));
    }
    assert_eq!(world.history_of(&of(&globex), "a").await, []);
    for change in [update("a", 1, "blue"), delete("a", 1)] {
        assert_eq!(code(world.write(&globex, vec![change]).await), "RESOURCE_NOT_FOUND");
    }
    // The same id is another resource there.
    assert_eq!(world.write(&globex, vec![create("a", "blue")]).await.unwrap(), [1]);
    assert_eq!(world.store.resource(&of(&acme), HOOK, "a").await.unwrap().content, content("red"));
}

async fn a_resource_of_the_installation_is_none_of_a_tenants_and_a_tenants_none_of_the_installations(
    world: World,
) {
    let (acme, installation) = (of(&admin("acme")), ResourceScope::Installation);
    world.write_at(&installation, 0, vec![create("a", "red")]).await.unwrap();
    world.write_at(&acme, 0, vec![create("b", "red")]).await.unwrap();
    for (scope, own, other) in [(&installation, "a", "b"), (&acme, "b", "a")] {
        assert_eq!(world.store.resource(scope, HOOK, own).await.unwrap().content, content("red"));
        assert_eq!(code(world.store.resource(scope, HOOK, other).await), "RESOURCE_NOT_FOUND");
        assert_eq!(world.ids(scope, &first(9)).await, ids([own]));
        let change = world.write_at(scope, 0, vec![update(other, 1, "blue")]).await;
        assert_eq!(code(change), "RESOURCE_NOT_FOUND");
    }
}

async fn lists_of_the_resources_that_each_tenant_has_one_of_are_in_order_of_tenant(world: World) {
    for tenant in ["globex", "acme", "initech"] {
        let caller = admin(tenant);
        world.write(&caller, vec![create(tenant, "red"), create("another", "red")]).await.unwrap();
    }
    world.write_at(&ResourceScope::Installation, 0, vec![create("acme", "red")]).await.unwrap();
    let listed = async |page| {
        let found = world.store.resources_of_tenants(&ResourceQuery { page, ..first(0) }).await.unwrap();
        assert!(found.iter().all(|resource| resource.content.sensitive.is_empty()));
        found.into_iter().map(|resource| resource.id).collect::<Vec<_>>()
    };
    let store = &world.store;
    let read =
        |page: Page| async move { store.resources_of_tenants(&ResourceQuery { page, ..first(0) }).await };
    walk(read, |resource: &StoredResource| resource.id.clone()).await;
    assert_eq!(listed(Page::first(2)).await, ["acme", "globex"]);
    assert_eq!(listed(Page::first(2).after("globex")).await, ["initech"]);
    let other = ResourceQuery { kind: "other", ..first(9) };
    assert_eq!(world.store.resources_of_tenants(&other).await.unwrap(), []);
    world.write(&admin("acme"), vec![update("acme", 1, "blue")]).await.unwrap();
    let index = Some(("colour".to_owned(), "red".to_owned()));
    let red = world.store.resources_of_tenants(&ResourceQuery { index, ..first(9) }).await.unwrap();
    assert_eq!(red.iter().map(|resource| resource.id.as_str()).collect::<Vec<_>>(), ["globex", "initech"]);
}

async fn of_concurrent_changes_of_one_version_one_succeeds(world: World) {
    let caller = admin("acme");
    world.write(&caller, vec![create("a", "red")]).await.unwrap();
    let scope = of(&caller);
    let changes = (0..8).map(|second| world.write_at(&scope, second, vec![update("a", 1, "blue")]));
    let results = futures::future::join_all(changes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(world.history_of(&of(&caller), "a").await.len(), 2);
}
