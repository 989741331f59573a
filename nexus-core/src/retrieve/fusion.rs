//! Fusion: turns the ranked candidates of several components (lexical, vector) into one list.
//!
//! Scores of different components are not on one scale. [`Fusion::ZScore`] normalises each list by its own spread and
//! adds; [`Fusion::ReciprocalRank`] uses ranks only, for backends without scores. The fused score is the share of the
//! greatest sum that the lists allow: 1 for a candidate that is the best of each list. Both are pure functions of the
//! candidates: the order within a list does not matter, ties go to the smaller id, and no id is invented or repeated.
//! Give each component a pool whose size does not depend on the number of hits wanted: then a longer answer only
//! extends a shorter one.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ComponentScore;
use crate::error::{Error, Result};

/// Method of fusing the lists of several components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Fusion {
    /// Each list's scores become distances from its mean in standard deviations, and are added by weight.
    /// A candidate that a list lacks gets the lowest value in that list. A list whose scores are all equal says
    /// nothing about their order and adds nothing.
    #[default]
    ZScore,
    /// Each list adds `weight / (k + rank)`, ranks from 1; a list adds nothing for a candidate it lacks.
    ReciprocalRank {
        /// Flatness of the curve; 60 is usual.
        k: u32,
    },
}

/// Weight of each component of a hybrid search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Weight of the lexical component.
    pub lexical: f32,
    /// Weight of the vector component.
    pub vector: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { lexical: 1.0, vector: 1.0 }
    }
}

impl Weights {
    /// Checks that both weights are finite and not negative, and that one of them is positive.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `INVALID_WEIGHTS`.
    pub fn check(self) -> Result<()> {
        let sound = [self.lexical, self.vector].iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if sound && self.lexical + self.vector > 0.0 {
            return Ok(());
        }
        Err(Error::invalid("the weights of a search are invalid")
            .with_code("INVALID_WEIGHTS")
            .with_hint("give finite numbers from 0 up, at least one of them above 0"))
    }
}

/// List to fuse.
#[derive(Clone, Copy, Debug)]
pub struct RankedList<'a, Id> {
    /// Weight of the list.
    pub weight: f32,
    /// Candidates in any order; greater scores are better. Of a repeated id the better score counts.
    pub candidates: &'a [(Id, f32)],
}

/// Candidate with its fused score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fused<Id> {
    /// Id of the candidate.
    pub id: Id,
    /// Fused score, from 0 to 1: not comparable between searches.
    pub score: f32,
    /// Score in each list, in the order of the lists; `None` where the list lacks the candidate.
    pub components: Vec<Option<ComponentScore>>,
}

