//! Rows: one file for each table or group of tables, with its statements. No file here begins a transaction.

pub(crate) mod access;
pub(crate) mod audio;
pub(crate) mod audit;
pub(crate) mod corpus;
pub(crate) mod document;
pub(crate) mod erasure;
pub(crate) mod job;
pub(crate) mod ledger;
pub(crate) mod owner;
pub(crate) mod passage;
pub(crate) mod price;
pub(crate) mod publication;
pub(crate) mod quota;
pub(crate) mod resource;
pub(crate) mod retention;
pub(crate) mod run;
pub(crate) mod session;
pub(crate) mod settings_version;
pub(crate) mod submission;
pub(crate) mod version;
