//! Configuration: `nexus.toml`, overridden by environment variables.
//!
//! An accepted field takes effect: an unknown field, or one that would be ignored, is an error.
//!
//! - `env_overrides`: variables over the file; `underlay`: a found `.env` below it; `sources`: source of each field.
//! - `trust`: addresses to which a key may go; `fields`: effective fields for display, with the `defaults`.
//! - `provider`: `[providers.<name>]`; `routes`: `[llm]`, `[tenants.<id>]`, `[speech]`.
//! - `limits`: `[limits]`, `[shutoff]`; `timeouts`: `[deadlines]`, `[retry]`, `[breaker]`; `pricing`: `[pricing]`.
//! - `cache`: `[cache]`; `audit`: `[audit]`; `retention`: `[retention]`; `documents`: `[documents]`; `server`: `[server]`.
//! - `money`: amounts in a configuration.

mod audit;
mod cache;
mod defaults;
mod documents;
#[cfg(test)]
mod effect_tests;
pub(super) mod env_overrides;
mod fields;
mod limits;
mod money;
mod pricing;
mod provider;
mod retention;
mod routes;
mod server;
mod sources;
#[cfg(test)]
mod tests;
mod timeouts;
pub(super) mod trust;
mod underlay;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nexus_core::gateway::{GatewaySettings, TenantSettings};
use nexus_core::quota::TenantQuotas;
use nexus_core::{Error, Result};
use serde::Deserialize;
use toml::Table;

use super::env_file::FoundEnvFile;
use super::notices::Notices;
use super::{Environment, Origin, Source};
use crate::Secret;
use crate::files::{self, Unread};
use env_overrides::{KEY, PROVIDERS};
use sources::Sources;

pub use audit::AuditConfig;
pub use cache::CacheConfig;
pub use documents::DocumentsConfig;
pub use fields::{Field, variables};
pub use limits::{LimitConfig, LimitsConfig, OnExhaustion, ShutoffConfig};
pub use money::{CharsPerToken, Usd, UsdCap};
pub use pricing::{PriceConfig, PricingConfig, RatesConfig, TierConfig};
pub use provider::{ProviderConfig, ProviderKind};
pub use retention::RetentionConfig;
pub(super) use routes::leads_to;
pub use routes::{LlmConfig, SpeechConfig, TenantConfig};
pub use server::{Network, ServerConfig};
pub use timeouts::{BreakerConfig, DeadlinesConfig, RetryConfig};

const FILE: &str = "nexus.toml";
/// Variable that names another file.
const FILE_VARIABLE: &str = "NEXUS_CONFIG";
/// Variable of a credentials file in Google's own libraries.
const GOOGLE_CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Size limit of the file, and of each file that it names, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Configuration of `nexus.toml` and the variables. Every field is optional; `docs/configuration.md` lists them.
///
/// ```
/// use nexus_providers::bootstrap::{Config, Environment};
///
/// let text = r#"
///     tenant = "acme"
///     [llm]
///     primary = "openai"
///     [limits]
///     user_monthly_usd = 10
/// "#;
/// let env = Environment::from([("OPENAI_API_KEY", "sk-…"), ("NEXUS__LIMITS__INVESTIGATION_USD", "0.05")]);
/// let config = Config::parse(text, &env)?;
/// assert_eq!(config.tenant.as_deref(), Some("acme"));
/// assert_eq!(config.gateway_settings()?.limits.iter().count(), 2);
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Data directory.
    pub data: Option<PathBuf>,
    /// Tenant of the caller.
    pub tenant: Option<String>,
    /// User name of the caller.
    pub user: Option<String>,
    /// Roles of that user.
    pub roles: Vec<String>,
    /// Groups of that user.
    pub groups: Vec<String>,
    /// Providers by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Providers of answers and of embeddings.
    pub llm: LlmConfig,
    /// Settings of single tenants.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// Limits of consumption.
    pub limits: LimitsConfig,
    /// Thresholds that trip the kill switch automatically.
    pub shutoff: ShutoffConfig,
    /// Deadlines of calls.
    pub deadlines: DeadlinesConfig,
    /// Retries.
    pub retry: RetryConfig,
    /// Circuit breaker.
    pub breaker: BreakerConfig,
    /// Cache.
    pub cache: CacheConfig,
    /// Prices of models.
    pub pricing: PricingConfig,
    /// Audit records.
    pub audit: AuditConfig,
    /// Retention of records.
    pub retention: RetentionConfig,
    /// Reading of documents.
    pub documents: DocumentsConfig,
    /// Text-to-speech.
    pub speech: SpeechConfig,
    /// Estimates.
    pub estimates: Estimates,
    /// Connection limits of the server.
    pub server: ServerConfig,
    /// Providers that the file or a path names, rather than only a variable that other programs also read.
    #[serde(skip)]
    pub(super) named: BTreeSet<String>,
    /// Source of each field.
    #[serde(skip)]
    sources: Sources,
    /// Configuration file, if it exists.
    #[serde(skip)]
    file: Option<PathBuf>,
    /// Fields that are set, without secrets.
    #[serde(skip)]
    set: Vec<Field>,
    /// `.env` found in the working directory.
    #[serde(skip)]
    found: Option<FoundEnvFile>,
    /// One-time messages on keys of that file.
    #[serde(skip)]
    pub(super) notices: Notices,
}