/// Fuses `lists` into one list, best first.
///
/// ```
/// use nexus_core::retrieve::fusion::{RankedList, Fusion, fuse};
///
/// let words = [("a", 9.0), ("b", 7.0), ("c", 1.0)];
/// let vectors = [("b", 0.9), ("d", 0.4)];
/// let lists = [RankedList { weight: 1.0, candidates: &words }, RankedList { weight: 1.0, candidates: &vectors }];
/// let fused = fuse(Fusion::ZScore, &lists)?;
/// assert_eq!(fused.iter().map(|hit| hit.id).collect::<Vec<_>>(), ["b", "a", "c", "d"]);
/// let alone = [RankedList { weight: 1.0, candidates: &words[..1] }, RankedList { weight: 1.0, candidates: &[] }];
/// assert_eq!(fuse(Fusion::ZScore, &alone)?[0].score, 1.0);
/// # Ok::<(), nexus_core::Error>(())
/// ```
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `INVALID_SCORE` when a score or a weight is
/// not finite.
pub fn fuse<Id: Ord + Clone>(fusion: Fusion, lists: &[RankedList<'_, Id>]) -> Result<Vec<Fused<Id>>> {
    let ranked = lists.iter().map(|list| rank(fusion, list)).collect::<Result<Vec<_>>>()?;
    let scale = Scale::of(&ranked);
    let mut found: BTreeMap<&Id, Vec<Option<ComponentScore>>> = BTreeMap::new();
    for (place, list) in ranked.iter().enumerate() {
        for (id, score) in &list.scores {
            let said = found.entry(id).or_insert_with(|| vec![None; lists.len()]);
            if let Some(slot) = said.get_mut(place) {
                *slot = Some(*score);
            }
        }
    }
    let mut fused: Vec<_> = found
        .into_iter()
        .map(|(id, said)| (total(&ranked, &said), Fused { id: id.clone(), score: 0.0, components: said }))
        .collect();
    fused.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
    let scored = |(total, mut fused): (f32, Fused<Id>)| {
        fused.score = scale.share(total, scale.zero);
        for (said, list) in fused.components.iter_mut().zip(&ranked) {
            if let Some(said) = said {
                said.contribution = scale.share(said.contribution, list.zero);
            }
        }
        fused
    };
    Ok(fused.into_iter().map(scored).collect())
}

struct Ranked<'a, Id> {
    /// Contribution to a candidate that the list lacks.
    absent: f32,
    /// Contribution of a candidate whose score is zero, or the lowest if that is negative.
    zero: f64,
    scores: Vec<(&'a Id, ComponentScore)>,
}

/// Range of the sums that lists allow.
struct Scale {
    zero: f64,
    range: f64,
}

impl Scale {
    fn of<Id>(lists: &[Ranked<'_, Id>]) -> Self {
        let best = |list: &Ranked<'_, Id>| list.scores.first().map(|(_, best)| f64::from(best.contribution));
        let zero = lists.iter().map(|list| list.zero).sum();
        Self { zero, range: lists.iter().filter_map(best).sum::<f64>() - zero }
    }

    /// Returns the share of the range that `sum` takes, counted from `zero`.
    fn share(&self, sum: f32, zero: f64) -> f32 {
        if self.range > 0.0 { narrow(((f64::from(sum) - zero) / self.range).clamp(0.0, 1.0)) } else { 0.0 }
    }
}

fn total<Id>(ranked: &[Ranked<'_, Id>], said: &[Option<ComponentScore>]) -> f32 {
    narrow(
        ranked
            .iter()
            .zip(said)
            .map(|(list, score)| f64::from(score.map_or(list.absent, |s| s.contribution)))
            .sum(),
    )
}

fn rank<'a, Id: Ord>(fusion: Fusion, list: &RankedList<'a, Id>) -> Result<Ranked<'a, Id>> {
    if !list.weight.is_finite() || list.candidates.iter().any(|(_, score)| !score.is_finite()) {
        return Err(
            Error::invalid("a score or weight to fuse is not a finite number").with_code("INVALID_SCORE")
        );
    }
    let sorted = best_first(list.candidates);
    let (mean, deviation) = spread(&sorted);
    let weight = f64::from(list.weight);
    let standard = |score: f64| if deviation > 0.0 { (score - mean) / deviation } else { 0.0 };
    let weigh = |rank: u32, score: f32| match fusion {
        Fusion::ZScore => narrow(weight * standard(f64::from(score))),
        Fusion::ReciprocalRank { k } => narrow(weight / (f64::from(k) + f64::from(rank))),
    };
    let (absent, zero) = match (fusion, sorted.last()) {
        (Fusion::ZScore, Some((_, lowest))) if deviation > 0.0 => {
            let lowest = f64::from(*lowest);
            (narrow(weight * standard(lowest)), weight * standard(lowest.min(0.0)))
        }
        // Candidates that do not differ all count as the best.
        (Fusion::ZScore, Some(_)) => (0.0, -weight),
        (Fusion::ZScore, None) | (Fusion::ReciprocalRank { .. }, _) => (0.0, 0.0),
    };
    let scores = (1u32..)
        .zip(sorted)
        .map(|(rank, (id, score))| (id, ComponentScore { score, rank, contribution: weigh(rank, score) }))
        .collect();
    Ok(Ranked { absent, zero, scores })
}

/// Returns each id once, with its best score; greater scores first, then smaller ids.
fn best_first<Id: Ord>(candidates: &[(Id, f32)]) -> Vec<(&Id, f32)> {
    let mut best: BTreeMap<&Id, f32> = BTreeMap::new();
    for (id, score) in candidates {
        best.entry(id).and_modify(|kept| *kept = kept.max(*score)).or_insert(*score);
    }
    let mut list: Vec<_> = best.into_iter().collect();
    list.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(b.0)));
    list
}

