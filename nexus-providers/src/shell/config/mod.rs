//! The user's configuration: `nexus.toml`, with the variables of the environment laid over it.
//!
//! What is accepted is obeyed: an unknown field, and a field that would be ignored, is an error.
//!
//! - `overlay`: variables over the file.
//! - `provider`: `[providers.<name>]`; `routes`: `[llm]`, `[tenants.<id>]`, `[speech]`.
//! - `limits`: `[limits]`, `[shutoff]`; `patience`: `[deadlines]`, `[retry]`, `[breaker]`; `pricing`: `[pricing]`.
//! - `cache`: `[cache]`.
//! - `amount`: money as people write it.

mod amount;
mod cache;
mod limits;
mod overlay;
mod patience;
mod pricing;
mod provider;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use nexus_core::gateway::{GatewaySettings, TenantSettings};
use nexus_core::quota::TenantQuotas;
use nexus_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use toml::Table;

use super::Environment;
use crate::Secret;

pub use amount::{CharsPerToken, Usd, UsdCap};
pub use cache::CacheConfig;
pub use limits::{LimitConfig, LimitsConfig, OnExhaustion, ShutoffConfig};
pub use patience::{BreakerConfig, DeadlinesConfig, RetryConfig};
pub use pricing::{PriceConfig, PricingConfig, RatesConfig, TierConfig};
pub(super) use provider::key_missing;
pub use provider::{ProviderConfig, ProviderKind};
pub(super) use routes::leads_to;
pub use routes::{LlmConfig, SpeechConfig, TenantConfig};

const FILE: &str = "nexus.toml";
/// The variable that names another file.
const FILE_VARIABLE: &str = "NEXUS_CONFIG";

/// What `nexus.toml` and the variables say. All of it is optional; `docs/configuration.md` lists every field.
///
/// ```
/// use nexus_providers::shell::{Config, Environment};
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
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The tenant to act in.
    pub tenant: Option<String>,
    /// Who acts.
    pub user: Option<String>,
    /// The roles of that user.
    pub roles: Vec<String>,
    /// The groups of that user.
    pub groups: Vec<String>,
    /// Who can be asked, by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Who answers and who embeds.
    pub llm: LlmConfig,
    /// What single tenants have.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// How much may be consumed.
    pub limits: LimitsConfig,
    /// When everything ends by itself.
    pub shutoff: ShutoffConfig,
    /// How long a model may take.
    pub deadlines: DeadlinesConfig,
    /// How often it is asked again.
    pub retry: RetryConfig,
    /// When it is left alone.
    pub breaker: BreakerConfig,
    /// What is kept that may serve again.
    pub cache: CacheConfig,
    /// What models cost.
    pub pricing: PricingConfig,
    /// Who speaks.
    pub speech: SpeechConfig,
    /// How estimates are made.
    pub estimates: Estimates,
    /// The providers that the file or a path names, rather than only a variable that other programs also read.
    #[serde(skip)]
    pub(super) named: BTreeSet<String>,
}

/// How estimates are made that people are shown. Nothing is ever charged by them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Estimates {
    /// How many characters a token has; 4 unless told.
    pub token_chars_ratio: CharsPerToken,
}

