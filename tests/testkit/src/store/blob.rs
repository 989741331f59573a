//! Laws of `BlobStore`.

use std::io::{Cursor, Read, Seek, SeekFrom};

use nexus_core::{ErrorKind, hex};

use super::scenarios;
use super::world::{World, admin};

scenarios!(
    what_was_put_comes_back_byte_for_byte_under_its_hash,
    putting_the_same_bytes_twice_keeps_them_once,
    a_source_over_the_limit_is_refused_and_leaves_nothing_behind,
    a_tenant_cannot_open_another_tenants_bytes,
);

async fn what_was_put_comes_back_byte_for_byte_under_its_hash(world: World) {
    let who = admin("acme");
    let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
    let blob = world.store.put(who.tenant(), Box::new(Cursor::new(bytes.clone())), u64::MAX).await.unwrap();
    assert_eq!((blob.hash.as_str(), blob.size), (hex::sha256(&bytes).as_str(), bytes.len() as u64));
    let mut source = world.store.open(who.tenant(), &blob.hash).await.unwrap();
    let mut back = Vec::new();
    source.read_to_end(&mut back).unwrap();
    assert!(back == bytes);
    source.seek(SeekFrom::Start(300_000)).unwrap();
    let mut piece = [0; 10];
    source.read_exact(&mut piece).unwrap();
    assert_eq!(piece, bytes[300_000..300_010]);
    let missing = world.store.open(who.tenant(), &hex::sha256(b"never put")).await.err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

async fn putting_the_same_bytes_twice_keeps_them_once(world: World) {
    let who = admin("acme");
    let put = || world.store.put(who.tenant(), Box::new(Cursor::new(b"twice".to_vec())), 99);
    let (first, second) = futures::join!(put(), put());
    assert_eq!(first.unwrap(), second.unwrap());
}

async fn a_source_over_the_limit_is_refused_and_leaves_nothing_behind(world: World) {
    let who = admin("acme");
    let put = |limit| world.store.put(who.tenant(), Box::new(Cursor::new(b"ten bytes!".to_vec())), limit);
    let error = put(9).await.unwrap_err();
    assert_eq!((error.kind(), error.stable_code()), (ErrorKind::InvalidInput, "DOCUMENT_TOO_LARGE"));
    assert!(world.store.open(who.tenant(), &hex::sha256(b"ten bytes!")).await.is_err());
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