/// Estimates for display. They never determine a charge.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Estimates {
    /// Characters per token; 4 by default.
    pub token_chars_ratio: CharsPerToken,
}

impl Config {
    /// Reads the file that `file` or `NEXUS_CONFIG` names, else `nexus.toml` in `directory` if it exists, and applies
    /// `env` over it. Files that it names are read too, relative to its own directory.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_QUOTAS` for invalid
    /// content, and with `CONFIG_UNREADABLE` when a named file does not exist or cannot be read.
    pub fn read(file: Option<&Path>, directory: &Path, env: &Environment) -> Result<Self> {
        let named = file.map(Path::to_owned).or_else(|| env.path(FILE_VARIABLE));
        let path = named.clone().unwrap_or_else(|| directory.join(FILE));
        let read = read_text(&path)?;
        let is_there = read.is_some();
        let text = match read {
            Some(text) => text,
            None if named.is_none() => String::new(),
            None => return Err(unreadable(&path, "does not exist")),
        };
        let origin = Origin::ConfigFile(path.clone());
        let mut config =
            Self::parse_from(&text, &origin, env).map_err(|error| error.with("file", path.display()))?;
        if let Some(data) = env.path("NEXUS_DATA") {
            config.say(&["data"], &data.to_string_lossy(), "NEXUS_DATA", env);
            config.data = Some(data);
        }
        config.resolve(path.parent().unwrap_or(directory))?;
        config.file = is_there.then_some(path);
        Ok(config)
    }

    /// Parses the text of a file, with `env` applied over it. Reads no other file.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_SETTING`.
    pub fn parse(text: &str, env: &Environment) -> Result<Self> {
        Self::parse_from(text, &Origin::ConfigFile(FILE.into()), env)
    }

    fn parse_from(text: &str, origin: &Origin, env: &Environment) -> Result<Self> {
        let in_file = |error: &toml::de::Error| understood("the configuration file", error);
        let mut table: Table = toml::from_str(text).map_err(|error| in_file(&error))?;
        // The file alone first, so that its errors are not attributed to the variables.
        table.clone().try_into::<Self>().map_err(|error| in_file(&error))?;
        let mut sources = Sources::of_file(&table, origin);
        let named = env_overrides::overlay(&mut table, &mut sources, env)?;
        let mut found = env.found().cloned();
        if let Some(found) = &mut found {
            underlay::underlay(&mut table, &mut sources, found);
        }
        let set = fields::of(&table, &sources);
        let mut config: Self = table
            .try_into()
            .map_err(|error| understood("the configuration with the environment variables", &error))?;
        (config.named, config.sources, config.set, config.found) = (named, sources, set, found);
        config.take_variables(env)?;
        config.check()?;
        Ok(config)
    }

