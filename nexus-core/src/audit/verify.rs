//! [`Verifier`]: checks a chain from its stored bytes, and lists its own gaps.
//!
//! Every link is checked against the hash recomputed from the stored body, never against a stored hash. The first
//! bad record ends the verification; later records only serve to tell a moved record from a missing one.

use super::canonical::write_text;
use super::digest::{Digest, genesis, leaf};
use super::keys::{KeyRing, RunKey};
use super::record::{Body, Head, Kind, Record};
use super::verdict::{Status, Verification};

/// Verifies the chain of `run` from `records`, in the order in which they are stored. `expected` is the head that
/// the store committed; without it, missing records at the end go unnoticed. Without `keys`, signatures are not
/// checked.
pub fn verify<'r>(
    instance: &str,
    tenant: &str,
    run: &str,
    records: impl IntoIterator<Item = &'r Record>,
    expected: Option<&Head>,
    keys: Option<&KeyRing>,
) -> Verification {
    let mut verifier = Verifier::new(instance, tenant, run, keys);
    for record in records {
        verifier.push(record);
    }
    verifier.finish(expected)
}

/// Verifier of a chain, record by record, in constant memory.
pub struct Verifier<'k> {
    keys: Option<&'k KeyRing>,
    /// Derived keys of the ring's keys only, so that a chain that names many others does not fill the memory.
    run_keys: Vec<(String, RunKey)>,
    tenant: String,
    run: String,
    written_tenant: String,
    written_run: String,
    entries: u64,
    last: Link,
    unproven: Option<u64>,
    clock_regression: Option<u64>,
    finding: Option<Finding>,
}

/// Link that the next record is checked against.
struct Link {
    prev: Digest,
    leaf: Digest,
    at: [u8; 27],
    closed: bool,
    proven: bool,
}

/// Record whose own hash, form and signature are intact.
struct Intact<'a> {
    body: Body<'a>,
    leaf: Digest,
    /// Whether a key of the ring signed the record.
    proven: bool,
}

#[derive(Debug)]
struct Finding {
    status: Status,
    seq: u64,
    reason: &'static str,
    expected: Option<Digest>,
    actual: Option<Digest>,
    /// The position of a missing record, until the record is found later.
    missing: Option<u64>,
}

impl Finding {
    fn new(status: Status, seq: u64, reason: &'static str) -> Self {
        Self { status, seq, reason, expected: None, actual: None, missing: None }
    }

    fn hashes(mut self, expected: Digest, actual: Digest) -> Self {
        self.expected = Some(expected);
        self.actual = Some(actual);
        self
    }
}

impl<'k> Verifier<'k> {
    /// Returns a verifier of one chain before its first record.
    pub fn new(instance: &str, tenant: &str, run: &str, keys: Option<&'k KeyRing>) -> Self {
        let genesis = genesis(instance, tenant, run);
        Self {
            keys,
            run_keys: Vec::new(),
            tenant: tenant.to_owned(),
            run: run.to_owned(),
            written_tenant: written(tenant),
            written_run: written(run),
            entries: 0,
            last: Link { prev: genesis, leaf: genesis, at: [0; 27], closed: false, proven: false },
            unproven: None,
            clock_regression: None,
            finding: None,
        }
    }

    /// Checks the next record.
    pub fn push(&mut self, record: &Record) {
        match &self.finding {
            None => {
                if let Err(finding) = self.advance(record) {
                    self.finding = Some(finding);
                }
            }
            Some(Finding { missing: Some(missing), .. }) => {
                let missing = *missing;
                if self.intact(record).is_ok_and(|found| found.body.seq == missing) {
                    self.moved();
                }
            }
            Some(_) => {}
        }
        self.entries += 1;
    }

    /// Returns the report, given the head that the store committed.
    pub fn finish(self, expected: Option<&Head>) -> Verification {
        let not_checked = self.not_checked(expected);
        let finding = self.finding.or_else(|| self.last.compare(self.entries, expected)).or_else(|| {
            let seq = self.unproven?;
            Some(Finding::new(Status::Unverifiable, seq, "the key of the record is not in the key ring"))
        });
        let sound = if self.last.closed { Status::Ok } else { Status::Open };
        Verification {
            run: self.run,
            status: finding.as_ref().map_or(sound, |finding| finding.status),
            entries: self.entries,
            first_bad: finding.as_ref().map(|finding| finding.seq),
            reason: finding.as_ref().map(|finding| finding.reason),
            expected: finding.as_ref().and_then(|finding| finding.expected),
            actual: finding.as_ref().and_then(|finding| finding.actual),
            clock_regression: self.clock_regression,
            content: Vec::new(),
            not_checked,
        }
    }

    fn advance(&mut self, record: &Record) -> Result<(), Finding> {
        let seq = self.entries;
        let intact = self.intact(record)?;
        self.place(&intact, record.seq)?;
        self.follow(&intact)?;
        let Intact { body, leaf, proven } = intact;
        if !proven && self.keys.is_some() {
            self.unproven.get_or_insert(seq);
        }
        if body.at < self.last.at {
            self.clock_regression.get_or_insert(seq);
        }
        let closed = body.kind == Kind::CHAIN_CLOSE.as_str();
        self.last = Link { prev: body.prev, leaf, at: body.at, closed, proven };
        Ok(())
    }

