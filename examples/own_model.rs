//! Put your own model behind Nexus: implement one trait, stream events, and let Nexus check every citation.
//!
//! `cargo run -p nexus-examples --example own_model`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Cursor;

use anyhow::Result;
use async_trait::async_trait;
use futures::stream;
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request};
use nexus_core::run::Outcome;
use nexus_core::{CorpusId, Nexus, Principal};
use nexus_store_memory::MemoryStore;
use serde_json::json;

/// Model that quotes the beginning of the best passage.
#[derive(Debug)]
struct Parrot;

#[async_trait]
impl LlmProvider for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn model(&self) -> &'static str {
        "parrot-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo { is_local: true, ..ModelInfo::default() }
    }

    async fn stream(&self, request: Request) -> nexus_core::Result<CompletionStream> {
        let mut pieces = Vec::new();
        if let Some(best) = request.evidence.first() {
            let end = best.text.find('.').map_or(best.text.len(), |dot| dot + 1);
            let quote = best.text.get(..end).unwrap_or(&best.text).to_owned();
            pieces.push(Ok(CompletionEvent::Text(format!("{quote} [{}]", best.number))));
            pieces.extend(
                best.cite(quote, 0..end, 1.0).map(|citation| Ok(CompletionEvent::Citation(citation))),
            );
        }
        pieces.push(Ok(CompletionEvent::Finish(FinishReason::Complete)));
        Ok(Box::pin(stream::iter(pieces)))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let keys = KeyRing::from_secret("k0", "read this from your secret manager")?;
    let nexus = Nexus::builder().store(MemoryStore::default()).audit_keys(keys).llm(Parrot).build()?;
    let caller = Principal::user("acme", "u-42")?.roles(["editor"]);
    let corpus = CorpusId::parse("notes")?;
    nexus.create_corpus(&caller, corpus.clone(), "Notes", json!({})).await?;
    nexus
        .ingest(&caller, NewDocument::new(corpus, "note.txt"), Cursor::new("Tea is at four. Cake follows."))
        .await?;
    nexus.run_pending_jobs().await?;

    let finished = nexus.ask(&caller, "When is tea?").corpus("notes").start().await?.finish().await?;
    println!("{}", finished.answer.text);
    assert_eq!(finished.outcome, Outcome::Answered);
    Ok(())
}
