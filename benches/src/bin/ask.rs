//! Measures a question through the whole of Nexus: `ask DATA`.
//!
//! Ten thousand passages of the judged collections in the folder DATA, in a durable store; each question runs like a
//! user's: authorised, retrieved, answered by the extractive answerer, every step recorded and sealed on disk before
//! its event is emitted. Beside it, in the same run, the search alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nexus_benches::dataset::{Dataset, Document};
use nexus_benches::{Table, percentiles, short};
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::ingest::PrechunkedPassage;
use nexus_core::run::{EventBody, Outcome};
use nexus_core::{CorpusId, Nexus, Principal, Search};
use nexus_store_memory::MemoryStore;
use serde_json::json;

const PASSAGES: usize = 10_000;
const QUESTIONS: usize = 300;

#[tokio::main]
async fn main() -> Result<()> {
    let data = PathBuf::from(std::env::args().nth(1).context("usage: ask DATA")?);
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&data)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let (mut texts, mut questions) = (Vec::new(), Vec::new());
    for folder in folders.iter().filter(|folder| Dataset::is_judged(folder)) {
        let dataset = Dataset::read(folder)?;
        if dataset.languages().is_empty() && texts.len() < PASSAGES {
            texts
                .extend(dataset.documents.iter().map(Document::whole).filter(|text| !text.trim().is_empty()));
            questions.extend(
                dataset.judged_questions().iter().take(QUESTIONS / 4).map(|question| question.text.clone()),
            );
        }
    }
    texts.truncate(PASSAGES);
    questions.truncate(QUESTIONS);

    let folder = tempfile::tempdir()?;
    let keys = KeyRing::from_secret("k0", "a benchmark signs nothing that lasts")?;
    let nexus = Nexus::builder().store(MemoryStore::open(folder.path())?).audit_keys(keys).build()?;
    let caller = Principal::user("bench", "asker")?.roles(["admin"]);
    let corpus = CorpusId::parse("all")?;
    nexus.create_corpus(&caller, corpus.clone(), "All", json!({})).await?;
    let passages: Vec<PrechunkedPassage> =
        texts.into_iter().map(|text| PrechunkedPassage { text, ..PrechunkedPassage::default() }).collect();
    for (part, passages) in passages.chunks(100).enumerate() {
        let new = NewDocument::new(corpus.clone(), format!("part {part}"));
        nexus.ingest_passages(&caller, new, None, passages).await?;
    }
    nexus.run_pending_jobs().await?;
    nexus.search(&caller, Search::new(corpus.clone(), "warm up")).await?;

    let (mut searches, mut first, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut answered = 0;
    for question in &questions {
        let began = Instant::now();
        nexus.search(&caller, Search::new(corpus.clone(), question)).await?;
        searches.push(began.elapsed());
        let asked = ask(&nexus, &caller, question).await?;
        first.extend(asked.first);
        whole.push(asked.whole);
        answered += usize::from(asked.outcome == Outcome::Answered);
    }
    let mut table = Table::new(
        format!(
            "{} questions over {} passages, {answered} answered, on disk",
            questions.len(),
            passages.len()
        ),
        ["what", "p50", "p99"],
    );
    for (what, times) in
        [("search alone", &mut searches), ("ask, first words", &mut first), ("ask, to the end", &mut whole)]
    {
        let times = percentiles(times);
        table = table.row([what.to_owned(), short(times.p50), short(times.p99)]);
    }
    table.print();
    Ok(())
}

struct Asked {
    first: Option<Duration>,
    whole: Duration,
    outcome: Outcome,
}

async fn ask(nexus: &Nexus, caller: &Principal, question: &str) -> Result<Asked> {
    let began = Instant::now();
    let run = nexus.ask(caller, question).corpus("all").start().await?;
    let (mut events, mut first) = (run.events(), None);
    while let Some(event) = events.next().await? {
        if matches!(event.body, EventBody::Delta { .. }) {
            first.get_or_insert_with(|| began.elapsed());
        } else if let EventBody::Done { outcome } = event.body {
            return Ok(Asked { first, whole: began.elapsed(), outcome });
        }
    }
    anyhow::bail!("a run failed")
}