    /// Checks a record by itself: hash, form, signature, tenant and run.
    fn intact<'a>(&mut self, record: &'a Record) -> Result<Intact<'a>, Finding> {
        let seq = self.entries;
        let tampered = |reason| Finding::new(Status::Tampered, seq, reason);
        let leaf = leaf(&record.body);
        if leaf != record.leaf {
            return Err(tampered("the body does not match its hash").hashes(record.leaf, leaf));
        }
        let body = Body::read(&record.body)
            .map_err(|error| Finding::new(Status::Noncanonical, seq, error.rule).hashes(record.leaf, leaf))?;
        if body.tenant != self.written_tenant || record.tenant != self.tenant {
            return Err(tampered("the record belongs to another tenant"));
        }
        if body.run != self.written_run || record.run != self.run {
            return Err(tampered("the record belongs to another run"));
        }
        let proven = match self.run_key(body.kid) {
            None => false,
            Some(key) if key.sign(&leaf) == record.mac => true,
            Some(_) => return Err(tampered("the signature does not match the key")),
        };
        Ok(Intact { body, leaf, proven })
    }

    /// Checks that the record stands at its own position.
    fn place(&self, found: &Intact<'_>, stored_seq: u64) -> Result<(), Finding> {
        let seq = self.entries;
        if found.body.seq == seq {
            return if stored_seq == seq {
                Ok(())
            } else {
                Err(Finding::new(
                    Status::Tampered,
                    seq,
                    "the record is stored under another position than its own",
                ))
            };
        }
        if found.body.seq > seq {
            let missing = Some(seq);
            return Err(Finding {
                missing,
                ..Finding::new(Status::Tampered, seq, "the record of this position is missing")
            });
        }
        if found.body.seq + 1 == seq && found.body.prev == self.last.prev && found.leaf != self.last.leaf {
            return Err(Finding::new(Status::Forked, found.body.seq, "two records name the same position")
                .hashes(self.last.leaf, found.leaf));
        }
        Err(Finding::new(Status::Reordered, seq, "a record of an earlier position stands here"))
    }

    /// Checks that the record follows its predecessor.
    fn follow(&self, found: &Intact<'_>) -> Result<(), Finding> {
        let seq = self.entries;
        let Body { prev, kind, .. } = &found.body;
        if *prev != self.last.leaf {
            return Err(self.broken_link(found));
        }
        if self.last.closed {
            return Err(Finding::new(Status::Tampered, seq, "the record follows `run.close`"));
        }
        if (*kind == Kind::CHAIN_OPEN.as_str()) != (seq == 0) {
            return Err(Finding::new(Status::Tampered, seq, "`run.open` stands first, and only there"));
        }
        Ok(())
    }

    /// Returns the finding on a record that names another predecessor than the one before it. The predecessor's
    /// position is the bad one: with both records genuine, two records were sealed for it.
    fn broken_link(&self, found: &Intact<'_>) -> Finding {
        let finding = match self.entries.checked_sub(1) {
            None => Finding::new(
                Status::Tampered,
                0,
                "the first record does not name the start of this run's chain",
            ),
            Some(before) if found.proven && self.last.proven => Finding::new(
                Status::Forked,
                before,
                "the successor follows another genuine record of this position",
            ),
            Some(before) => Finding::new(Status::Tampered, before, "the successor names another record"),
        };
        finding.hashes(found.body.prev, self.last.leaf)
    }

    /// Turns the finding of a missing record into one of a moved record.
    fn moved(&mut self) {
        if let Some(finding) = &mut self.finding {
            finding.status = Status::Reordered;
            finding.reason = "the record of this position stands later";
            finding.missing = None;
        }
    }

    fn run_key(&mut self, kid: &str) -> Option<&RunKey> {
        let known = self.run_keys.iter().position(|(known, _)| known == kid);
        let place = if let Some(place) = known {
            place
        } else {
            let key = self.keys?.run_key(kid, &self.tenant, &self.run)?;
            self.run_keys.push((kid.to_owned(), key));
            self.run_keys.len() - 1
        };
        self.run_keys.get(place).map(|(_, key)| key)
    }

    fn not_checked(&self, expected: Option<&Head>) -> Vec<&'static str> {
        let mut gaps = Vec::new();
        if self.keys.is_none() {
            gaps.push("signatures: no key was given, so a chain that was rewritten as a whole would pass");
        }
        if self.unproven.is_some() {
            gaps.push("the signatures of records whose key is not in the key ring");
        }
        if expected.is_none() {
            gaps.push(
                "the end of the chain: no committed head was given, so missing records there would pass",
            );
        }
        if self.finding.is_some() {
            gaps.push("the records after the first bad one");
        }
        gaps.push("whether the newest records were deleted together with the head that the store committed");
        gaps.push("events that were never recorded");
        gaps
    }
}

impl Link {
    /// Compares a chain of `entries` records that ends here with the committed head.
    fn compare(&self, entries: u64, expected: Option<&Head>) -> Option<Finding> {
        let Some(newest) = entries.checked_sub(1) else {
            return Some(Finding::new(Status::Truncated, 0, "there are no records"));
        };
        let head = expected?;
        Some(if entries < head.next_seq {
            Finding::new(Status::Truncated, entries, "the store committed more records than there are")
        } else if entries > head.next_seq {
            Finding::new(Status::Tampered, head.next_seq, "there are more records than the store committed")
        } else if self.leaf != head.last {
            let status = if self.proven { Status::Forked } else { Status::Tampered };
            Finding::new(status, newest, "the store committed another newest record")
                .hashes(head.last, self.leaf)
        } else if self.closed != head.closed {
            Finding::new(
                Status::Tampered,
                newest,
                "the store's head and the newest record disagree on the end",
            )
        } else {
            return None;
        })
    }
}

impl std::fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("run", &self.run)
            .field("entries", &self.entries)
            .field("finding", &self.finding)
            .finish_non_exhaustive()
    }
}

/// Returns `text` as written in a body.
fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_text(&mut out, text);
    out
}
