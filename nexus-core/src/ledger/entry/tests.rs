use super::*;
use crate::ledger::admission::tests::unsealed;
use crate::ledger::call_state::tests::{attempt, call, outcome};
use crate::principal::Principal;

/// Returns the estimated entry of an attempt that was charged with 5.
fn estimate() -> LedgerEntry {
    LedgerEntry::of(&call(), attempt(1), &outcome(1, AttemptStatus::UnknownOutcome, 5))
}

fn correction(revision: u32, nanos: i64) -> Reconciliation {
    Reconciliation {
        tenant: Principal::user("acme", "ada").unwrap().tenant().clone(),
        call: "call".to_owned(),
        attempt: 1,
        revision,
        usage: Usage::default(),
        charged: MeterAmounts { money: NanoUsd::from_nanos(nanos), ..estimate().charged },
        reason: "the bill".to_owned(),
        by: "root".to_owned(),
        at: Timestamp::from_micros(99),
        audit: unsealed(),
    }
}

#[test]
fn corrections_of_an_estimate_add_up_to_the_last_one() {
    let (own, mut latest) = (estimate(), estimate());
    let mut sum = own.change().unwrap().money.as_nanos();
    for (revision, nanos) in [(1, 7), (2, 0), (3, 3)] {
        let corrected = correction(revision, nanos).entry(own.clone(), &latest).unwrap();
        assert_eq!(
            (corrected.revision(), corrected.estimated, corrected.ts.as_micros()),
            (revision, false, 99)
        );
        assert_eq!(corrected.correction.as_ref().unwrap().charged_before, latest.charged);
        sum += corrected.change().unwrap().money.as_nanos();
        assert_eq!(sum, nanos);
        latest = corrected;
    }
}

#[test]
fn only_an_estimate_is_corrected_and_only_from_the_latest_entry() {
    let code = |own: LedgerEntry, latest: &LedgerEntry, revision| {
        correction(revision, 1).entry(own, latest).unwrap_err().code()
    };
    let known = LedgerEntry { estimated: false, ..estimate() };
    assert_eq!(code(known.clone(), &known, 1), "CALL_NOT_ESTIMATED");
    let first = correction(1, 7).entry(estimate(), &estimate()).unwrap();
    for revision in [0, 1, 3] {
        assert_eq!(code(estimate(), &first, revision), "ENTRY_CONFLICT");
    }
}

#[test]
fn usage_counts_tokens_by_their_operation_and_characters_not_at_all() {
    let share = |kind| {
        let charged = MeterAmounts { tokens: 9, ..estimate().charged };
        let UsageShare { tokens, embedding_tokens, cost } =
            LedgerEntry { kind, charged, ..estimate() }.usage_share().unwrap();
        (tokens, embedding_tokens, cost.as_nanos())
    };
    assert_eq!(share(Operation::Chat), (9, 0, 5));
    assert_eq!(share(Operation::Embed), (0, 9, 5));
    assert_eq!(share(Operation::Speak), (0, 0, 5));
}
