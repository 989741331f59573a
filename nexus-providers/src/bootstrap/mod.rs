//! What the shells read from the machine they run on: environment variables, the user's configuration file and the
//! audit key that is made once per user; and what they keep out of their logs.
//!
//! The operating system is someone else's format like any other; core reads neither variables nor files. Everything
//! here takes the environment as an argument, so a test never changes that of its process. What a value means is
//! core's business.
//!
//! - `environment`: variables, those of a named file among them; `variables`: what each may do in a `.env` that was
//!   found by itself, which `env_file` reads; `files`: small files within bounds.
//! - `origin`: where a value was read from; `config`: `nexus.toml` with variables over it, and what came from where.
//! - `models`: who answers, embeds and speaks; `settings`: the engine's limits; `audit_key`: what records are signed with.
//! - `log`: secrets out of the logs; `announce`: what the user is told once.

mod announce;
mod audit_key;
mod config;
mod env_file;
mod environment;
mod origin;
mod providers;
mod redaction;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

pub use audit_key::{AuditKeys, audit_keys};
pub use config::{
    BreakerConfig, CacheConfig, CharsPerToken, Config, DeadlinesConfig, Estimates, Field, LimitConfig,
    LimitsConfig, LlmConfig, Network, OnExhaustion, PriceConfig, PricingConfig, ProviderConfig, ProviderKind,
    RatesConfig, RetentionConfig, RetryConfig, ServerConfig, ShutoffConfig, SpeechConfig, TenantConfig,
    TierConfig, Usd, UsdCap, config_dir, variables,
};
pub use environment::{EnvFile, Environment};
pub use origin::{Origin, Source};
pub use providers::{configured, embedder, routing, speech};
pub use redaction::{Colours, Redacting, Redactor};
pub use settings::settings_from_env;
pub use variables::variable_names;
