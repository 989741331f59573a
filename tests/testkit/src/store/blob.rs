//! Laws of `BlobStore`.

use std::io::{Cursor, Read, Seek, SeekFrom};

use nexus_core::document::store::Blob;
use nexus_core::{ErrorKind, hex};

use super::fixture::{World, admin};
use super::scenarios;

scenarios!(
    bytes_are_returned_unchanged_under_the_hash_that_put_returned,
    putting_the_same_bytes_twice_stores_them_once,
    a_source_over_the_limit_is_refused_and_leaves_nothing_behind,
    a_tenant_cannot_open_another_tenants_bytes,
    bytes_without_a_document_exist_while_a_caller_holds_their_blob,
    bytes_that_no_document_refers_to_any_longer_are_gone_when_the_change_is_acknowledged,
);

async fn bytes_are_returned_unchanged_under_the_hash_that_put_returned(world: World) {
    let caller = admin("acme");
    let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
    let blob =
        world.store.put(caller.tenant(), Box::new(Cursor::new(bytes.clone())), u64::MAX).await.unwrap();
    assert_eq!((blob.hash.as_str(), blob.size), (hex::sha256(&bytes).as_str(), bytes.len() as u64));
    let mut source = world.store.open(caller.tenant(), &blob.hash).await.unwrap();
    let mut back = Vec::new();
    source.read_to_end(&mut back).unwrap();
    assert!(back == bytes);
    source.seek(SeekFrom::Start(300_000)).unwrap();
    let mut piece = [0; 10];
    source.read_exact(&mut piece).unwrap();
    assert_eq!(piece, bytes[300_000..300_010]);
    let missing = world.store.open(caller.tenant(), &hex::sha256(b"never put")).await.err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

async fn putting_the_same_bytes_twice_stores_them_once(world: World) {
    let caller = admin("acme");
    let put = || world.store.put(caller.tenant(), Box::new(Cursor::new(b"twice".to_vec())), 99);
    let (first, second) = futures::join!(put(), put());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((&first.hash, first.size), (&second.hash, second.size));
    for blob in [first, second] {
        assert!(is_there(&world, "twice").await);
        world.store.discard(caller.tenant(), blob).await.unwrap();
    }
    assert!(!is_there(&world, "twice").await, "a second copy was left");
}

async fn a_source_over_the_limit_is_refused_and_leaves_nothing_behind(world: World) {
    let caller = admin("acme");
    let put = |limit| world.store.put(caller.tenant(), Box::new(Cursor::new(b"ten bytes!".to_vec())), limit);
    let error = put(9).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, "DOCUMENT_TOO_LARGE"));
    assert!(world.store.open(caller.tenant(), &hex::sha256(b"ten bytes!")).await.is_err());
    assert_eq!(put(10).await.unwrap().size, 10);
}

async fn a_tenant_cannot_open_another_tenants_bytes(world: World) {
    let blob =
        world.store.put(admin("acme").tenant(), Box::new(Cursor::new(b"secret".to_vec())), 99).await.unwrap();
    for tenant in ["globex", "acme/../acme", "ACME"] {
        let error = world.store.open(admin(tenant).tenant(), &blob.hash).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let odd = world.store.open(admin("acme").tenant(), "../../etc/passwd").await.err().unwrap();
    assert_eq!(odd.kind(), ErrorKind::NotFound);
}

async fn put(world: &World, text: &str) -> Blob {
    let source = Box::new(Cursor::new(text.as_bytes().to_vec()));
    world.store.put(admin("acme").tenant(), source, u64::MAX).await.unwrap()
}

async fn is_there(world: &World, text: &str) -> bool {
    world.store.open(admin("acme").tenant(), &hex::sha256(text.as_bytes())).await.is_ok()
}

async fn bytes_without_a_document_exist_while_a_caller_holds_their_blob(world: World) {
    let caller = admin("acme");
    let (first, second) = (put(&world, "held").await, put(&world, "held").await);
    world.store.discard(caller.tenant(), first).await.unwrap();
    assert!(is_there(&world, "held").await, "another caller holds them");
    world.store.discard(caller.tenant(), second).await.unwrap();
    assert!(!is_there(&world, "held").await);
    // A document that refers to the bytes keeps them when its caller releases them.
    world.corpus(&caller, "handbook").await;
    world.submit(&caller, "handbook", "leave", "held").await;
    let again = put(&world, "held").await;
    world.store.discard(caller.tenant(), again).await.unwrap();
    assert!(is_there(&world, "held").await);
}

async fn bytes_that_no_document_refers_to_any_longer_are_gone_when_the_change_is_acknowledged(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "handbook").await;
    world.publish(&caller, "handbook", "leave", &["first"]).await;
    world.publish(&caller, "handbook", "other", &["first"]).await;
    world.submit(&caller, "handbook", "leave", "second").await;
    assert!(
        is_there(&world, "first").await && is_there(&world, "second").await,
        "the other document is left"
    );
    let lease = world.claim(super::fixture::at(0)).await;
    world.store.publish(&lease, world.publication(&lease, 0, None)).await.unwrap();
    world.submit(&caller, "handbook", "other", "third").await;
    assert!(!is_there(&world, "first").await, "replaced");
    let mut refused = world.submission(&caller, "handbook", "leave", "fourth").await;
    refused.overwrite = false;
    assert!(world.store.submit(refused).await.is_err());
    world.let_go();
    let barrier = put(&world, "barrier").await;
    world.store.discard(caller.tenant(), barrier).await.unwrap();
    assert!(!is_there(&world, "fourth").await, "refused");
    world.delete(&caller, "leave").await.unwrap();
    assert!(!is_there(&world, "second").await, "deleted");
    let lease = world.claim(super::fixture::at(0)).await;
    world.store.publish(&lease, world.publication(&lease, 0, None)).await.unwrap();
    world
        .store
        .delete_corpus(caller.tenant(), &super::fixture::corpus("handbook"), world.unrecorded())
        .await
        .unwrap();
    assert!(!is_there(&world, "third").await, "deleted with its corpus");
}
