//! Changes of a chain by an attacker with access to the storage but not to the keys, and the verifier's verdicts.
//! `AUDIT_CASES` sets the number of random chains for each kind of change.

use nexus_core::audit::{Kind, Mac, Status};

use super::{Dice, Log, STEP, draft, leaf, ring, sealer};

/// Expected verdict and position, with keys and without.
struct Verdict {
    with_keys: Option<(Status, usize)>,
    without_keys: Option<(Status, usize)>,
}

fn both(status: Status, place: usize) -> Verdict {
    Verdict { with_keys: Some((status, place)), without_keys: Some((status, place)) }
}

/// Tries a change on many valid chains. A change returns `None` when the chain is too short for it.
#[track_caller]
fn check(change: impl Fn(&mut Log, &mut Dice) -> Option<Verdict>) {
    let cases = std::env::var("AUDIT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    let keys = ring("new-key");
    let mut tried = 0;
    for seed in 0..cases {
        let mut dice = Dice::new(seed);
        let mut log = Log::honest(&mut dice);
        let Some(verdict) = change(&mut log, &mut dice) else { continue };
        tried += 1;
        let sound = if log.closed { Status::Ok } else { Status::Open };
        for (keys, expected) in [(Some(&keys), verdict.with_keys), (None, verdict.without_keys)] {
            let found = log.verify(keys);
            let place = found.first_bad.map(|place| usize::try_from(place).unwrap());
            let (status, first_bad) = expected.map_or((sound, None), |(status, place)| (status, Some(place)));
            assert_eq!((found.status, place), (status, first_bad), "seed {seed}, keys {keys:?}: {found:#?}");
        }
    }
    assert!(tried > cases / 4, "only {tried} of {cases} chains were long enough");
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.roll(bytes.len());
    bytes[at] ^= 1 << dice.roll(8);
}

/// Returns a position with a successor.
fn inner(log: &Log, dice: &mut Dice) -> usize {
    dice.roll(log.records.len() - 1)
}

fn any(log: &Log, dice: &mut Dice) -> usize {
    dice.roll(log.records.len())
}

fn two(log: &Log, dice: &mut Dice) -> (usize, usize) {
    let first = inner(log, dice);
    (first, first + 1 + dice.roll(log.records.len() - first - 1))
}

/// Renumbers the rows by position, or leaves them: an attacker may do either after moving a record.
fn renumber(log: &mut Log, dice: &mut Dice) {
    if dice.roll(2) == 0 {
        for (seq, record) in (0..).zip(&mut log.records) {
            record.seq = seq;
        }
    }
}

#[test]
fn a_flipped_bit_in_a_body_is_tampered_there() {
    check(|log, dice| {
        let place = any(log, dice);
        flip(&mut log.records[place].body, dice);
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn a_flipped_bit_in_a_hash_is_tampered_there() {
    check(|log, dice| {
        let place = any(log, dice);
        let mut bytes = *log.records[place].leaf.as_bytes();
        flip(&mut bytes, dice);
        log.records[place].leaf = nexus_core::audit::Digest::new(bytes);
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn a_flipped_bit_in_a_signature_is_tampered_there_with_the_key() {
    check(|log, dice| {
        let place = any(log, dice);
        let mut bytes = *log.records[place].mac.as_bytes();
        flip(&mut bytes, dice);
        log.records[place].mac = Mac::new(bytes);
        Some(Verdict { with_keys: Some((Status::Tampered, place)), without_keys: None })
    });
}

#[test]
fn an_edited_field_is_tampered_there_even_when_its_hash_follows() {
    check(|log, dice| {
        let place = any(log, dice);
        let edits = [
            ("user:u-42", "user:u-43"),
            (r#""passages":5"#, r#""passages":6"#),
            (r#""ts":"2026"#, r#""ts":"2025"#),
        ];
        let (from, to) = edits[dice.roll(edits.len())];
        log.rewrite(place, from, to);
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn an_edit_that_every_later_hash_follows_is_tampered_there_with_the_key() {
    check(|log, dice| {
        let place = any(log, dice);
        log.rewrite(place, "user:u-42", "user:u-43");
        for next in place + 1..log.records.len() {
            let (was, is) = (log.heads[next - 1].last.to_string(), log.records[next - 1].leaf.to_string());
            log.rewrite(next, &was, &is);
        }
        let newest = log.records.len() - 1;
        Some(Verdict {
            with_keys: Some((Status::Tampered, place)),
            // Without keys, only the committed head reveals the edit.
            without_keys: Some((Status::Tampered, newest)),
        })
    });
}

#[test]
fn a_record_deleted_in_the_middle_is_tampered_there() {
    check(|log, dice| {
        let place = inner(log, dice);
        log.records.remove(place);
        renumber(log, dice);
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn a_deleted_tail_is_truncated_there() {
    check(|log, dice| {
        let kept = 1 + inner(log, dice);
        log.records.truncate(kept);
        Some(both(Status::Truncated, kept))
    });
}

#[test]
fn a_deleted_run_is_truncated_from_the_start() {
    check(|log, _| {
        log.records.clear();
        Some(both(Status::Truncated, 0))
    });
}

#[test]
fn two_swapped_records_are_reordered_at_the_first() {
    check(|log, dice| {
        let (first, second) = two(log, dice);
        log.records.swap(first, second);
        renumber(log, dice);
        Some(both(Status::Reordered, first))
    });
}

#[test]
fn a_moved_record_is_reordered_at_the_first_place_that_changed() {
    check(|log, dice| {
        let (first, second) = two(log, dice);
        if dice.roll(2) == 0 {
            log.records[first..=second].rotate_left(1);
        } else {
            log.records[first..=second].rotate_right(1);
        }
        renumber(log, dice);
        Some(both(Status::Reordered, first))
    });
}

#[test]
fn a_duplicated_record_is_reordered_where_it_stands_again() {
    check(|log, dice| {
        let (place, to) = two(log, dice);
        let copy = log.records[place].clone();
        log.records.insert(to, copy);
        renumber(log, dice);
        Some(both(Status::Reordered, to))
    });
}

#[test]
fn a_record_of_another_run_is_tampered_there() {
    check(|log, dice| {
        let place = any(log, dice);
        let mut other = Log::honest(&mut Dice::new(7));
        other.run.push_str(" or another");
        let kind = if place == 0 { Kind::CHAIN_OPEN } else { STEP };
        let before = place.checked_sub(1).map(|before| &log.heads[before]);
        let (mut spliced, _) = sealer("new-key").seal(before, &draft(&other.run, kind, 0)).unwrap();
        spliced.run.clone_from(&log.run);
        log.records[place] = spliced;
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn a_record_of_another_tenant_is_tampered_there() {
    check(|log, dice| {
        let place = any(log, dice);
        let mut theirs = draft(&log.run, if place == 0 { Kind::CHAIN_OPEN } else { STEP }, 0);
        theirs.tenant = "rival".to_owned();
        let before = place.checked_sub(1).map(|before| &log.heads[before]);
        let (mut spliced, _) = sealer("new-key").seal(before, &theirs).unwrap();
        spliced.tenant = super::tenant().to_string();
        log.records[place] = spliced;
        Some(both(Status::Tampered, place))
    });
}

#[test]
fn a_chain_of_another_installation_is_tampered_from_the_start() {
    check(|log, _| {
        let elsewhere = nexus_core::audit::Sealer::new("nexus-2", ring("new-key"));
        let (record, _) = elsewhere.seal(None, &draft(&log.run, Kind::CHAIN_OPEN, 0)).unwrap();
        log.records[0] = record;
        Some(both(Status::Tampered, 0))
    });
}

#[test]
fn a_record_that_names_another_key_is_tampered_there() {
    check(|log, dice| {
        let place = any(log, dice);
        let body = String::from_utf8(log.records[place].body.clone()).unwrap();
        let was = if body.contains("old-key") { "old-key" } else { "new-key" };
        let others = [if was == "old-key" { "new-key" } else { "old-key" }, "unknown-key"];
        log.rewrite(place, was, others[dice.roll(2)]);
        Some(both(Status::Tampered, place))
    });
}

/// Rewrites a record in another form of equal meaning, with its hash.
fn rewritten(from: &'static str, to: &'static str) -> impl Fn(&mut Log, &mut Dice) -> Option<Verdict> {
    move |log, dice| {
        let place = any(log, dice);
        log.rewrite(place, from, to);
        Some(both(Status::Noncanonical, place))
    }
}

#[test]
fn a_number_written_otherwise_is_noncanonical_there() {
    check(rewritten(r#""passages":5"#, r#""passages":5.0"#));
    check(rewritten(r#""passages":5"#, r#""passages":5e0"#));
    check(rewritten(r#""passages":5"#, r#""passages":9007199254740993"#));
}

#[test]
fn an_encoding_of_another_kind_is_noncanonical_there() {
    check(rewritten("{", "{ "));
    check(rewritten("Ü", r"\u00dc"));
    check(rewritten("a/b", r"a\/b"));
    check(rewritten(r#","v":1}"#, ",\"v\":1}\n"));
}

#[test]
fn a_duplicate_key_is_noncanonical_there() {
    check(rewritten(r#""passages":5"#, r#""passages":5,"passages":6"#));
    check(rewritten(r#""v":1"#, r#""v":1,"v":1"#));
}

#[test]
fn a_record_of_an_older_version_is_noncanonical_there() {
    check(rewritten(r#""v":1"#, r#""v":0"#));
}

#[test]
fn a_record_put_in_without_a_signature_is_tampered_there() {
    check(|log, dice| {
        let place = 1 + inner(log, dice);
        let (mut forged, _) =
            sealer("new-key").seal(Some(&log.heads[place - 1]), &draft(&log.run, STEP, 0)).unwrap();
        forged.mac = Mac::from_stored(&[]);
        let replaced = dice.roll(2) == 0;
        log.records.splice(place..place + usize::from(replaced), [forged]);
        renumber(log, dice);
        // Without keys, neither of two records for one position is known to be forged.
        let without = if replaced { Status::Tampered } else { Status::Forked };
        Some(Verdict { with_keys: Some((Status::Tampered, place)), without_keys: Some((without, place)) })
    });
}

#[test]
fn a_record_appended_without_a_signature_is_tampered_there() {
    check(|log, _| {
        let (end, mut head) = (log.records.len(), log.head());
        head.closed = false;
        let (mut forged, _) = sealer("new-key").seal(Some(&head), &draft(&log.run, STEP, 0)).unwrap();
        forged.mac = Mac::new([0; 32]);
        log.records.push(forged);
        Some(both(Status::Tampered, end))
    });
}

#[test]
fn two_genuine_records_of_one_place_are_a_fork_there() {
    check(|log, dice| {
        let place = 1 + inner(log, dice);
        let (second, _) =
            sealer("new-key").seal(Some(&log.heads[place - 1]), &draft(&log.run, STEP, 1)).unwrap();
        let replaced = dice.roll(2) == 0;
        log.records.splice(place..place + usize::from(replaced), [second]);
        let without = if replaced { Status::Tampered } else { Status::Forked };
        Some(Verdict { with_keys: Some((Status::Forked, place)), without_keys: Some((without, place)) })
    });
}

#[test]
fn a_head_set_back_is_tampered_where_it_ends() {
    check(|log, dice| {
        let kept = 1 + inner(log, dice);
        log.heads.truncate(kept);
        Some(both(Status::Tampered, kept))
    });
}

#[test]
fn a_body_that_is_no_text_at_all_is_noncanonical_there() {
    check(|log, dice| {
        let place = any(log, dice);
        let length = dice.roll(70_000);
        log.records[place].body = (0..length).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
        log.records[place].leaf = leaf(&log.records[place].body);
        Some(both(Status::Noncanonical, place))
    });
}
