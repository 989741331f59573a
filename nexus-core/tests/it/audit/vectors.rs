//! Golden vectors: chains with required verdicts, for any second verifier. An implementation that shares no code with
//! this one wrote them.

use std::collections::BTreeMap;

use nexus_core::audit::{Digest, Draft, Head, KeyRing, Kind, Mac, Payload, Record, Sealer, verify};
use nexus_core::{CorpusId, Principal, RequestId, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    instance: String,
    tenant: String,
    run: String,
    keys: serde_json::Value,
    fingerprints: BTreeMap<String, String>,
    records: BTreeMap<String, Row>,
    heads: BTreeMap<String, StoredHead>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Row {
    seq: u64,
    body: String,
    leaf: String,
    mac: String,
}

#[derive(Deserialize)]
struct StoredHead {
    next_seq: u64,
    last: String,
    closed: bool,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    chain: Vec<String>,
    head: Option<String>,
    with_keys: Verdict,
    without_keys: Verdict,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Verdict {
    status: String,
    first_bad: Option<u64>,
}

fn load() -> Golden {
    serde_json::from_str(include_str!("../../fixtures/audit/vectors.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    nexus_core::hex::decode(hex).unwrap()
}

fn caller(all: &Golden) -> Principal {
    Principal::user(all.tenant.as_str(), "u-42").unwrap()
}

#[test]
fn every_vector_gets_its_verdict() {
    let all = load();
    let keys = KeyRing::parse(&all.keys.to_string()).unwrap();
    let caller = caller(&all);
    for vector in &all.vectors {
        let records: Vec<Record> = vector.chain.iter().map(|name| record(&all, &all.records[name])).collect();
        let head = vector.head.as_ref().map(|name| head(&all.heads[name]));
        for (keys, expected) in [(Some(&keys), &vector.with_keys), (None, &vector.without_keys)] {
            let found = verify(&all.instance, caller.tenant_id(), &all.run, &records, head.as_ref(), keys);
            let verdict = Verdict { status: found.status.as_str().to_owned(), first_bad: found.first_bad };
            assert_eq!(&verdict, expected, "{}, keys {keys:?}: {found:#?}", vector.name);
        }
    }
    assert!(all.vectors.len() >= 20);
}

#[test]
fn the_sealer_writes_the_records_of_the_valid_chain() {
    let all = load();
    let caller = caller(&all);
    let sealer = |active: &str| {
        let mut keys = all.keys.clone();
        for key in keys.as_array_mut().unwrap() {
            key["active"] = (key["kid"] == active).into();
        }
        Sealer::new(all.instance.as_str(), KeyRing::parse(&keys.to_string()).unwrap())
    };
    let draft = |kind, at: &str, payload| {
        Draft::new(&caller, all.run.as_str(), kind, "role-gate:1", at.parse::<Timestamp>().unwrap())
            .with_payload(payload)
    };
    let opened = Payload::new().sha256("question", "What changed?").token("software", "nexus/0.1.0");
    let shown = Payload::new()
        .id("corpus", &CorpusId::parse("a \"b\" \\ é 🎉").unwrap())
        .count("passages", 5)
        .nested("scores", Payload::new().flag("under_filled", false));
    let request = RequestId::parse("req-1").unwrap();
    let drafts = [
        ("k1", draft(Kind::CHAIN_OPEN, "2026-03-01T09:30:00.000250Z", opened).with_correlation(&request)),
        ("k1", draft(Kind::new("passages.shown"), "2026-03-01T09:30:00.000750Z", shown)),
        (
            "k2",
            draft(
                Kind::new("policy.decided"),
                "2026-03-01T09:30:00.000500Z",
                Payload::new().count("rules", 0),
            ),
        ),
        (
            "k2",
            draft(
                Kind::CHAIN_CLOSE,
                "2026-03-01T09:30:01.000000Z",
                Payload::new().token("outcome", "answered"),
            ),
        ),
    ];
    let mut chain: Option<Head> = None;
    for (name, (kid, draft)) in ["0", "1", "2", "3"].iter().zip(&drafts) {
        let (sealed, next) = sealer(kid).seal(chain.as_ref(), draft).unwrap();
        let golden = record(&all, &all.records[*name]);
        assert_eq!(String::from_utf8_lossy(&sealed.body), String::from_utf8_lossy(&golden.body));
        assert_eq!(sealed, golden);
        chain = Some(next);
    }
    assert_eq!(chain, Some(head(&all.heads["closed"])));
    assert_eq!(sealer("k1").keys().kids().last(), Some("k2"));
}

#[test]
fn an_unnamed_key_has_the_name_that_the_vectors_give_it() {
    let ring = KeyRing::single(None, b"a secret without a name").unwrap();
    assert_eq!(ring.active_kid(), load().fingerprints["a secret without a name"]);
}

fn record(all: &Golden, row: &Row) -> Record {
    Record {
        tenant: all.tenant.clone(),
        run: all.run.clone(),
        seq: row.seq,
        body: row.body.clone().into_bytes(),
        leaf: Digest::from_stored(&bytes(&row.leaf)),
        mac: Mac::from_stored(&bytes(&row.mac)),
    }
}

fn head(stored: &StoredHead) -> Head {
    Head { next_seq: stored.next_seq, last: Digest::from_stored(&bytes(&stored.last)), closed: stored.closed }
}
