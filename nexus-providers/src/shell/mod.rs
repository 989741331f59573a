//! What the shells read from the machine they run on: environment variables, the user's configuration file and the
//! audit key that is made once per user.
//!
//! The operating system is someone else's format like any other; core reads neither variables nor files. Everything
//! here takes the environment as an argument, so a test never changes that of its process. What a value means is
//! core's business.

mod audit_key;
mod config;
mod environment;
mod settings;
#[cfg(test)]
mod tests;

pub use audit_key::{AuditKeys, audit_keys};
pub use config::{Config, config_dir};
pub use environment::Environment;
pub use settings::settings_from_env;