    /// Reads the keys and credentials from the variables that a provider names or that its type has.
    fn take_variables(&mut self, env: &Environment) -> Result<()> {
        let names: Vec<String> = self.providers.keys().cloned().collect();
        for name in names {
            let Some(provider) = self.providers.get_mut(&name) else { continue };
            if let Some(variable) = provider.key_env.clone() {
                provider.key = env.text(&variable)?.map(Secret::new);
                if let Some(key) = provider.key.clone() {
                    self.say(&[PROVIDERS, &name, KEY], &key.fingerprint(), &variable, env);
                }
            } else if provider.kind(&name).ok() == Some(ProviderKind::Vertex)
                && provider.credentials_file.is_none()
                && let Some(file) = env.path(GOOGLE_CREDENTIALS)
            {
                // Relative to the process, as in Google's own libraries.
                provider.credentials_file = Some(std::path::absolute(&file).unwrap_or(file.clone()));
                let path = [PROVIDERS, &name, "credentials_file"];
                self.say(&path, &file.to_string_lossy(), GOOGLE_CREDENTIALS, env);
            }
        }
        Ok(())
    }

    /// Records a variable outside the overrides as the source of the field at `path`.
    fn say(&mut self, path: &[&str], shown: &str, variable: &str, env: &Environment) {
        let origin = env.origin(variable).cloned().unwrap_or(Origin::Environment);
        let source = Source { origin, variable: Some(variable.to_owned()) };
        self.sources.set(path, &shown.into(), &source);
        fields::replace(&mut self.set, Field { path: path.join("."), value: shown.into(), source });
    }

    fn check(&self) -> Result<()> {
        self.providers.iter().try_for_each(|(name, provider)| provider.check(name))?;
        for (tenant, settings) in &self.tenants {
            nexus_core::id::check_id("tenant", tenant)?;
            if settings.quotas.is_some() && settings.quotas_file.is_some() {
                return Err(invalid(format!("the tenant `{tenant}` has both `quotas` and `quotas_file`")));
            }
        }
        if self.cache.semantic_threshold.is_some() && self.llm.embedder.is_none() {
            return Err(invalid(
                "`cache.semantic_threshold` needs an embedder, and `llm.embedder` is not set",
            ));
        }
        self.gateway_settings().map(|_| ())
    }

    /// Reads the files of tenants' quotas, and resolves the paths of others against `directory`.
    fn resolve(&mut self, directory: &Path) -> Result<()> {
        for settings in self.tenants.values_mut() {
            if let Some(file) = settings.quotas_file.take() {
                let path = directory.join(file);
                let json = read_text(&path)?.ok_or_else(|| unreadable(&path, "does not exist"));
                let json =
                    json.map_err(|error| error.with_hint("`quotas_file` in the tenant's section names it"))?;
                settings.quotas = Some(TenantQuotas::parse(&json)?);
            }
        }
        for provider in self.providers.values_mut() {
            for file in [&mut provider.ca_file, &mut provider.credentials_file].into_iter().flatten() {
                *file = directory.join(&*file);
            }
        }
        Ok(())
    }

    /// Returns the settings of the gateway.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_PRICE`.
    pub fn gateway_settings(&self) -> Result<GatewaySettings> {
        let mut settings = GatewaySettings::with_builtin_prices()?;
        settings.deadlines = self.deadlines.deadlines();
        settings.retry = self.retry.policy();
        settings.breaker = self.breaker.policy();
        settings.cache = self.cache.settings();
        settings.max_tokens = self.llm.max_tokens.map_or(settings.max_tokens, std::num::NonZeroU32::get);
        settings.prices = self.pricing.table(&self.providers)?;
        settings.limits = self.limits.limits()?;
        settings.rate_window_seconds = self.limits.rate_window();
        settings.auto_trip = self.shutoff.rule()?;
        settings.investigation = self.limits.investigation_policy.into();
        settings.zone = self.limits.zone.clone();
        for (tenant, config) in &self.tenants {
            settings.tenants.insert(tenant.clone(), self.tenant(config)?);
        }
        Ok(settings)
    }

