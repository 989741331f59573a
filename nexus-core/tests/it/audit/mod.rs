//! Tests of the audit chain: its format, its sealing, and changes of a stored chain.

mod canonical;
mod mutations;
mod sealing;
mod valid_chains;
mod vectors;

use std::sync::Arc;

use nexus_core::audit::{Digest, Draft, Head, KeyRing, Kind, Payload, Record, Sealer, Verification, verify};
use nexus_core::{DocumentId, Principal, TenantId, Timestamp};

pub(crate) const INSTANCE: &str = "nexus-1";
pub(crate) const STEP: Kind = Kind::new("run.step");

/// Deterministic random numbers. A failing case is named by its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `sides` (splitmix64).
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }
}

pub(crate) fn caller() -> Principal {
    Principal::user("acme", "u-42").unwrap()
}

/// Returns a key ring that signs with `active` and verifies with both keys.
pub(crate) fn ring(active: &str) -> KeyRing {
    let entry =
        |kid: &str| format!(r#"{{"kid":"{kid}","secret":"the secret of {kid}","active":{}}}"#, kid == active);
    KeyRing::parse(&format!("[{},{}]", entry("old-key"), entry("new-key"))).unwrap()
}

pub(crate) fn sealer(active: &str) -> Arc<Sealer> {
    Arc::new(Sealer::new(INSTANCE, ring(active)))
}

pub(crate) fn draft(run: &str, kind: Kind, micros: i64) -> Draft {
    let payload = Payload::new()
        .ids(
            "documents",
            [DocumentId::parse("a/b \"c\".pdf").unwrap(), DocumentId::parse("Übersicht").unwrap()],
        )
        .count("passages", 5)
        .sha256("question", "what changed?")
        .flag("under_filled", false);
    Draft::new(&caller(), run, kind, "role-gate:1", Timestamp::from_micros(micros)).with_payload(payload)
}

/// Stored chain with its committed head.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) run: String,
    pub(crate) records: Vec<Record>,
    pub(crate) heads: Vec<Head>,
    pub(crate) closed: bool,
}

impl Log {
    /// Returns a valid chain: of any length from 2, closed or not, with a key rotation and a clock set back
    /// somewhere.
    pub(crate) fn honest(dice: &mut Dice) -> Self {
        let runs = ["run-1", "0197a3c2-7b1e-7cc3-9f52-0d6c1a2b3c4d", "a \"quoted\" run\\", "прогон №7 🎉"];
        let mut log = Self {
            run: runs[dice.roll(runs.len())].to_owned(),
            records: Vec::new(),
            heads: Vec::new(),
            closed: dice.roll(2) == 0,
        };
        let length = 2 + dice.roll(11);
        let (rotation, mut clock) = (dice.roll(2 * length), 1_772_357_400_000_000);
        for seq in 0..length {
            let kind = match seq {
                0 => Kind::CHAIN_OPEN,
                _ if log.closed && seq + 1 == length => Kind::CHAIN_CLOSE,
                _ => STEP,
            };
            clock += i64::try_from(dice.roll(2_000)).unwrap() - 200;
            let sealer = sealer(if seq < rotation { "old-key" } else { "new-key" });
            let (record, head) = sealer.seal(log.heads.last(), &draft(&log.run, kind, clock)).unwrap();
            log.records.push(record);
            log.heads.push(head);
        }
        log
    }

    pub(crate) fn head(&self) -> Head {
        *self.heads.last().unwrap()
    }

    pub(crate) fn verify(&self, keys: Option<&KeyRing>) -> Verification {
        verify(INSTANCE, tenant().as_str(), &self.run, &self.records, Some(&self.head()), keys)
    }

    /// Rewrites a body as an attacker without keys can: the stored hash follows, the signature cannot.
    pub(crate) fn rewrite(&mut self, place: usize, from: &str, to: &str) {
        let record = &mut self.records[place];
        let body = String::from_utf8(record.body.clone()).unwrap();
        assert!(body.contains(from), "{from} is not in {body}");
        record.body = body.replacen(from, to, 1).into_bytes();
        record.leaf = leaf(&record.body);
    }
}

pub(crate) fn tenant() -> TenantId {
    caller().tenant().clone()
}

/// Returns a record's hash, as the format defines it.
pub(crate) fn leaf(body: &[u8]) -> Digest {
    Digest::of([&[0], body].concat())
}
