//! Quick start in one file: ingest a text, ask a question, stream the answer, verify the audit chain.
//!
//! `cargo run -p nexus-examples --example quickstart`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Cursor;

use anyhow::Result;
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::run::{EventBody, Outcome};
use nexus_core::{CorpusId, Nexus, Principal};
use nexus_store_memory::MemoryStore;
use serde_json::json;

const LEAVE: &str = "Everybody has 25 days of paid leave a year. Unused days expire at the end of March.";

#[tokio::main]
async fn main() -> Result<()> {
    let keys = KeyRing::from_secret("k0", "read this from your secret manager")?;
    let nexus = Nexus::builder().store(MemoryStore::default()).audit_keys(keys).build()?;
    let caller = Principal::user("acme", "u-42")?.roles(["editor"]);

    let handbook = CorpusId::parse("handbook")?;
    nexus.create_corpus(&caller, handbook.clone(), "Handbook", json!({})).await?;
    nexus.ingest(&caller, NewDocument::new(handbook, "leave.txt"), Cursor::new(LEAVE)).await?;
    nexus.run_pending_jobs().await?;

    let run = nexus.ask(&caller, "How many days of paid leave do I have?").corpus("handbook").start().await?;
    let mut events = run.events();
    while let Some(event) = events.next().await? {
        if let EventBody::Delta { text } = &event.body {
            print!("{text}");
        } else if let EventBody::Citation(citation) = &event.body {
            println!("\n  [{}] {}: “{}”", citation.number, citation.source_name, citation.quote);
        } else {
            println!("({})", event.body.name());
        }
    }
    assert_eq!(run.finish().await?.outcome, Outcome::Answered);

    let verification = nexus.verify(&caller, run.id().as_str(), None).await?;
    println!("the audit chain of {} records is {:?}", verification.entries, verification.status);
    Ok(())
}
