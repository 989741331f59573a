//! Checks of the addresses to which a key may go: never one that only a weaker source names, and over plain HTTP only
//! where that is allowed.
//!
//! An endpoint, a proxy and a certificate authority each determine the readers of a key. A key of the environment
//! must not go to an address that only a file names, unless that file names the key as well.

use std::net::IpAddr;

use nexus_core::{Error, Result};
use reqwest::Url;

use super::env_overrides::{KEY, PROVIDERS};
use super::{Config, ProviderConfig, ProviderKind};
use crate::Secret;
use crate::bootstrap::origin::Strength;
use crate::bootstrap::{Origin, Source};
use crate::ollama::base_address;

/// Value for no proxy.
pub(in crate::bootstrap) const NO_PROXY: &str = "none";
/// Fields of a provider that determine the readers of its key, with their names in messages.
const WAYS: [(&str, &str); 3] =
    [("endpoint", "endpoint"), ("proxy", "proxy"), ("ca_file", "certificate authority")];

impl Config {
    /// Checks that the key of the provider `name` goes to no address of a weaker source than its own, and not over
    /// plain HTTP.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `WEAKER_SOURCE`, naming both sources, or with
    /// `PLAIN_HTTP`.
    pub(in crate::bootstrap) fn check_way(
        &self,
        name: &str,
        kind: ProviderKind,
        provider: &ProviderConfig,
    ) -> Result<()> {
        let Some(key) = self.key_strength(name, kind, provider) else { return Ok(()) };
        for (field, called) in WAYS {
            let source = self.sources.get(&[PROVIDERS, name, field]);
            match source.filter(|_| provider.leads_elsewhere(field)) {
                Some(source) if source.origin.strength() < key.strength => {
                    return Err(weaker(name, (field, called), source, &key));
                }
                _ => {}
            }
        }
        provider.check_plain_http(name, kind)
    }

    /// Returns the source of the key of the provider `name`.
    pub(in crate::bootstrap) fn key_source(&self, name: &str) -> Option<&Source> {
        self.sources.get(&[PROVIDERS, name, KEY])
    }

    /// Returns an error for the provider `name` without a key, which names the variable of the key and the source of
    /// the endpoint.
    pub(in crate::bootstrap) fn key_missing(
        &self,
        name: &str,
        kind: ProviderKind,
        provider: &ProviderConfig,
    ) -> Error {
        let named_by = self.sources.get(&[PROVIDERS, name, "key_env"]);
        let variable = provider.key_env.as_deref().or(kind.key_variable());
        let key = match (variable, named_by) {
            (Some(variable), Some(source)) => {
                format!("`{variable}`, which `key_env` in {source} names, is not set")
            }
            (Some(variable), None) => format!("`{variable}` is not set"),
            (None, _) => "no variable is configured for it".to_owned(),
        };
        let message = format!("the provider `{name}` has no key: {key}; {}", self.endpoint_source(name));
        let endpoint = self.sources.get(&[PROVIDERS, name, "endpoint"]);
        let in_file = |source: Option<&Source>| {
            source.is_some_and(|source| matches!(source.origin, Origin::ConfigFile(_)))
        };
        let hint = match variable {
            None => {
                format!("name the variable that holds it with `key_env` in `[providers.{name}]`, and set it")
            }
            // The key of the environment alone would be rejected, because only the file names the endpoint.
            Some(variable) if in_file(endpoint) && !in_file(named_by) => format!(
                "set `{variable}`, and write `key_env = \"{variable}\"` into `[providers.{name}]`, where the endpoint is"
            ),
            Some(variable) if named_by.is_some() => format!("set `{variable}`"),
            Some(variable) => format!("set `{variable}`, or name another variable with `key_env`"),
        };
        Error::invalid(message).with_code("PROVIDER_KEY_MISSING").with_hint(hint)
    }

    /// Returns a clause on the source of the endpoint of the provider `name`.
    pub(in crate::bootstrap) fn endpoint_source(&self, name: &str) -> String {
        match self.sources.get(&[PROVIDERS, name, "endpoint"]) {
            Some(source) => format!("its endpoint is from {source}"),
            None => "its endpoint is the default of its type".to_owned(),
        }
    }