/// Returns mean and standard deviation. A spread that is only rounding noise counts as zero.
fn spread<Id>(list: &[(Id, f32)]) -> (f64, f64) {
    let (Some((_, highest)), Some((_, lowest))) = (list.first(), list.last()) else { return (0.0, 0.0) };
    if highest <= lowest {
        return (f64::from(*lowest), 0.0);
    }
    #[expect(clippy::cast_precision_loss, reason = "a list has far fewer than 2^52 candidates")]
    let count = list.len() as f64;
    let mean = list.iter().map(|(_, score)| f64::from(*score)).sum::<f64>() / count;
    let variance = list.iter().map(|(_, score)| (f64::from(*score) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
fn narrow(score: f64) -> f32 {
    score as f32
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn lists() -> impl Strategy<Value = Vec<(f32, Vec<(u8, f32)>)>> {
        let candidates = vec((any::<u8>(), prop_oneof![-50.0f32..50.0, Just(1.0)]), 0..40);
        vec((0.0f32..4.0, candidates), 0..4)
    }

    fn methods() -> impl Strategy<Value = Fusion> {
        prop_oneof![Just(Fusion::ZScore), (1u32..100).prop_map(|k| Fusion::ReciprocalRank { k })]
    }

    fn run(fusion: Fusion, lists: &[(f32, Vec<(u8, f32)>)]) -> Vec<Fused<u8>> {
        let lists: Vec<_> =
            lists.iter().map(|(weight, candidates)| RankedList { weight: *weight, candidates }).collect();
        fuse(fusion, &lists).unwrap()
    }

    proptest! {
        #[test]
        fn the_order_within_a_list_does_not_matter(fusion in methods(), mut lists in lists()) {
            let before = run(fusion, &lists);
            for (_, candidates) in &mut lists {
                candidates.reverse();
            }
            prop_assert_eq!(before, run(fusion, &lists));
        }

        #[test]
        fn nothing_is_invented_lost_or_repeated(fusion in methods(), lists in lists()) {
            let mut given: Vec<u8> = lists.iter().flat_map(|(_, list)| list.iter().map(|(id, _)| *id)).collect();
            given.sort_unstable();
            given.dedup();
            let mut fused: Vec<u8> = run(fusion, &lists).iter().map(|hit| hit.id).collect();
            fused.sort_unstable();
            prop_assert_eq!(given, fused);
        }

        #[test]
        fn scores_fall_and_ties_go_to_the_smaller_id(fusion in methods(), lists in lists()) {
            for pair in run(fusion, &lists).windows(2) {
                prop_assert!(pair[0].score.is_finite());
                prop_assert!(pair[0].score >= pair[1].score);
                let equal = pair[0].components == pair[1].components;
                prop_assert!(!equal || pair[0].id < pair[1].id);
            }
        }

        #[test]
        fn scores_are_shares_of_the_best_sum(fusion in methods(), lists in lists()) {
            let fused = run(fusion, &lists);
            prop_assert!(fused.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
            let is_best = |hit: &&Fused<u8>| {
                let counts = lists.iter().zip(&hit.components).filter(|((weight, list), _)| *weight > 0.0 && !list.is_empty());
                counts.clone().count() > 0 && counts.clone().all(|(_, said)| said.is_some_and(|said| said.rank == 1))
            };
            prop_assert!(fused.iter().find(is_best).is_none_or(|best| best.score >= 0.999));
        }

        #[test]
        fn a_single_list_keeps_its_order(fusion in methods(), list in vec(-50.0f32..50.0, 1..40)) {
            let candidates: Vec<_> = (0u8..).zip(list).collect();
            let expected: Vec<u8> = best_first(&candidates).iter().map(|(id, _)| **id).collect();
            let fused = run(fusion, &[(1.0, candidates.clone())]);
            for (place, hit) in fused.iter().enumerate() {
                let said = hit.components[0].unwrap();
                prop_assert_eq!(expected[said.rank as usize - 1], hit.id);
                prop_assert!(place == 0 || fused[place - 1].components[0].unwrap().score >= said.score
                    || fused[place - 1].score.total_cmp(&hit.score).is_eq());
            }
        }
    }

    #[test]
    fn a_list_of_equal_scores_changes_nothing() {
        let fused = run(Fusion::ZScore, &[(1.0, vec![(1, 3.0), (2, 1.0)]), (1.0, vec![(1, 0.3), (2, 0.3)])]);
        assert_eq!(fused.iter().map(|hit| (hit.id, hit.score)).collect::<Vec<_>>(), [(1, 1.0), (2, 0.5)]);
    }

    #[test]
    fn a_single_candidate_has_the_greatest_score() {
        for lists in [
            vec![(1.0, vec![(7, 0.3)])],
            vec![(1.0, vec![(7, 0.3)]), (2.0, vec![(7, 0.9)])],
            vec![(1.0, vec![(7, 0.3)]), (1.0, vec![])],
        ] {
            for fusion in [Fusion::ZScore, Fusion::ReciprocalRank { k: 60 }] {
                let fused = run(fusion, &lists);
                assert_eq!(fused[0].score.to_bits(), 1.0_f32.to_bits(), "{fused:?}");
                let sum: f32 = fused[0].components.iter().flatten().map(|said| said.contribution).sum();
                assert!((sum - 1.0).abs() < 1e-6, "{fused:?}");
            }
        }
    }

    #[test]
    fn an_absent_candidate_gets_the_lowest_value_of_the_list() {
        let fused = run(Fusion::ZScore, &[(1.0, vec![(1, 3.0), (2, 1.0)]), (1.0, vec![(3, 0.5), (2, 0.1)])]);
        assert_eq!(fused.iter().map(|hit| hit.id).collect::<Vec<_>>(), [1, 3, 2]);
        assert!(fused[0].score >= fused[1].score && fused[1].score > fused[2].score, "{fused:?}");
        assert_eq!(fused[0].components[1], None);
    }

    #[test]
    fn scores_that_are_no_numbers_are_refused() {
        for bad in [f32::NAN, f32::INFINITY] {
            for fusion in [Fusion::ZScore, Fusion::ReciprocalRank { k: 60 }] {
                let error = fuse(fusion, &[RankedList { weight: 1.0, candidates: &[(1, bad)] }]).unwrap_err();
                assert_eq!(error.code(), "INVALID_SCORE");
                assert!(fuse(fusion, &[RankedList { weight: bad, candidates: &[(1, 1.0)] }]).is_err());
            }
        }
    }

    #[test]
    fn weights_must_count_for_something() {
        assert!(Weights::default().check().is_ok());
        assert!(Weights { lexical: 0.0, vector: 0.0 }.check().is_err());
        assert!(Weights { lexical: -1.0, vector: 2.0 }.check().is_err());
        assert!(Weights { lexical: f32::NAN, vector: 1.0 }.check().is_err());
    }
}
