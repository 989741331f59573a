//! Audit chain: tamper-evident records of the events of a run, a call or a job, in order.
//!
//! Each record is one canonical JSON body ([`canonical`]) that names its predecessor's hash; a [`Sealer`] writes
//! it and signs it with a key that only its run has ([`KeyRing`]), inside the transaction of the store that
//! implements [`AuditChain`]. A [`Verifier`] checks a chain from the stored bytes alone.
//!
//! Records hold ids, counts and hashes, never text: a [`Payload`] has no method that stores text.
//! This module does not erase, export or sign checkpoints, and it does not know the steps of runs and jobs.
//!
//! ```
//! use nexus_core::audit::{Draft, KeyRing, Kind, Payload, Sealer, Status, Verifier};
//! use nexus_core::{Principal, Timestamp};
//!
//! let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes")?;
//! let sealer = Sealer::new("nexus", keys);
//! let caller = Principal::user("acme", "u-42")?;
//!
//! let open = Draft::new(&caller, "run-1", Kind::CHAIN_OPEN, "v1", Timestamp::from_micros(0))
//!     .with_payload(Payload::new().count("passages", 5));
//! let (first, head) = sealer.seal(None, &open)?;
//! let close = Draft::new(&caller, "run-1", Kind::CHAIN_CLOSE, "v1", Timestamp::from_micros(9));
//! let (last, head) = sealer.seal(Some(&head), &close)?;
//!
//! let mut verifier = Verifier::new("nexus", caller.tenant_id(), "run-1", Some(sealer.keys()));
//! verifier.push(&first);
//! verifier.push(&last);
//! assert_eq!(verifier.finish(Some(&head)).status, Status::Ok);
//! # Ok::<(), nexus_core::Error>(())
//! ```

pub mod canonical;
mod chain;
mod digest;
mod keys;
mod payload;
mod reads;
mod record;
mod salt;
mod seal;
mod verdict;
mod verify;

pub use chain::{AuditChain, ChainSummary, Erasable, verify_run};
pub(crate) use chain::{inspect_run, no_chain};
pub use digest::{Digest, Mac};
pub use keys::{KeyRing, MIN_SECRET_BYTES};
pub(crate) use payload::tokenised;
pub use payload::{Identifier, Payload};
pub use reads::RecordedReads;
pub(crate) use record::actor;
pub use record::{Draft, Head, Kind, Receipt, Record, actor_in};
pub(crate) use record::{RecordedFacts, facts_in};
pub(crate) use salt::fresh_salt;
pub use seal::{Sealer, UnsealedRecords};
pub use verdict::{ContentFinding, ContentState, Status, Verification};
pub use verify::{Verifier, verify};
