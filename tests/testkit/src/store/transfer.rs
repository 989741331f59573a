//! Laws of `TransferStore`.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use nexus_core::audit::Kind;
use nexus_core::transfer::{Exported, TenantExport, TenantImport};
use nexus_core::{Principal, hex};

use super::fixture::{World, admin, allowed, document};
use super::{run, scenarios};

scenarios!(
    an_export_holds_the_data_of_its_tenant_alone_and_ends_with_the_number_of_its_lines_and_the_hash_of_its_bytes,
    an_export_names_the_removed_documents_of_which_its_runs_hold_passages,
    an_import_into_a_tenant_that_has_data_is_refused_and_leaves_no_record,
);

/// Writer whose bytes can be read afterwards.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// Returns the bytes written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn export(world: &World, caller: &Principal) -> (Exported, Vec<u8>) {
    let sink = Sink::default();
    let proof = allowed(caller, TenantExport);
    let exported = world.store.export(&proof, Box::new(sink.clone())).await.unwrap();
    (exported, sink.bytes())
}

async fn an_export_holds_the_data_of_its_tenant_alone_and_ends_with_the_number_of_its_lines_and_the_hash_of_its_bytes(
    world: World,
) {
    for (tenant, word) in [("acme", "alpaca"), ("globex", "gazelle")] {
        world.corpus(&admin(tenant), "c").await;
        world.publish(&admin(tenant), "c", "d", &[word]).await;
    }
    let (exported, bytes) = export(&world, &admin("acme")).await;
    let text = String::from_utf8(bytes).unwrap();
    let (lines, sha256) = (text.lines().count() as u64, hex::sha256(text.as_bytes()));
    assert_eq!(exported, Exported { lines, sha256, removed: BTreeMap::new() });
    assert!(text.contains("alpaca") && !text.contains("gazelle") && !text.contains("globex"));
}

async fn an_export_names_the_removed_documents_of_which_its_runs_hold_passages(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    world.publish(&caller, "c", "d", &["what it says"]).await;
    run::open_session(&world, &caller, "s").await;
    let accepted = run::new_run(&caller, "r", "s");
    world.store.advance(run::advance(&world, accepted.clone(), &[Kind::CHAIN_OPEN])).await.unwrap();
    let mut shown = run::advance(&world, run::next(&accepted), &[]);
    shown.evidence = Some(run::evidence());
    world.store.advance(shown).await.unwrap();
    assert_eq!(export(&world, &caller).await.0.removed, BTreeMap::new());
    world.delete(&caller, "d").await.unwrap();
    assert_eq!(export(&world, &caller).await.0.removed, BTreeMap::from([(document("d"), 1)]));
}

async fn an_import_into_a_tenant_that_has_data_is_refused_and_leaves_no_record(world: World) {
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    let ((_, bytes), before) = (export(&world, &caller).await, world.chains(&caller).await);
    let (proof, source) = (allowed(&caller, TenantImport), Box::new(Cursor::new(bytes)));
    assert!(world.store.import(&proof, source, world.recorded(&caller)).await.is_err());
    assert_eq!(world.chains(&caller).await, before);
}
