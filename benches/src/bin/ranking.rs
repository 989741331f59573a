//! Judges text analysis and fusion by themselves, without a store: `ranking DATA`.
//!
//! For each judged collection in the folder DATA: nDCG@10 of plain BM25 over Nexus's analysis, of the collection's
//! vectors, and of both fused; for a collection in several languages, how often the first hit is the right one.

#![expect(clippy::indexing_slicing, reason = "an id that is nowhere should stop an evaluation")]
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use nexus_benches::bm25::Bm25;
use nexus_benches::dataset::{Dataset, Vectors, vectors};
use nexus_benches::metrics::{is_hit, mean, ndcg, recall, share};
use nexus_core::retrieve::analysis::{Language, analyse};
use nexus_core::retrieve::fusion::{Arm, Fusion, fuse};

const POOL: usize = 100;

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::args().nth(1).context("usage: ranking DATA")?);
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    println!("collection     bm25  r@100  vector zscore    rrf  detected  MB/s");
    for folder in folders.iter().filter(|folder| Dataset::is_judged(folder)) {
        let dataset = Dataset::read(folder)?;
        if dataset.languages().is_empty() {
            judge(&dataset, folder)?;
        } else {
            dataset.languages().iter().try_for_each(|lang| first_hits(&dataset.in_language(lang), lang))?;
        }
    }
    Ok(())
}

fn judge(dataset: &Dataset, folder: &Path) -> Result<()> {
    let texts: Vec<String> = dataset.documents.iter().map(nexus_benches::dataset::Document::whole).collect();
    let index = Bm25::new(texts.iter().map(|text| (text.as_str(), Language::English)));
    let vectors = vectors(folder)?;
    let mut scores: [Vec<f64>; 5] = Default::default();
    for question in dataset.judged_questions() {
        let judged = &dataset.judgements[&question.id];
        let lexical = index.search(&question.text, POOL);
        let ids = |ranking: &[(usize, f32)]| {
            ranking.iter().map(|(place, _)| dataset.documents[*place].id.as_str()).collect::<Vec<_>>()
        };
        scores[0].push(ndcg(ids(&lexical), judged, 10));
        scores[1].push(recall(ids(&lexical), judged, 100));
        if let Some((documents, questions)) = &vectors {
            let near =
                nearest(documents, questions.get(&question.id).context("a question without a vector")?);
            scores[2].push(ndcg(ids(&near), judged, 10));
            for (place, fusion) in [(3, Fusion::ZScore), (4, Fusion::ReciprocalRank { k: 60 })] {
                let arms =
                    [Arm { weight: 1.0, candidates: &lexical }, Arm { weight: 1.0, candidates: &near }];
                let fused: Vec<_> = fuse(fusion, &arms)?.into_iter().map(|hit| (hit.id, hit.score)).collect();
                scores[place].push(ndcg(ids(&fused), judged, 10));
            }
        }
    }
    print!("{:12}", dataset.name);
    for values in &scores {
        print!("  {:.4}", mean(values));
    }
    speed(&texts, Language::English);
    Ok(())
}

fn speed(texts: &[String], language: Language) {
    let detected = texts.iter().filter(|text| Language::detect(text) == Some(language)).count();
    let megabytes = share(texts.iter().map(String::len).sum(), 1_000_000);
    let start = Instant::now();
    let terms: usize = texts.iter().map(|text| analyse(text, language).len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("  {:.3}  {:.1}  ({terms} terms)", share(detected, texts.len()), megabytes / seconds);
}

fn nearest(documents: &Vectors, question: &[f32]) -> Vec<(usize, f32)> {
    let product = |row: &[f32]| row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
    let mut ranking: Vec<(usize, f32)> = documents.rows().map(product).enumerate().collect();
    ranking.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranking.truncate(POOL);
    ranking
}

fn first_hits(dataset: &Dataset, lang: &str) -> Result<()> {
    let language = Language::parse(lang)?;
    let texts: Vec<String> = dataset.documents.iter().map(nexus_benches::dataset::Document::whole).collect();
    let index = Bm25::new(texts.iter().map(|text| (text.as_str(), language)));
    let (mut hits, mut at_five) = (0, 0);
    for question in &dataset.questions {
        let judged = &dataset.judgements[&question.id];
        let found = index.search(&question.text, 5);
        let ids = || found.iter().map(|(place, _)| dataset.documents[*place].id.as_str());
        hits += usize::from(is_hit(ids(), judged, 1));
        at_five += usize::from(is_hit(ids(), judged, 5));
    }
    print!(
        "{:12} hit@1 {:.4} hit@5 {:.4}",
        dataset.name,
        share(hits, dataset.questions.len()),
        share(at_five, dataset.questions.len())
    );
    speed(&texts, language);
    Ok(())
}
