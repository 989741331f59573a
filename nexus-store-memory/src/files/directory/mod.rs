//! Data directory: inspection before the first write, the marker that identifies its store, and the removal of
//! unreferenced files.
//!
//! INVARIANT: a file is removed only if its name has a pattern of this crate alone, in a directory that a marker
//! identifies as a store's, and no symbolic link stands between the two.

mod claim;
mod database;
mod file_names;
mod marker;
mod no_follow;
mod state;
mod sweep;

pub(crate) use claim::{Claimed, check_marker, claim, mark};
pub(crate) use database::{open_for_reading, peek, reader, reader_as_it_stands};
pub(crate) use file_names::{DATABASE, is_cancel_request, is_hash, is_index_file};
pub(crate) use marker::Marker;
pub(crate) use no_follow::{is_link, is_real_dir, remove_file};
pub(crate) use state::{State, inspect, linked};
pub use sweep::Swept;
pub(crate) use sweep::{Referenced, index_files, remove_index, sweep};