impl Config {
    /// Reads the file that is named, by `file` or `NEXUS_CONFIG`, else `nexus.toml` in `directory` if it is there, and
    /// lays `env` over it. Files that it names are read too, relative to its own directory.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_QUOTAS` when it is not what it
    /// should be; [`Unavailable`](ErrorKind::Unavailable) when a file cannot be read.
    pub fn read(file: Option<&Path>, directory: &Path, env: &Environment) -> Result<Self> {
        let named = file.map(Path::to_owned).or_else(|| env.path(FILE_VARIABLE));
        let path = named.clone().unwrap_or_else(|| directory.join(FILE));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound && named.is_none() => String::new(),
            Err(error) => return Err(unreadable(&path, error)),
        };
        let mut config = Self::parse(&text, env).map_err(|error| error.with("file", path.display()))?;
        config.data = env.path("NEXUS_DATA").or(config.data);
        config.resolve(path.parent().unwrap_or(directory))?;
        Ok(config)
    }

    /// What the text of a file means, with `env` laid over it. Reads no other file.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_SETTING`.
    pub fn parse(text: &str, env: &Environment) -> Result<Self> {
        let in_file = |error: &toml::de::Error| understood("the configuration file", error);
        let mut table: Table = toml::from_str(text).map_err(|error| in_file(&error))?;
        // By itself first, so that what is wrong with the file is not blamed on the variables.
        table.clone().try_into::<Self>().map_err(|error| in_file(&error))?;
        let named = overlay::overlay(&mut table, env)?;
        let mut config: Self = table
            .try_into()
            .map_err(|error| understood("what the variables set over the configuration file", &error))?;
        config.named = named;
        for provider in config.providers.values_mut() {
            if let Some(variable) = &provider.key_env {
                provider.key = env.text(variable)?.map(Secret::new);
            }
        }
        config.check()?;
        Ok(config)
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
                "`cache.semantic_threshold` compares vectors, and `llm.embedder` names nobody",
            ));
        }
        self.gateway_settings().map(|_| ())
    }

    /// Reads the files that tenants' quotas are in, and makes the paths of others absolute or relative to the process.
    fn resolve(&mut self, directory: &Path) -> Result<()> {
        for settings in self.tenants.values_mut() {
            if let Some(file) = settings.quotas_file.take() {
                let path = directory.join(file);
                let json = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
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

    /// How the boundary is to behave.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_PRICE`.
    pub fn gateway_settings(&self) -> Result<GatewaySettings> {
        let mut settings = GatewaySettings::shipped()?;
        settings.deadlines = self.deadlines.deadlines();
        settings.retry = self.retry.policy();
        settings.breaker = self.breaker.policy();
        settings.cache = self.cache.settings();
        settings.max_tokens = self.llm.max_tokens.map_or(settings.max_tokens, std::num::NonZeroU32::get);
        settings.prices = self.pricing.table()?;
        settings.limits = self.limits.limits()?;
        settings.shutoff = self.shutoff.rule()?;
        settings.investigation = self.limits.investigation_policy.into();
        settings.zone = self.limits.zone.clone();
        for (tenant, told) in &self.tenants {
            settings.tenants.insert(tenant.clone(), self.tenant(told)?);
        }
        Ok(settings)
    }

    fn tenant(&self, told: &TenantConfig) -> Result<TenantSettings> {
        let quotas = told.quotas.clone().unwrap_or_default();
        let mut limits = quotas.limits(self.limits.rate_window());
        for limit in &told.limits {
            limits.push(limit.limit()?);
        }
        Ok(TenantSettings { limits, cost_units: quotas.cost_units(), distillation: told.distillation })
    }

    /// Everything that must not be seen, for [`Redactor::hide`](super::Redactor::hide).
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.providers.values().flat_map(|provider| [&provider.key, &provider.proxy]).flatten()
    }
}

/// The user's configuration directory: `$NEXUS_CONFIG_DIR`, else `$XDG_CONFIG_HOME/nexus`, else
/// `$HOME/.config/nexus`. It need not exist.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) with `NO_CONFIG_DIR` when none of the three is set.
pub fn config_dir(env: &Environment) -> Result<PathBuf> {
    env.path("NEXUS_CONFIG_DIR")
        .or_else(|| env.path("XDG_CONFIG_HOME").map(|xdg| xdg.join("nexus")))
        .or_else(|| env.path("HOME").map(|home| home.join(".config").join("nexus")))
        .ok_or_else(|| {
            Error::invalid("there is no configuration directory, because `HOME` is not set")
                .code("NO_CONFIG_DIR")
                .hint("set `NEXUS_CONFIG_DIR`")
        })
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).code("INVALID_CONFIG")
}

/// What is wrong, on one line, without the line it is in, which may hold a secret.
fn understood(what: &str, error: &toml::de::Error) -> Error {
    let place = error.to_string();
    let place = place.lines().find_map(|line| line.strip_prefix("in ")).map(|place| format!(" in {place}"));
    invalid(format!("{what} cannot be understood: {}{}", error.message(), place.unwrap_or_default()))
        .hint("`docs/configuration.md` lists every field")
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("`{}` cannot be read", path.display()))
        .code("CONFIG_UNREADABLE")
        .hint("make it readable, or point `NEXUS_CONFIG` elsewhere")
        .because(error)
}
