//! Benchmark of sealing and verifying audit records, beside a stock JCS crate and beside the bare hash and MAC.

#![expect(clippy::expect_used, reason = "a benchmark that cannot prepare its input has nothing to measure")]

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use nexus_benches::{Table, percentiles, ratio, short, time};
use nexus_core::audit::{Digest, Draft, Head, KeyRing, Kind, Payload, Record, Sealer, canonical, verify};
use nexus_core::{CorpusId, DocumentId, Principal, RequestId, Timestamp};
use serde::Serialize;
use sha2::Sha256;

const SAMPLES: usize = 400;
const BATCH: u32 = 500;
const CHAIN: usize = 20_000;
const KIND: Kind = Kind::new("passages.shown");

fn main() {
    let sealer = Sealer::new("nexus", KeyRing::from_secret("k0", &"s".repeat(32)).expect("a key"));
    let caller = Principal::user("acme", "u-42").expect("a principal");
    let open = Draft::new(&caller, RUN, Kind::CHAIN_OPEN, POLICY, at(0));
    let (_, head) = sealer.seal(None, &open).expect("sealed");
    let draft = draft(&caller, at(1));
    let (record, _) = sealer.seal(Some(&head), &draft).expect("sealed");

    let sealed = time(SAMPLES, BATCH, || sealer.seal(Some(&head), &draft)).p50;
    let mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("a key");
    let stock = time(SAMPLES, BATCH, || hash_and_sign(&mac, &stock_body(&head))).p50;
    let bare = time(SAMPLES, BATCH, || hash_and_sign(&mac, &record.body)).p50;
    let checked = time(SAMPLES, BATCH, || canonical::check(&record.body)).p50;
    let stock_only = time(SAMPLES, BATCH, || stock_body(&head)).p50;
    assert_eq!(
        stock_body(&head),
        record.body,
        "both writers must write the same {} bytes",
        record.body.len()
    );

    let (records, head) = chain(&sealer, &caller);
    let per_record = |keys: Option<&KeyRing>| {
        let mut samples: Vec<Duration> = (0..20)
            .map(|_| {
                let start = std::time::Instant::now();
                let found = verify("nexus", caller.tenant_id(), RUN, &records, Some(&head), keys);
                assert!(found.status.is_sound());
                start.elapsed() / u32::try_from(CHAIN).expect("a small number")
            })
            .collect();
        percentiles(&mut samples).p50
    };
    let (signed, unsigned) = (per_record(Some(sealer.keys())), per_record(None));

    Table::new(
        format!("Audit: one record of {} bytes, one core", record.body.len()),
        ["operation", "p50", "per second", "beside", "p50 there", "ratio"],
    )
    .row(row("seal: body, check, hash, run key, MAC", sealed, "JCS crate, hash, MAC", stock))
    .row(row("the same", sealed, "hash and MAC alone", bare))
    .row(row("check a body's form", checked, "JCS crate writes it", stock_only))
    .row(row("verify with keys", signed, "hash and MAC alone", bare))
    .row(row("verify without keys", unsigned, "hash and MAC alone", bare))
    .print();
}

const RUN: &str = "0197a3c2-7b1e-7cc3-9f52-0d6c1a2b3c4d";
const REQUEST: &str = "req-0197a3c27b1";
const POLICY: &str = "role-gate-1:5f2b6c1d";

fn row(name: &str, took: Duration, beside: &str, there: Duration) -> [String; 6] {
    let rate = format!("{:.0}k", 1e-3 / took.as_secs_f64());
    [name.to_owned(), short(took), rate, beside.to_owned(), short(there), ratio(took, there)]
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_772_357_400_000_000 + micros)
}

fn draft(caller: &Principal, at: Timestamp) -> Draft {
    let payload = Payload::new()
        .id("corpus", &CorpusId::parse("handbook").expect("an id"))
        .ids("documents", [DocumentId::parse(RUN).expect("an id")])
        .count("passages", 5)
        .sha256("question", "What changed in the retention policy?");
    let request = RequestId::parse(REQUEST).expect("an id");
    Draft::new(caller, RUN, KIND, POLICY, at).with_payload(payload).with_correlation(&request)
}

fn chain(sealer: &Sealer, caller: &Principal) -> (Vec<Record>, Head) {
    let open = Draft::new(caller, RUN, Kind::CHAIN_OPEN, POLICY, at(0));
    let (first, mut head) = sealer.seal(None, &open).expect("sealed");
    let mut records = vec![first];
    while records.len() < CHAIN {
        let step = i64::try_from(records.len()).expect("a small number");
        let (record, next) = sealer.seal(Some(&head), &draft(caller, at(step))).expect("sealed");
        records.push(record);
        head = next;
    }
    (records, head)
}

/// Floor: the hash and MAC that no record can do without, with the key already derived.
fn hash_and_sign(mac: &Hmac<Sha256>, body: &[u8]) -> [u8; 32] {
    let leaf = Digest::of(body);
    mac.clone().chain_update(leaf.as_bytes()).finalize().into_bytes().into()
}

#[derive(Serialize)]
struct StockRecord<'a> {
    actor: &'a str,
    corr: &'a str,
    kid: &'a str,
    kind: &'a str,
    payload: BTreeMap<&'a str, StockValue>,
    policy_ver: &'a str,
    prev: String,
    run: &'a str,
    seq: u64,
    tenant: &'a str,
    ts: String,
    v: u8,
}

#[derive(Serialize)]
#[serde(untagged)]
enum StockValue {
    Text(String),
    List(Vec<String>),
    Count(u64),
}

/// Peer: the same body by an RFC 8785 crate.
fn stock_body(head: &Head) -> Vec<u8> {
    let question = Digest::of("What changed in the retention policy?");
    let record = StockRecord {
        actor: "user:u-42",
        corr: REQUEST,
        kid: "k0",
        kind: KIND.as_str(),
        payload: BTreeMap::from([
            ("corpus", StockValue::Text("handbook".to_owned())),
            ("documents", StockValue::List(vec![RUN.to_owned()])),
            ("passages", StockValue::Count(5)),
            ("question", StockValue::Text(question.to_string())),
        ]),
        policy_ver: POLICY,
        prev: head.last.to_string(),
        run: RUN,
        seq: head.next_seq,
        tenant: "acme",
        ts: at(1).to_string(),
        v: 1,
    };
    serde_json_canonicalizer::to_vec(&record).expect("canonical")
}
