//! The data directory: what it holds before anything is written to it, the marker that says whose it is, and the removal
//! of files that no record refers to.
//!
//! INVARIANT: a file is removed only if its name has a shape that this crate alone gives, in a directory that the marker
//! says is a store's, and no symbolic link stands between the two.

mod claim;
mod database;
mod file_names;
mod marker;
mod no_follow;
mod state;
mod sweep;

pub(crate) use claim::{Claimed, check_marker, claim, mark};
pub(crate) use database::peek;
pub(crate) use file_names::{is_cancel_request, is_hash, is_index_file};
pub(crate) use marker::Marker;
pub(crate) use no_follow::{is_link, is_real_dir, remove_file};
pub(crate) use state::{State, inspect, linked};
pub use sweep::Swept;
pub(crate) use sweep::{Referenced, index_files, remove_index, sweep};