    fn tenant(&self, config: &TenantConfig) -> Result<TenantSettings> {
        let quotas = config.quotas.clone().unwrap_or_default();
        let mut limits = quotas.limits(self.limits.rate_window());
        for limit in &config.limits {
            limits.push(limit.limit()?);
        }
        Ok(TenantSettings { limits, cost_units: quotas.cost_units(), distillation: config.distillation })
    }

    /// Returns the configuration file, if it exists.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns warnings of ignored variables in a found `.env`, each with a hint.
    pub fn warnings(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.found.iter().flat_map(|found| {
            let path = found.path.display();
            let unread = found.unread.as_ref().map(|why| {
                (format!("`{path}` {why}, and is ignored"), "`--no-env-file` skips it without this warning")
            });
            let ignored = found.ignored.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let ignored = (!ignored.is_empty()).then(|| {
                (
                    format!("`{path}` was found, not named, so these variables in it are ignored: {ignored}"),
                    "a found `.env` sets only vendors' keys and models, and `LLM_PROVIDER` beside its key; \
                     if you trust the file, name it with `--env-file` or `NEXUS_ENV_FILE`",
                )
            });
            [unread, ignored].into_iter().flatten()
        })
    }

    /// Announces through `tell` each key of a found `.env` before its first use, as in `openai, key a1b2c3 from
    /// ./.env`.
    #[must_use]
    pub fn announcing(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { notices: Notices::new(tell), ..self }
    }

    /// Returns the secrets of the configuration, for [`Redactor::hide`](super::Redactor::hide).
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let found = self.found.iter().flat_map(FoundEnvFile::keys);
        self.providers.values().flat_map(|provider| [&provider.key, &provider.proxy]).flatten().chain(found)
    }
}

/// Returns the user's configuration directory: `$NEXUS_CONFIG_DIR`, else `$XDG_CONFIG_HOME/nexus`, else
/// `$HOME/.config/nexus`. It need not exist.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `NO_CONFIG_DIR` when none of the three is set.
pub fn config_dir(env: &Environment) -> Result<PathBuf> {
    env.path("NEXUS_CONFIG_DIR")
        // The XDG specification ignores a relative path, which would depend on the working directory.
        .or_else(|| env.path("XDG_CONFIG_HOME").filter(|xdg| xdg.is_absolute()).map(|xdg| xdg.join("nexus")))
        .or_else(|| env.path("HOME").map(|home| home.join(".config").join("nexus")))
        .ok_or_else(|| {
            Error::invalid("there is no configuration directory, because `HOME` is not set")
                .with_code("NO_CONFIG_DIR")
                .with_hint("set `NEXUS_CONFIG_DIR`")
        })
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).with_code("INVALID_CONFIG")
}

/// Returns a parse error on one line, without the source line, which may hold a secret.
fn understood(what: &str, error: &toml::de::Error) -> Error {
    let place = error.to_string();
    let place = place.lines().find_map(|line| line.strip_prefix("in ")).map(|place| format!(" in {place}"));
    invalid(format!("cannot parse {what}: {}{}", error.message(), place.unwrap_or_default()))
        .with_hint("`docs/configuration.md` lists every field")
}

/// Reads a file within the size limit; `None` if it does not exist.
fn read_text(path: &Path) -> Result<Option<String>> {
    match files::read_named(path, MAX_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| unreadable(path, "is not UTF-8")),
        Err(Unread::Missing) => Ok(None),
        Err(Unread::Failed(cause)) => Err(unreadable(path, "cannot be read").because(cause)),
        Err(unread @ (Unread::NotAFile | Unread::TooLarge)) => {
            Err(unreadable(path, &unread.reason(MAX_BYTES)))
        }
    }
}

/// Returns an error for an unreadable file, as invalid as the content of a file that the user named.
fn unreadable(path: &Path, why: &str) -> Error {
    Error::invalid(format!("`{}` {why}", path.display()))
        .with_code("CONFIG_UNREADABLE")
        .with_hint("write it and make it readable, or name another with `--config` or `NEXUS_CONFIG`")
}