    /// Returns the source of a provider's key; `None` where no key is sent.
    fn key_strength(&self, name: &str, kind: ProviderKind, provider: &ProviderConfig) -> Option<KeySource> {
        if kind == ProviderKind::Vertex {
            let file = self.sources.get(&[PROVIDERS, name, "credentials_file"]);
            let named = "write `credentials_file`".to_owned();
            return Some(match file {
                Some(source) => KeySource {
                    strength: source.origin.strength(),
                    called: source.to_string(),
                    named: Some(named),
                },
                None => KeySource {
                    strength: Strength::ConfigFile,
                    called: "the credentials of this machine".to_owned(),
                    named: None,
                },
            });
        }
        provider.key.as_ref().filter(|key| !key.is_empty())?;
        let source = self.key_source(name)?;
        // A source that names the variable of a key stands for the key.
        let named_by = self.sources.get(&[PROVIDERS, name, "key_env"]).map(|source| source.origin.strength());
        let strength = source.origin.strength();
        // Where the environment names the variable, it overrides `key_env` of the file.
        let variable = source.variable.as_deref().filter(|_| named_by.is_none());
        Some(KeySource {
            strength: named_by.map_or(strength, |named_by| named_by.min(strength)),
            called: source.to_string(),
            named: variable.map(|variable| format!("write `key_env = \"{variable}\"`")),
        })
    }
}

/// Source of a key.
struct KeySource {
    strength: Strength,
    /// Name of the source in messages.
    called: String,
    /// Edit of the configuration file that names the key, so that the key may go to an address of the file.
    named: Option<String>,
}

impl ProviderConfig {
    /// Whether the field `field` determines the readers of the key.
    fn leads_elsewhere(&self, field: &str) -> bool {
        match field {
            "endpoint" => self.endpoint.is_some(),
            "ca_file" => self.ca_file.is_some(),
            _ => self.proxy.as_ref().is_some_and(|proxy| proxy.expose() != NO_PROXY),
        }
    }

    /// Whether the key goes over plain HTTP to this machine, where the proxy of the environment must not read it.
    pub(in crate::bootstrap) fn has_key_over_plain_http(&self, kind: ProviderKind) -> bool {
        let has_key = self.key.as_ref().is_some_and(|key| !key.is_empty());
        has_key && self.is_plain_http(kind) && self.allow_plain_http != Some(true)
    }

    fn is_plain_http(&self, kind: ProviderKind) -> bool {
        self.endpoint(kind).is_some_and(|endpoint| endpoint.scheme() == "http")
    }

    /// Returns the endpoint, if it may be over plain HTTP.
    fn endpoint(&self, kind: ProviderKind) -> Option<Url> {
        let Some(endpoint) = self.endpoint.as_deref().map(str::trim) else {
            return kind.listens_here().then(|| Url::parse("http://localhost").ok()).flatten();
        };
        let parsed = Url::parse(endpoint).ok().filter(Url::has_host);
        // An address of Ollama may lack the scheme.
        parsed.or_else(|| base_address(endpoint).ok().and_then(|address| Url::parse(&address).ok()))
    }

    fn check_plain_http(&self, name: &str, kind: ProviderKind) -> Result<()> {
        if !self.is_plain_http(kind) || self.allow_plain_http == Some(true) {
            return Ok(());
        }
        let proxy = self.proxy.as_ref().map(Secret::expose).filter(|proxy| *proxy != NO_PROXY);
        let proxy = proxy.and_then(|proxy| Url::parse(proxy).ok());
        let stops = [self.endpoint(kind), proxy];
        match stops.iter().flatten().find(|stop| !is_this_machine(stop)) {
            None => Ok(()),
            Some(stop) => {
                let what = if kind == ProviderKind::Vertex { "token" } else { "key" };
                let host = stop.host_str().unwrap_or_default();
                let message = format!("the {what} of `{name}` would go to `{host}` over plain HTTP");
                let hint = format!(
                    "use `https://`, or write `allow_plain_http = true` into `[providers.{name}]` where others \
                     cannot listen"
                );
                Err(Error::invalid(message).with_code("PLAIN_HTTP").with_hint(hint))
            }
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn weaker(name: &str, (field, called): (&str, &str), source: &Source, key: &KeySource) -> Error {
    let message = format!(
        "the {called} of `{name}` is from {source}, which is a weaker source than that of its key, {}",
        key.called
    );
    let variable = format!("NEXUS__PROVIDERS__{name}__{field}").to_ascii_uppercase();
    let set = format!("set `{variable}` where the key is set");
    let hint = match &key.named {
        Some(named) => format!("{named} in `[providers.{name}]` if that key shall go there, or {set}"),
        None => set,
    };
    Error::invalid(message).with_code("WEAKER_SOURCE").with_hint(hint)
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
