//! Tests of valid chains, which never alarm, and of the gaps that every verdict lists.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use nexus_core::audit::{
    AuditChain, ChainSummary, Erasable, Head, KeyRing, Kind, Receipt, Record, Status, UnsealedRecords,
    verify, verify_run,
};
use nexus_core::{ErrorKind, Page, Result, TenantId};

use super::{Dice, INSTANCE, Log, STEP, draft, ring, sealer, tenant};

#[test]
fn an_honest_chain_never_alarms() {
    let keys = ring("new-key");
    let mut regressions = 0;
    for seed in 0..1_000 {
        let log = Log::honest(&mut Dice::new(seed));
        let sound = if log.closed { Status::Ok } else { Status::Open };
        for keys in [Some(&keys), None] {
            for head in [Some(log.head()), None] {
                let found = verify(INSTANCE, tenant().as_str(), &log.run, &log.records, head.as_ref(), keys);
                assert_eq!((found.status, found.first_bad), (sound, None), "seed {seed}: {found:#?}");
                regressions += usize::from(found.clock_regression.is_some());
            }
        }
    }
    assert!(regressions > 0, "no chain had a clock that went backwards");
}

#[test]
fn a_clock_that_goes_backwards_is_noted_where_it_does_and_is_no_alarm() {
    let sealer = sealer("new-key");
    let (first, head) = sealer.seal(None, &draft("r", Kind::CHAIN_OPEN, 1_000)).unwrap();
    let (second, head) = sealer.seal(Some(&head), &draft("r", Kind::CHAIN_CLOSE, 999)).unwrap();
    let found = verify(INSTANCE, tenant().as_str(), "r", &[first, second], Some(&head), Some(sealer.keys()));
    assert_eq!((found.status, found.clock_regression), (Status::Ok, Some(1)));
}

#[test]
fn a_key_that_is_not_in_the_ring_is_unverifiable_and_not_tampered() {
    let other = KeyRing::from_secret("third-key", "the secret of third-key").unwrap();
    let log = Log::honest(&mut Dice::new(3));
    let found = log.verify(Some(&other));
    assert_eq!((found.status, found.first_bad), (Status::Unverifiable, Some(0)));
    assert!(!found.status.is_sound());
    assert!(found.not_checked.iter().any(|gap| gap.contains("key ring")), "{found:#?}");
}

#[test]
fn a_break_outweighs_a_missing_key() {
    let other = KeyRing::from_secret("third-key", "the secret of third-key").unwrap();
    let mut log = Log::honest(&mut Dice::new(3));
    log.rewrite(1, "user:u-42", "user:u-43");
    let found = log.verify(Some(&other));
    assert_eq!((found.status, found.first_bad), (Status::Tampered, Some(1)));
}

#[test]
fn a_secret_that_is_not_the_signer_s_makes_the_chain_tampered() {
    let impostor = KeyRing::from_secret("new-key", "another secret, same name").unwrap();
    let (record, head) = sealer("new-key").seal(None, &draft("r", Kind::CHAIN_OPEN, 0)).unwrap();
    let found = verify(INSTANCE, tenant().as_str(), "r", &[record], Some(&head), Some(&impostor));
    assert_eq!(found.status, Status::Tampered);
}

