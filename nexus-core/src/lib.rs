//! Governed retrieval-augmented generation.
pub mod access;
pub mod audit;
pub mod clock;
pub mod document;
pub mod error;
pub mod hex;
pub mod id;
pub mod money;
pub mod policy;
pub mod principal;
pub mod retrieve;
pub mod usage;

pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use id::{
    CorpusId, DocumentId, GrantId, IdSource, JobId, OrganisationId, RequestId, RunId, SessionId, SubjectId,
    UuidV7,
};
pub use money::NanoUsd;
pub use principal::{Authentication, Principal, TenantId};
pub use usage::Usage;
