//! Governed retrieval-augmented generation: the vocabulary, the ports, the pure rules and the governed engine.
//!
//! [`Nexus`] is the entry point. A [`Builder`] makes it from a [`store`] and optionally a model, an embedder, a policy
//! and a document parser; an omitted part has a default that needs no network. Every method takes a [`Principal`],
//! asks the policy, stays within the principal's tenant and grants, and leaves a signed record.
//!
//! This crate owns the rules. It reads no files, no environment and no network, and knows no database, no vendor and
//! no file format: other crates implement the ports to them.
//!
//! Four floors. The architecture test checks their imports, and lists three that still point upwards:
//!
//! - top: [`Nexus`], its [`Builder`], [`operations`], and [`store`], the sum of the store ports;
//! - use cases: [`ingest`], [`run`], [`search`], and the [`gateway`] that alone holds models and embedders;
//! - domains, each with its types, its pure rules and its port: [`document`], [`corpus`], [`retrieve`], [`grounding`],
//!   [`llm`], [`cache`], [`policy`], [`access`], [`admin`], [`audit`], [`session`], [`speech`], [`quota`], [`price`], [`ledger`],
//!   [`retention`], [`transfer`];
//! - ground: [`error`], [`escape`], [`id`], [`principal`], [`owner`], [`clock`], [`language`], [`money`], [`page`], [`usage`], [`hex`].

/// Makes a method public for tests, and for this crate otherwise: the way to a [`TenantId`] that no decision went before.
macro_rules! public_in_tests {
    ($(#[$meta:meta])* fn $($rest:tt)*) => {
        #[cfg(feature = "testing")]
        $(#[$meta])*
        pub fn $($rest)*

        #[cfg(not(feature = "testing"))]
        $(#[$meta])*
        pub(crate) fn $($rest)*
    };
}
pub(crate) use public_in_tests;

pub mod access;
pub mod admin;
pub mod ask;
pub mod audit;
mod builder;
pub mod cache;
pub mod clock;
pub mod corpus;
mod dates;
pub mod document;
mod engine;
pub mod error;
pub mod escape;
pub mod gateway;
pub mod grounding;
pub mod hex;
pub mod id;
pub mod ingest;
pub mod language;
pub mod ledger;
pub mod llm;
pub mod money;
mod nexus;
pub mod operations;
pub mod owner;
pub mod page;
pub mod policy;
pub mod price;
pub mod principal;
pub mod quota;
pub mod retention;
pub mod retrieve;
pub mod run;
pub mod search;
pub mod session;
pub mod speech;
pub mod stats;
pub mod store;
mod store_retry;
pub mod system;
mod task_group;
pub mod transfer;
pub mod usage;

pub use builder::Builder;
pub use clock::{Clock, SystemClock, Timestamp, check_clock};
pub use engine::Settings;
pub use error::{Error, ErrorKind, Result};
pub use id::{
    CorpusId, DocumentId, GrantId, IdSource, JobId, ModelId, OrganisationId, OwnerId, RequestId, RunId,
    SessionId, SubjectId, UuidV7,
};
pub use money::NanoUsd;
pub use nexus::{LimitStatus, Nexus, ResourceAddress, ResourceList, Status, Versioned};
pub use page::{Page, invalid_cursor};
pub use principal::{Authentication, Principal, TenantId};
pub use search::Search;
pub use store::Store;
pub use usage::Usage;
