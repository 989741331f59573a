//! Ingest your own passages and vectors: Nexus searches by words and vectors together, and reports the mode.
//!
//! `cargo run -p nexus-examples --example own_vectors`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::Result;
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::id::ModelId;
use nexus_core::ingest::PrechunkedPassage;
use nexus_core::retrieve::{QueryVector, SearchMode};
use nexus_core::{CorpusId, Nexus, Principal, Search};
use nexus_store_memory::MemoryStore;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    let keys = KeyRing::from_secret("k0", "read this from your secret manager")?;
    let nexus = Nexus::builder().store(MemoryStore::default()).audit_keys(keys).build()?;
    let caller = Principal::user("acme", "u-42")?.roles(["editor"]);
    let corpus = CorpusId::parse("animals")?;
    nexus.create_corpus(&caller, corpus.clone(), "Animals", json!({})).await?;

    // Three numbers stand for a real model's vector: cat, dog and boat each have a direction of their own.
    let model = ModelId::parse("three-directions@1")?;
    let passage = |text: &str, vector: [f32; 3]| PrechunkedPassage {
        text: text.to_owned(),
        vector: Some(vector.to_vec()),
        ..PrechunkedPassage::default()
    };
    let passages = [
        passage("A kitten sleeps on the mat.", [1.0, 0.1, 0.0]),
        passage("The puppy chases a ball.", [0.1, 1.0, 0.0]),
        passage("The ferry leaves at noon.", [0.0, 0.0, 1.0]),
    ];
    let new = NewDocument::new(corpus.clone(), "animals");
    nexus.ingest_passages(&caller, new, Some(model.clone()), &passages).await?;
    nexus.run_pending_jobs().await?;

    let vector = QueryVector { model, values: vec![0.9, 0.2, 0.0] };
    let search = Search { vector: Some(vector), ..Search::new(corpus, "cat") };
    let found = nexus.search(&caller, search).await?;
    assert_eq!(found.mode, SearchMode::Hybrid);
    for hit in &found.hits {
        println!("{:+.3}  {}", hit.score, hit.passage.text);
    }
    assert!(found.hits.first().is_some_and(|best| best.passage.text.contains("kitten")));
    Ok(())
}