#[test]
fn fifty_rotations_in_one_run_never_alarm() {
    let entry = |key: usize, active: usize| {
        format!(r#"{{"kid":"k{key}","secret":"the secret of key {key}","active":{}}}"#, key == active)
    };
    let ring = |active: usize, keys: usize| {
        let entries: Vec<String> = (0..keys).map(|key| entry(key, active)).collect();
        KeyRing::parse(&format!("[{}]", entries.join(","))).unwrap()
    };
    let (mut records, mut head) = (Vec::new(), None);
    for key in 0..51 {
        let sealer = nexus_core::audit::Sealer::new(INSTANCE, ring(key, key + 1));
        let kind = if key == 0 { Kind::CHAIN_OPEN } else { STEP };
        let (record, next) = sealer.seal(head.as_ref(), &draft("r", kind, 0)).unwrap();
        records.push(record);
        head = Some(next);
    }
    let verdict = |keys: usize| {
        let found = verify(INSTANCE, tenant().as_str(), "r", &records, head.as_ref(), Some(&ring(0, keys)));
        (found.status, found.first_bad)
    };
    assert_eq!(verdict(51), (Status::Open, None));
    assert_eq!(verdict(20), (Status::Unverifiable, Some(20)));
}

#[test]
fn every_verdict_says_what_it_does_not_cover() {
    let log = Log::honest(&mut Dice::new(1));
    let says = |found: &[&str], word: &str| found.iter().any(|gap| gap.contains(word));
    let full = log.verify(Some(&ring("new-key"))).not_checked;
    assert!(says(&full, "never recorded") && says(&full, "together with the head"), "{full:?}");
    assert!(!says(&full, "signatures"), "{full:?}");
    let bare = verify(INSTANCE, tenant().as_str(), &log.run, &log.records, None, None).not_checked;
    assert!(says(&bare, "signatures") && says(&bare, "no committed head"), "{bare:?}");
}

#[test]
fn a_tail_deleted_with_its_head_passes_as_open_and_the_verdict_says_so() {
    let mut log = Log::honest(&mut Dice::new(2));
    log.records.truncate(2);
    log.heads.truncate(2);
    let found = log.verify(Some(&ring("new-key")));
    assert_eq!(found.status, Status::Open);
    assert!(found.not_checked.iter().any(|gap| gap.contains("deleted together with the head")), "{found:#?}");
}

#[test]
fn a_report_reads_as_json() {
    let mut log = Log::honest(&mut Dice::new(4));
    log.records.truncate(1);
    let report = serde_json::to_value(log.verify(None)).unwrap();
    assert_eq!(report["status"], "truncated");
    assert_eq!(report["first_bad"], 1);
    for status in [Status::Ok, Status::Open, Status::Unverifiable, Status::Noncanonical, Status::Truncated] {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}

/// Chain that grows with each read, `left` times.
#[derive(Debug)]
struct Busy {
    log: Mutex<(Vec<Record>, Option<Head>)>,
    left: Mutex<usize>,
}

impl Busy {
    fn new(records: usize, left: usize) -> Self {
        let busy = Self { log: Mutex::default(), left: Mutex::new(left) };
        (0..records).for_each(|_| busy.write());
        busy
    }

    fn write(&self) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = if log.1.is_none() { Kind::CHAIN_OPEN } else { STEP };
        let (record, head) = sealer("new-key").seal(log.1.as_ref(), &draft("r", kind, 0)).unwrap();
        log.0.push(record);
        log.1 = Some(head);
    }

    fn disturb(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if *left > 0 {
            *left -= 1;
            self.write();
        }
    }
}

#[async_trait]
impl AuditChain for Busy {
    async fn append(&self, _: UnsealedRecords) -> Result<Vec<Receipt>> {
        Ok(Vec::new())
    }

    async fn records(&self, _: &TenantId, _: &str, from: u64, limit: usize) -> Result<Vec<Record>> {
        self.disturb();
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.0.iter().filter(|record| record.seq >= from).take(limit).cloned().collect())
    }

    async fn head(&self, _: &TenantId, _: &str) -> Result<Option<Head>> {
        self.disturb();
        Ok(self.log.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    async fn chains(&self, _: &TenantId, _: &Page) -> Result<Vec<ChainSummary>> {
        Ok(Vec::new())
    }

    async fn erased_by(&self, _: &TenantId, _: &Erasable) -> Result<Option<String>> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_run_that_is_written_while_it_is_verified_does_not_alarm() {
    for (records, writes) in [(1, 1), (3, 10), (1_300, 2_000)] {
        let busy = Busy::new(records, writes);
        let keys = ring("new-key");
        let found = verify_run(&busy, INSTANCE, &tenant(), "r", Some(&keys)).await.unwrap();
        assert_eq!(found.status, Status::Open, "{found:#?}");
        assert!(found.entries > u64::try_from(records).unwrap());
    }
}

#[tokio::test]
async fn a_run_without_records_is_not_found() {
    let error = verify_run(&Busy::new(0, 0), INSTANCE, &tenant(), "r", None).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "AUDIT_RUN_NOT_FOUND"));
}

#[tokio::test]
async fn a_run_whose_records_are_gone_is_truncated() {
    let busy = Busy::new(3, 0);
    busy.log.lock().unwrap().0.clear();
    let found = verify_run(&busy, INSTANCE, &tenant(), "r", None).await.unwrap();
    assert_eq!((found.status, found.first_bad), (Status::Truncated, Some(0)));
}

#[tokio::test]
async fn a_run_whose_head_is_gone_is_tampered() {
    let busy = Busy::new(3, 0);
    busy.log.lock().unwrap().1 = None;
    let found = verify_run(&busy, INSTANCE, &tenant(), "r", None).await.unwrap();
    assert_eq!((found.status, found.first_bad), (Status::Tampered, Some(0)));
}
