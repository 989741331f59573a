//! Bootstrap of the programs: environment variables, the configuration file, the audit key that is created once per
//! user, and the redaction of their logs.
//!
//! Core reads neither variables nor files. Every function here takes the environment as an argument, so a test never
//! changes that of its process. The meaning of a value is core's business.
//!
//! - `environment`: variables, those of a named file included; `variables`: permissions of each in a found `.env`,
//!   which `env_file` reads; `files`: bounded reads of small files.
//! - `origin`: source of a value; `config`: `nexus.toml` with variables over it, and the source of each field.
//! - `providers`: providers of answers, embeddings and speech; `settings`: limits of the engine; `audit_key`: signing
//!   keys of audit records; `seal_key`: the key of secrets; `engine`: all of them as a builder, for which a program opens a store.
//! - `redaction`: removal of secrets from logs; `notices`: one-time messages to the user.

mod audit_key;
mod config;
mod engine;
mod env_file;
mod environment;
mod notices;
mod origin;
mod providers;
mod redaction;
mod seal_key;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

pub use audit_key::{AuditKeys, audit_keys};
pub use config::{
    AuditConfig, BreakerConfig, CacheConfig, CharsPerToken, Config, DeadlinesConfig, DocumentsConfig,
    Estimates, Field, LimitConfig, LimitsConfig, LlmConfig, Network, OnExhaustion, PriceConfig,
    PricingConfig, ProviderConfig, ProviderKind, RatesConfig, RetentionConfig, RetryConfig, ServerConfig,
    ShutoffConfig, SpeechConfig, TenantConfig, TierConfig, Usd, UsdCap, config_dir, variables,
};
pub use engine::{builder, models};
pub use environment::{EnvFile, Environment};
pub use origin::{Origin, Source};
pub use providers::{configured, embedder, routing, speech};
pub use redaction::{Colours, Redacting, Redactor};
pub use seal_key::seal_key;
pub use settings::settings;
pub use variables::variable_names;
