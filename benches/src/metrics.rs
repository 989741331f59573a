//! Ranking metrics: nDCG, recall, hits, and run files that other tools can score.

use std::io::{self, Write};

use crate::dataset::Judgements;

/// Returns the nDCG of the first `k` of `ranking`, with graded gains as in `trec_eval`: each gain over log2(rank + 1).
pub fn ndcg<'a>(ranking: impl IntoIterator<Item = &'a str>, judged: &Judgements, k: usize) -> f64 {
    let gains = ranking.into_iter().take(k).map(|id| judged.get(id).copied().unwrap_or(0));
    let mut ideal: Vec<u32> = judged.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = discounted(ideal.into_iter().take(k));
    if best > 0.0 { discounted(gains) / best } else { 0.0 }
}

fn discounted(gains: impl Iterator<Item = u32>) -> f64 {
    gains.zip(1u32..).map(|(gain, rank)| f64::from(gain) / f64::from(rank + 1).log2()).sum()
}

/// Returns the share of the relevant documents among the first `k`.
pub fn recall<'a>(ranking: impl IntoIterator<Item = &'a str>, judged: &Judgements, k: usize) -> f64 {
    let relevant = judged.values().filter(|gain| **gain > 0).count();
    let found = ranking.into_iter().take(k).filter(|id| is_relevant(judged, id)).count();
    share(found, relevant)
}

/// Returns whether a relevant document is among the first `k`.
pub fn is_hit<'a>(ranking: impl IntoIterator<Item = &'a str>, judged: &Judgements, k: usize) -> bool {
    ranking.into_iter().take(k).any(|id| is_relevant(judged, id))
}

fn is_relevant(judged: &Judgements, id: &str) -> bool {
    judged.get(id).is_some_and(|gain| *gain > 0)
}

/// Returns `part` of `whole`; zero of zero is 0.
#[expect(clippy::cast_precision_loss, reason = "counts of documents are far below 2^52")]
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Returns the mean; 0 without values.
#[expect(clippy::cast_precision_loss, reason = "counts of questions are far below 2^52")]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Writes one question's ranking in the form of TREC: `question Q0 document rank score run`.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_run<'a>(
    out: &mut dyn Write,
    run: &str,
    question: &str,
    ranking: impl IntoIterator<Item = (&'a str, f32)>,
) -> io::Result<()> {
    for ((id, score), rank) in ranking.into_iter().zip(1u32..) {
        writeln!(out, "{question} Q0 {id} {rank} {score} {run}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged() -> Judgements {
        [("a", 2), ("b", 1), ("c", 0)].map(|(id, gain)| (id.to_owned(), gain)).into()
    }

    #[test]
    fn ndcg_rewards_the_better_first() {
        assert!((ndcg(["a", "b"], &judged(), 10) - 1.0).abs() < 1e-12);
        let swapped = (1.0 + 2.0 / 3f64.log2()) / (2.0 + 1.0 / 3f64.log2());
        assert!((ndcg(["b", "a"], &judged(), 10) - swapped).abs() < 1e-12);
        assert!(ndcg(["c", "x"], &judged(), 10).abs() < 1e-12);
        assert!(ndcg(["a"], &Judgements::new(), 10).abs() < 1e-12);
    }

    #[test]
    fn recall_counts_what_is_relevant_within_k() {
        assert!((recall(["a", "c", "b"], &judged(), 2) - 0.5).abs() < 1e-12);
        assert!(is_hit(["c", "b"], &judged(), 2));
        assert!(!is_hit(["c", "b"], &judged(), 1));
    }

    #[test]
    fn a_run_is_written_as_trec_reads_it() {
        let mut out = Vec::new();
        write_run(&mut out, "nexus", "7", [("d1", 2.5), ("d2", 1.0)]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "7 Q0 d1 1 2.5 nexus\n7 Q0 d2 2 1 nexus\n");
    }
}
