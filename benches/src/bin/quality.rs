//! Evaluates retrieval through the whole of Nexus: `quality DATA [RUNS]`.
//!
//! Every judged collection in the folder DATA, in the form of `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`, is
//! ingested into an embedded store, each document as one passage and with its vector where the folder has vectors
//! (`lsa384_*.npy`), and searched through the facade: by words, by vector, and by both. The table shows nDCG@10 beside
//! external results for the public collections, the share of a collection's languages that finds the right passage
//! first, and the latency of a search. With RUNS, rankings are written to that folder in the form of TREC.

#![expect(clippy::print_stderr, reason = "long work shows progress")]

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nexus_benches::dataset::{Dataset, Vectors, VectorsById, vectors};
use nexus_benches::metrics::{is_hit, mean, ndcg, share, write_run};
use nexus_benches::{Table, percentiles, short};
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::id::ModelId;
use nexus_core::ingest::PrechunkedPassage;
use nexus_core::retrieve::QueryVector;
use nexus_core::{CorpusId, DocumentId, Nexus, Principal, Search, Settings};
use nexus_store_memory::MemoryStore;
use serde_json::json;

/// Depth of written and judged rankings.
const DEPTH: usize = 100;

/// External results on the same files (a plain tantivy, the same vectors): words, vectors, both by z-score.
const BASELINES: [(&str, [f64; 3]); 4] = [
    ("scifact", [0.684, 0.545, 0.669]),
    ("cranfield", [0.358, 0.397, 0.380]),
    ("cisi", [0.369, 0.382, 0.404]),
    ("npl", [0.435, 0.288, 0.400]),
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let data = arguments.next().context("usage: quality DATA [RUNS]")?;
    let runs = arguments.next();
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&data)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let columns =
        ["collection", "questions", "words", "(base)", "vector", "(base)", "both", "(base)", "p50", "p99"];
    let mut ranking = Table::new("nDCG@10 through the facade, documents whole", columns);
    let mut first =
        Table::new("The right passage first, each language by itself", ["collection", "hit@1", "hit@5"]);
    for folder in folders.iter().filter(|folder| Dataset::is_judged(folder)) {
        let dataset = Dataset::read(folder)?;
        let languages = dataset.languages();
        if languages.is_empty() {
            ranking = ranking.row(judge(&dataset, vectors(folder)?, runs.as_deref()).await?);
        }
        for language in languages {
            first = first.row(first_hits(&dataset.in_language(&language)).await?);
        }
    }
    ranking.print();
    first.print();
    Ok(())
}

/// Collection in a store of its own.
struct Collection {
    nexus: Nexus,
    caller: Principal,
    corpus: CorpusId,
    model: ModelId,
}

impl Collection {
    async fn ingest(dataset: &Dataset, vectors: Option<&Vectors>) -> Result<Self> {
        let keys = KeyRing::from_secret("k0", "an evaluation signs nothing that lasts")?;
        let settings = Settings { max_ingests: 1, ..Settings::default() };
        let nexus =
            Nexus::builder().store(MemoryStore::default()).audit_keys(keys).settings(settings).build()?;
        let caller = Principal::user("evaluation", "judge")?.roles(["admin"]);
        let (corpus, model) = (CorpusId::parse("collection")?, ModelId::parse("lsa384@1")?);
        nexus.create_corpus(&caller, corpus.clone(), &dataset.name, json!({})).await?;
        let mut rows = vectors.map(Vectors::rows);
        for document in &dataset.documents {
            let vector = rows.as_mut().and_then(Iterator::next).map(<[f32]>::to_vec);
            let text = document.whole();
            if text.trim().is_empty() {
                continue;
            }
            let model = vector.as_ref().map(|_| model.clone());
            let id = Some(DocumentId::parse(document.id.clone())?);
            let new = NewDocument { id, ..NewDocument::new(corpus.clone(), document.id.clone()) };
            let passage = PrechunkedPassage { text, vector, ..PrechunkedPassage::default() };
            nexus.ingest_passages(&caller, new, model, &[passage]).await?;
        }
        nexus.run_pending_jobs().await?;
        Ok(Self { nexus, caller, corpus, model })
    }

