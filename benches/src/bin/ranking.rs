//! Evaluates text analysis and fusion by themselves, without a store: `ranking DATA`.
//!
//! For each judged collection in the folder DATA: nDCG@10 of plain BM25 over Nexus's analysis, with the language given
//! and with the language detected for each document, of the collection's vectors, and of both fused. For a collection
//! in several languages: how often the first hit is the right one, each language by itself and all in one corpus.

#![expect(clippy::indexing_slicing, reason = "an id that is nowhere should stop an evaluation")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nexus_benches::Table;
use nexus_benches::bm25::Bm25;
use nexus_benches::clock::fastest;
use nexus_benches::dataset::{Dataset, Document, Question, Vectors, vectors};
use nexus_benches::metrics::{is_hit, mean, ndcg, recall, share};
use nexus_core::language::Language;
use nexus_core::retrieve::analysis::analyse;
use nexus_core::retrieve::fusion::{Fusion, RankedList, fuse};

const POOL: usize = 100;

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::args().nth(1).context("usage: ranking DATA")?);
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let columns = [
        "collection",
        "BM25",
        "detected",
        "recall@100",
        "vectors",
        "z-score",
        "reciprocal rank",
        "MB/s a core",
    ];
    let mut ranking = Table::new("Ranking: nDCG@10, documents whole", columns);
    for folder in folders.iter().filter(|folder| Dataset::is_judged(folder)) {
        let dataset = Dataset::read(folder)?;
        if dataset.languages().is_empty() {
            ranking = ranking.row(judge(&dataset, folder)?);
        } else {
            first_hits(&dataset)?.print();
        }
    }
    ranking.print();
    Ok(())
}

fn judge(dataset: &Dataset, folder: &Path) -> Result<Vec<String>> {
    let texts: Vec<String> = dataset.documents.iter().map(Document::whole).collect();
    let index = Bm25::new(texts.iter().map(|text| (text.as_str(), Language::English)));
    let detected =
        Bm25::new(texts.iter().map(|text| (text.as_str(), Language::detect(text).unwrap_or_default())));
    let vectors = vectors(folder)?;
    let mut scores: [Vec<f64>; 6] = Default::default();
    for question in dataset.judged_questions() {
        let judged = &dataset.judgements[&question.id];
        let ids = |ranking: &[(usize, f32)]| {
            ranking.iter().map(|(place, _)| dataset.documents[*place].id.as_str()).collect::<Vec<_>>()
        };
        let lexical = index.search(&question.text, POOL);
        scores[0].push(ndcg(ids(&lexical), judged, 10));
        scores[1].push(ndcg(ids(&detected.search(&question.text, POOL)), judged, 10));
        scores[2].push(recall(ids(&lexical), judged, 100));
        let Some((documents, questions)) = &vectors else { continue };
        let near = nearest(documents, questions.get(&question.id).context("a question without a vector")?);
        scores[3].push(ndcg(ids(&near), judged, 10));
        for (place, fusion) in [(4, Fusion::ZScore), (5, Fusion::ReciprocalRank { k: 60 })] {
            let lists = [
                RankedList { weight: 1.0, candidates: &lexical },
                RankedList { weight: 1.0, candidates: &near },
            ];
            let fused: Vec<_> = fuse(fusion, &lists)?.into_iter().map(|hit| (hit.id, hit.score)).collect();
            scores[place].push(ndcg(ids(&fused), judged, 10));
        }
    }
    let shown = scores
        .iter()
        .map(|values| if values.is_empty() { String::new() } else { format!("{:.4}", mean(values)) });
    Ok([dataset.name.clone()].into_iter().chain(shown).chain([speed(&texts, Language::English)]).collect())
}

fn nearest(documents: &Vectors, question: &[f32]) -> Vec<(usize, f32)> {
    let product = |row: &[f32]| row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
    let mut ranking: Vec<(usize, f32)> = documents.rows().map(product).enumerate().collect();
    ranking.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranking.truncate(POOL);
    ranking
}

fn first_hits(dataset: &Dataset) -> Result<Table> {
    let columns =
        ["language", "hit@1", "hit@5", "in all languages: hit@1", "hit@5", "detected right", "MB/s a core"];
    let mut table = Table::new(format!("{}: the right passage first", dataset.name), columns);
    let texts: Vec<String> = dataset.documents.iter().map(Document::whole).collect();
    let mixed =
        Bm25::new(texts.iter().map(|text| (text.as_str(), Language::detect(text).unwrap_or_default())));
    for lang in dataset.languages() {
        let language = Language::parse(&lang)?;
        let part = dataset.in_language(&lang);
        let texts: Vec<String> = part.documents.iter().map(Document::whole).collect();
        let index = Bm25::new(texts.iter().map(|text| (text.as_str(), language)));
        let alone = |k| hits(dataset, &index, &part.documents, &part.questions, k);
        let among = |k| hits(dataset, &mixed, &dataset.documents, &part.questions, k);
        let right = texts.iter().filter(|text| Language::detect(text) == Some(language)).count();
        let shares = [alone(1), alone(5), among(1), among(5), share(right, texts.len())];
        let cells = shares.map(|value| format!("{value:.4}"));
        table = table.row([lang].into_iter().chain(cells).chain([speed(&texts, language)]));
    }
    Ok(table)
}

fn hits(dataset: &Dataset, index: &Bm25, documents: &[Document], questions: &[Question], k: usize) -> f64 {
    let found = questions.iter().filter(|question| {
        let ranking = index.search(&question.text, k);
        is_hit(
            ranking.iter().map(|(place, _)| documents[*place].id.as_str()),
            &dataset.judgements[&question.id],
            k,
        )
    });
    share(found.count(), questions.len())
}

/// Returns the megabytes analysed in a second of one core.
fn speed(texts: &[String], language: Language) -> String {
    let megabytes = share(texts.iter().map(String::len).sum(), 1_000_000);
    let took = fastest(5, || texts.iter().map(|text| analyse(text, language).len()).sum::<usize>());
    format!("{:.1}", megabytes / took.as_secs_f64())
}
