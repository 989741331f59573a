//! Laws of `GrantStore`.

use nexus_core::access::{AccessRule, Grant, Permission};
use nexus_core::{ErrorKind, Page};

use super::fixture::{World, access, admin, at, document, query, reader};
use super::pages::{refused, walk, walk_while};
use super::scenarios;
use nexus_core::retrieve::Query;

scenarios!(
    a_grant_belongs_to_its_tenant,
    giving_the_same_grantee_the_same_permission_again_replaces_the_expiry_and_leaves_one_grant,
    a_revocation_binds_the_next_search,
    an_expired_grant_gives_nothing,
    granting_on_a_document_that_does_not_exist_is_not_found,
    granting_and_revoking_need_the_required_access_at_the_commit,
    a_grant_or_a_revocation_and_its_audit_record_commit_together,
    lists_of_grants_are_in_order_of_creation,
);

async fn world_with_document(world: &World) {
    for tenant in ["acme", "globex"] {
        world.corpus(&admin(tenant), "c").await;
        world.publish(&admin(tenant), "c", "d", &["words about leave"]).await;
    }
}

async fn a_grant_belongs_to_its_tenant(world: World) {
    world_with_document(&world).await;
    let grant = world.grant(&admin("acme"), "d", "role:reader", Permission::Read, None).await;
    assert_eq!(
        world.store.grants(admin("globex").tenant(), &document("d"), &Page::all()).await.unwrap().len(),
        1
    );
    assert_eq!(world.found(&reader("globex", "u"), "leave").await.len(), 0);
    assert_eq!(world.found(&reader("acme", "u"), "leave").await, ["d"]);
    let error = world.revoke(&admin("globex"), "d", &grant.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn giving_the_same_grantee_the_same_permission_again_replaces_the_expiry_and_leaves_one_grant(
    world: World,
) {
    world_with_document(&world).await;
    let first = world.grant(&admin("acme"), "d", "user:u", Permission::Read, Some(at(1))).await;
    assert_eq!(world.found(&reader("acme", "u"), "leave").await.len(), 0);
    let second = world.grant(&admin("acme"), "d", "user:u", Permission::Read, Some(at(1000))).await;
    assert_eq!((second.id, second.expires_at), (first.id, Some(at(1000))));
    assert_eq!(world.found(&reader("acme", "u"), "leave").await, ["d"]);
    let kept = world.store.grants(admin("acme").tenant(), &document("d"), &Page::all()).await.unwrap();
    assert_eq!(kept.len(), 2, "the owner's and this one");
}

async fn a_revocation_binds_the_next_search(world: World) {
    world_with_document(&world).await;
    let grant = world.grant(&admin("acme"), "d", "group:staff", Permission::Write, None).await;
    let member = reader("acme", "u").groups(["staff"]);
    for _ in 0..3 {
        assert_eq!(world.found(&member, "leave").await, ["d"]);
    }
    let revoked = world.revoke(&admin("acme"), "d", &grant.id).await.unwrap();
    assert_eq!(revoked, grant);
    assert_eq!(world.found(&member, "leave").await.len(), 0);
}

async fn an_expired_grant_gives_nothing(world: World) {
    world_with_document(&world).await;
    world.grant(&admin("acme"), "d", "user:u", Permission::Read, Some(at(10))).await;
    let caller = reader("acme", "u");
    let hits = async |now| world.retrieve(&caller, Query { now, ..query("leave") }).await.hits.len();
    assert_eq!(hits(at(9)).await, 1);
    assert_eq!(hits(at(10)).await, 0);
    assert_eq!(hits(at(9)).await, 1, "a clock may go backwards");
    let kept = world.store.grants(caller.tenant(), &document("d"), &Page::all()).await.unwrap();
    assert_eq!(kept.len(), 2, "expired grants are still listed");
}

async fn granting_on_a_document_that_does_not_exist_is_not_found(world: World) {
    world_with_document(&world).await;
    let mut grant = world.grant(&admin("acme"), "d", "user:u", Permission::Read, None).await;
    grant.document_id = document("nowhere");
    let owner = access(&admin("acme"), AccessRule::Holds(Permission::Owner), at(0));
    let error = world.store.grant(&owner, grant, world.unrecorded()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        world.store.grants(admin("acme").tenant(), &document("nowhere"), &Page::all()).await.unwrap(),
        []
    );
}

async fn granting_and_revoking_need_the_required_access_at_the_commit(world: World) {
    world_with_document(&world).await;
    let ann = reader("acme", "ann");
    let owner = world.grant(&admin("acme"), "d", "user:ann", Permission::Owner, Some(at(10))).await;
    let writer = world.grant(&admin("acme"), "d", "user:bob", Permission::Write, None).await;
    let mut given = writer.clone();
    given.grantee = "role:reader".parse().unwrap();
    for (caller, moment, code) in [
        (reader("acme", "bob"), 9, "DENIED"),
        (reader("acme", "eve"), 9, "DOCUMENT_NOT_FOUND"),
        (admin("globex"), 9, "GRANT_NOT_FOUND"),
        (ann.clone(), 10, "DOCUMENT_NOT_FOUND"),
    ] {
        let required = access(&caller, AccessRule::Holds(Permission::Owner), at(moment));
        let refused =
            world.store.revoke(&required, &document("d"), &writer.id, world.unrecorded()).await.unwrap_err();
        assert_eq!(refused.code(), code);
        if caller.tenant().as_str() == "acme" {
            let refused = world.store.grant(&required, given.clone(), world.unrecorded()).await.unwrap_err();
            assert_eq!(refused.code(), code);
        }
    }
    let kept = world.store.grants(ann.tenant(), &document("d"), &Page::all()).await.unwrap();
    assert_eq!(kept.len(), 3, "the first owner's, hers and the writer's");
    let required = access(&ann, AccessRule::Holds(Permission::Owner), at(9));
    world.store.grant(&required, given, world.unrecorded()).await.unwrap();
    world.store.revoke(&required, &document("d"), &owner.id, world.unrecorded()).await.unwrap();
    let refused =
        world.store.revoke(&required, &document("d"), &writer.id, world.unrecorded()).await.unwrap_err();
    assert_eq!(refused.code(), "DENIED", "she has given up her own grant, and reads by her role");
}

async fn a_grant_or_a_revocation_and_its_audit_record_commit_together(world: World) {
    world_with_document(&world).await;
    let (root, eve) = (admin("acme"), reader("acme", "eve"));
    let given = world.grant(&root, "d", "user:bob", Permission::Read, None).await;
    let before = (
        world.store.grants(root.tenant(), &document("d"), &Page::all()).await.unwrap(),
        world.chains(&root).await,
    );
    let access = |caller| access(caller, AccessRule::Holds(Permission::Owner), at(0));
    let other = Grant { grantee: "user:ann".parse().unwrap(), ..given.clone() };
    for (caller, record) in [(&root, world.unsealable(&root)), (&eve, world.recorded(&eve))] {
        let (access, record) = (access(caller), || record.clone());
        assert!(world.store.grant(&access, other.clone(), record()).await.is_err());
        assert!(world.store.revoke(&access, &document("d"), &given.id, record()).await.is_err());
    }
    let after = (
        world.store.grants(root.tenant(), &document("d"), &Page::all()).await.unwrap(),
        world.chains(&root).await,
    );
    assert_eq!(after, before);
    let regrant = Grant { expires_at: Some(at(9)), ..given.clone() };
    world.store.grant(&access(&root), regrant, world.recorded(&root)).await.unwrap();
    world.store.revoke(&access(&root), &document("d"), &given.id, world.recorded(&root)).await.unwrap();
    assert_eq!(world.chains(&root).await, before.1 + 2);
}

async fn lists_of_grants_are_in_order_of_creation(world: World) {
    world_with_document(&world).await;
    let (caller, d) = (admin("acme"), document("d"));
    let mut given = Vec::new();
    for grantee in ["user:z", "role:reader", "user:a", "group:staff"] {
        given.push(world.grant(&caller, "d", grantee, Permission::Read, None).await);
    }
    let (store, tenant, d) = (&world.store, caller.tenant(), &d);
    let read = |page: Page| async move { store.grants(tenant, d, &page).await };
    let key = |grant: &Grant| grant.id.to_string();
    let listed = walk(read, key).await;
    assert_eq!(listed[1..], given.iter().map(key).collect::<Vec<_>>(), "after the owner's");
    let change = async {
        world.revoke(&caller, "d", &given[1].id).await.unwrap();
        world.grant(&caller, "d", "user:b", Permission::Write, None).await;
        world.grant(&caller, "d", "user:a", Permission::Read, Some(at(9))).await;
    };
    walk_while(read, key, change).await;
    refused(read(Page::first(9).after(key(&given[1]))).await);
    refused(store.grants(admin("globex").tenant(), d, &Page::first(9).after(key(&given[0]))).await);
}
