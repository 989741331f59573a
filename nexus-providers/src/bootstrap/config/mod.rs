//! The user's configuration: `nexus.toml`, with the variables of the environment laid over it.
//!
//! What is accepted is obeyed: an unknown field, and a field that would be ignored, is an error.
//!
//! - `overlay`: variables over the file; `underlay`: a found `.env` below it; `sources`: what was read from where.
//! - `trust`: by which way a key may travel; `fields`: what is in force, to be shown, with the `defaults`.
//! - `provider`: `[providers.<name>]`; `routes`: `[llm]`, `[tenants.<id>]`, `[speech]`.
//! - `limits`: `[limits]`, `[shutoff]`; `patience`: `[deadlines]`, `[retry]`, `[breaker]`; `pricing`: `[pricing]`.
//! - `cache`: `[cache]`; `retention`: `[retention]`; `server`: `[server]`.
//! - `amount`: money as people write it.

mod cache;
mod defaults;
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

use super::announce::Announcements;
use super::env_file::FoundEnvFile;
use super::{Environment, Origin, Source};
use crate::Secret;
use crate::files::{self, Unread};
use env_overrides::{KEY, PROVIDERS};
use sources::Sources;

pub use cache::CacheConfig;
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
/// The variable that names another file.
const FILE_VARIABLE: &str = "NEXUS_CONFIG";
/// The variable in which Google's own libraries look for a credentials file.
const GOOGLE_CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// How long the file, and each that it names, may be.
const MAX_BYTES: u64 = 1 << 20;

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
    /// How long records are kept.
    pub retention: RetentionConfig,
    /// Who speaks.
    pub speech: SpeechConfig,
    /// How estimates are made.
    pub estimates: Estimates,
    /// How many connections the server takes.
    pub server: ServerConfig,
    /// The providers that the file or a path names, rather than only a variable that other programs also read.
    #[serde(skip)]
    pub(super) named: BTreeSet<String>,
    /// What was read from where.
    #[serde(skip)]
    sources: Sources,
    /// The file, where there is one.
    #[serde(skip)]
    file: Option<PathBuf>,
    /// What is set, without secrets.
    #[serde(skip)]
    set: Vec<Field>,
    /// The `.env` that was found in the working directory.
    #[serde(skip)]
    found: Option<FoundEnvFile>,
    /// Who is told that a key of that file is used.
    #[serde(skip)]
    pub(super) announcements: Announcements,
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
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_QUOTAS` when it is not what it
    /// should be, and with `CONFIG_UNREADABLE` when a file that is named is not there or cannot be read.
    pub fn read(file: Option<&Path>, directory: &Path, env: &Environment) -> Result<Self> {
        let named = file.map(Path::to_owned).or_else(|| env.path(FILE_VARIABLE));
        let path = named.clone().unwrap_or_else(|| directory.join(FILE));
        let read = read_text(&path)?;
        let is_there = read.is_some();
        let text = match read {
            Some(text) => text,
            None if named.is_none() => String::new(),
            None => return Err(unreadable(&path, "is not there")),
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

    /// What the text of a file means, with `env` laid over it. Reads no other file.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_SETTING`.
    pub fn parse(text: &str, env: &Environment) -> Result<Self> {
        Self::parse_from(text, &Origin::ConfigFile(FILE.into()), env)
    }

    fn parse_from(text: &str, origin: &Origin, env: &Environment) -> Result<Self> {
        let in_file = |error: &toml::de::Error| understood("the configuration file", error);
        let mut table: Table = toml::from_str(text).map_err(|error| in_file(&error))?;
        // By itself first, so that what is wrong with the file is not blamed on the variables.
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
            .map_err(|error| understood("what the variables set over the configuration file", &error))?;
        (config.named, config.sources, config.set, config.found) = (named, sources, set, found);
        config.take_variables(env)?;
        config.check()?;
        Ok(config)
    }

    /// Takes what other variables hold that a provider names or that its type has: keys and credentials.
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
                // Relative to the process, as Google's own libraries read it.
                provider.credentials_file = Some(std::path::absolute(&file).unwrap_or(file.clone()));
                let path = [PROVIDERS, &name, "credentials_file"];
                self.say(&path, &file.to_string_lossy(), GOOGLE_CREDENTIALS, env);
            }
        }
        Ok(())
    }

    /// Notes that the field at `path` is from a variable that no overlay knows.
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
                let json = read_text(&path)?.ok_or_else(|| unreadable(&path, "is not there"));
                let json =
                    json.map_err(|error| error.hint("`quotas_file` in the tenant's section names it"))?;
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
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` or `INVALID_PRICE`.
    pub fn gateway_settings(&self) -> Result<GatewaySettings> {
        let mut settings = GatewaySettings::with_builtin_prices()?;
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

    /// The configuration file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What the user should know of a `.env` that was found: what of it is ignored, with a hint.
    pub fn warnings(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.found.iter().flat_map(|found| {
            let path = found.path.display();
            let unread = found.unread.as_ref().map(|why| {
                (format!("`{path}` {why}, and is ignored"), "`--no-env-file` leaves it unread without a word")
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

    /// Has `tell` told each key of a found `.env` before it is first used, as in `openai, key a1b2c3 from ./.env`.
    #[must_use]
    pub fn announcing(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { announcements: Announcements::new(tell), ..self }
    }

    /// Everything that must not be seen, for [`Redactor::hide`](super::Redactor::hide).
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let found = self.found.iter().flat_map(FoundEnvFile::keys);
        self.providers.values().flat_map(|provider| [&provider.key, &provider.proxy]).flatten().chain(found)
    }
}

/// The user's configuration directory: `$NEXUS_CONFIG_DIR`, else `$XDG_CONFIG_HOME/nexus`, else
/// `$HOME/.config/nexus`. It need not exist.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `NO_CONFIG_DIR` when none of the three is set.
pub fn config_dir(env: &Environment) -> Result<PathBuf> {
    env.path("NEXUS_CONFIG_DIR")
        // A relative one means nothing, says its specification; it would be the working directory's.
        .or_else(|| env.path("XDG_CONFIG_HOME").filter(|xdg| xdg.is_absolute()).map(|xdg| xdg.join("nexus")))
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

/// The text of a file within the bound; nothing where there is none.
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

/// A settings file of the user's that cannot be read is a mistake in what the user named, like its content.
fn unreadable(path: &Path, why: &str) -> Error {
    Error::invalid(format!("`{}` {why}", path.display()))
        .code("CONFIG_UNREADABLE")
        .hint("write it and make it readable, or name another with `--config` or `NEXUS_CONFIG`")
}
