//! Document permissions: a reader finds nothing before a document is granted, and nothing after the revocation.
//!
//! `cargo run -p nexus-examples --example permissions`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Cursor;

use anyhow::Result;
use nexus_core::access::{Grantee, Permission};
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::{CorpusId, Nexus, Principal, Search};
use nexus_store_memory::MemoryStore;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    let keys = KeyRing::from_secret("k0", "read this from your secret manager")?;
    let nexus = Nexus::builder().store(MemoryStore::default()).audit_keys(keys).build()?;
    let editor = Principal::user("acme", "erin")?.roles(["editor"]);
    let reader = Principal::user("acme", "ravi")?.roles(["reader"]).groups(["finance"]);

    let corpus = CorpusId::parse("ledgers")?;
    nexus.create_corpus(&editor, corpus.clone(), "Ledgers", json!({})).await?;
    let new = NewDocument::new(corpus.clone(), "bonus.txt");
    let document =
        nexus.ingest(&editor, new, Cursor::new("The bonus pool holds two million.")).await?.document_id;
    nexus.run_pending_jobs().await?;

    let found = async || -> Result<usize> {
        Ok(nexus.search(&reader, Search::new(corpus.clone(), "bonus pool")).await?.hits.len())
    };
    println!("before the grant the reader finds {} passages", found().await?);
    assert_eq!(found().await?, 0);

    let finance = Grantee::Group("finance".to_owned());
    let grant = nexus.grant(&editor, &document, finance, Permission::Read, None).await?;
    println!("with the grant the reader finds {}", found().await?);
    assert_eq!(found().await?, 1);

    nexus.revoke(&editor, &document, &grant.id).await?;
    println!("after the revocation the reader finds {}", found().await?);
    assert_eq!(found().await?, 0);
    Ok(())
}