    async fn ask(&self, text: &str, vector: Option<&[f32]>) -> Result<(Vec<(String, f32)>, Duration)> {
        let vector = vector.map(|values| QueryVector { model: self.model.clone(), values: values.to_vec() });
        let search = Search { vector, top_k: Some(DEPTH), ..Search::new(self.corpus.clone(), text) };
        let began = Instant::now();
        let found = self.nexus.search(&self.caller, search).await?;
        let took = began.elapsed();
        let ranking = found.hits.into_iter().map(|hit| (hit.passage.key.document.to_string(), hit.score));
        Ok((ranking.collect(), took))
    }
}

async fn judge(
    dataset: &Dataset,
    vectors: Option<(Vectors, VectorsById)>,
    runs: Option<&Path>,
) -> Result<Vec<String>> {
    eprintln!("{}: {} documents", dataset.name, dataset.documents.len());
    let (documents, questions) = vectors.unzip();
    let collection = Collection::ingest(dataset, documents.as_ref()).await?;
    let mut scores: [Vec<f64>; 3] = Default::default();
    let mut times = Vec::new();
    for (arm, scores) in ["words", "vector", "both"].into_iter().zip(&mut scores) {
        let mut out = runs.map(|folder| run_file(folder, &dataset.name, arm)).transpose()?;
        for question in dataset.judged_questions() {
            let vector = questions.as_ref().and_then(|by_id| by_id.get(&question.id)).map(Vec::as_slice);
            let (text, vector) = match (arm, vector) {
                ("words", _) => (question.text.as_str(), None),
                ("vector", Some(vector)) => ("", Some(vector)),
                ("both", Some(vector)) => (question.text.as_str(), Some(vector)),
                _ => continue,
            };
            let (ranking, took) = collection.ask(text, vector).await?;
            let judged = dataset.judgements.get(&question.id).context("a question without judgements")?;
            scores.push(ndcg(ranking.iter().map(|(id, _)| id.as_str()), judged, 10));
            times.push(took);
            if let Some(out) = &mut out {
                let ranking = ranking.iter().map(|(id, score)| (id.as_str(), *score));
                write_run(out, &format!("nexus-{arm}"), &question.id, ranking)?;
            }
        }
    }
    let times = percentiles(&mut times);
    let base = BASELINES.iter().find(|(name, _)| *name == dataset.name).map(|(_, base)| base);
    let mut cells = vec![dataset.name.clone(), dataset.judged_questions().len().to_string()];
    for (place, values) in scores.iter().enumerate() {
        cells.push(if values.is_empty() { String::new() } else { format!("{:.4}", mean(values)) });
        cells.push(base.and_then(|base| base.get(place)).map_or(String::new(), |base| format!("{base:.3}")));
    }
    cells.extend([short(times.p50), short(times.p99)]);
    Ok(cells)
}

fn run_file(folder: &Path, collection: &str, arm: &str) -> Result<BufWriter<File>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{collection}.{arm}.run"));
    Ok(BufWriter::new(File::create(&path).with_context(|| format!("writing {}", path.display()))?))
}

async fn first_hits(dataset: &Dataset) -> Result<Vec<String>> {
    eprintln!("{}: {} documents", dataset.name, dataset.documents.len());
    let collection = Collection::ingest(dataset, None).await?;
    let mut found = [0, 0];
    for question in &dataset.questions {
        let judged = dataset.judgements.get(&question.id).context("a question without judgements")?;
        let (ranking, _) = collection.ask(&question.text, None).await?;
        for (count, k) in found.iter_mut().zip([1, 5]) {
            *count += usize::from(is_hit(ranking.iter().map(|(id, _)| id.as_str()), judged, k));
        }
    }
    let cells = found.map(|count| format!("{:.4}", share(count, dataset.questions.len())));
    Ok([dataset.name.clone()].into_iter().chain(cells).collect())
}
