//! Files of the data directory: raw documents, lock, marker and cancel requests.

pub(crate) mod blob;
pub(crate) mod cancel_requests;
pub(crate) mod directory;
pub(crate) mod file_permissions;
pub(crate) mod lock;
