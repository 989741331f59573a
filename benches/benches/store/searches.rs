//! Benchmark of searches over the large store: each component and both, under a tenant and a permission filter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_benches::{Percentiles, Table, percentiles, short};
use nexus_core::Principal;
use nexus_core::retrieve::{Query, QueryVector, Retriever};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::{admin, allowed, model, query, reader};

use crate::input::Input;

pub(crate) async fn measure(input: &Input, store: &MemoryStore) {
    let world = World::new(Arc::new(store.clone()));
    let member = reader("acme", "u-42");
    let start = Instant::now();
    world.retrieve(&member, query("warm")).await;
    println!(
        "first search of a principal over {} documents: {}",
        input.passages.len(),
        short(start.elapsed())
    );
    let words: Vec<Query> = input.questions.iter().map(|text| query(text)).collect();
    let vectors: Vec<Query> = input.query_vectors.iter().map(|vector| with_vector("", vector)).collect();
    let both: Vec<Query> = input
        .questions
        .iter()
        .zip(input.query_vectors.iter().cycle())
        .map(|(text, vector)| with_vector(text, vector))
        .collect();
    world.retrieve(&member, vectors.first().cloned().expect("a question")).await;
    let mut table = Table::new(
        format!("Searches over {} passages, top 10, passages loaded", input.passages.len()),
        ["", "p50", "p90", "p99"],
    );
    for (name, queries) in [("words", &words), ("vector", &vectors), ("both, fused", &both)] {
        for (whose, caller) in [("all documents", admin("acme")), ("half of them granted", member.clone())] {
            let found = time(store, &caller, queries).await;
            table =
                table.row([format!("{name}, {whose}"), short(found.p50), short(found.p90), short(found.p99)]);
        }
    }
    let (scan, recall) = plain_scan(input, store, &vectors).await;
    table
        .row([
            "floor: plain f32 scan, in memory".to_owned(),
            short(scan.p50),
            short(scan.p90),
            short(scan.p99),
        ])
        .print();
    println!("recall@10 of the vector arm against the plain scan: {recall:.4}");
}

fn with_vector(text: &str, values: &[f32]) -> Query {
    Query { vector: Some(QueryVector { model: model(), values: values.to_vec() }), ..query(text) }
}

async fn time(store: &MemoryStore, caller: &Principal, queries: &[Query]) -> Percentiles {
    let mut samples = Vec::new();
    for round in 0..2 {
        for query in queries {
            let asked = allowed(caller, query.clone());
            let start = Instant::now();
            store.retrieve(&asked).await.expect("found");
            if round > 0 {
                samples.push(start.elapsed());
            }
        }
    }
    percentiles(&mut samples)
}

/// Scans every vector for the same questions, and returns the share of the ten nearest that the store found too.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
async fn plain_scan(input: &Input, store: &MemoryStore, queries: &[Query]) -> (Percentiles, f64) {
    let (mut samples, mut same, mut all): (Vec<Duration>, _, _) = (Vec::new(), 0_usize, 0_usize);
    let flat: Vec<f32> = input.vectors.iter().flatten().copied().collect();
    for query in queries.iter().take(200) {
        let asked = query.vector.as_ref().map(|vector| vector.values.as_slice()).unwrap_or_default();
        let start = Instant::now();
        let mut near: Vec<(f32, usize)> = flat
            .chunks_exact(asked.len())
            .enumerate()
            .map(|(place, vector)| (dot(asked, vector), place))
            .collect();
        near.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
        samples.push(start.elapsed());
        near.truncate(10);
        let least = near.iter().map(|(score, _)| *score).fold(f32::MAX, f32::min);
        let found = store.retrieve(&allowed(&admin("acme"), query.clone())).await.expect("found");
        // By score, because equal vectors are interchangeable.
        same += found
            .hits
            .iter()
            .filter(|hit| hit.vector.is_some_and(|arm| arm.score >= least - 1e-6))
            .count()
            .min(10);
        all += 10;
    }
    (percentiles(&mut samples), same as f64 / all as f64)
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for (left, right) in left.as_chunks::<16>().0.iter().zip(right.as_chunks::<16>().0) {
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += left * right;
        }
    }
    lanes.iter().sum()
}
