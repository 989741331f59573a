//! By which way a key may travel: never where only a weaker source says, and over plain HTTP only where that is allowed.
//!
//! An endpoint, a proxy and a certificate authority each decide who reads a key. A key that the environment has must
//! not go where only a file says, unless that file names the key as well.

use std::net::IpAddr;

use nexus_core::{Error, Result};
use reqwest::Url;

use super::overlay::{KEY, PROVIDERS};
use super::{Config, ProviderConfig, ProviderKind};
use crate::Secret;
use crate::ollama::base_address;
use crate::shell::origin::Strength;
use crate::shell::{Origin, Source};

/// The word for no proxy.
pub(in crate::shell) const NO_PROXY: &str = "none";
/// The fields of a provider that decide who reads its key, with what they are called.
const WAYS: [(&str, &str); 3] =
    [("endpoint", "endpoint"), ("proxy", "proxy"), ("ca_file", "certificate authority")];

impl Config {
    /// Checks that the key of the provider `name` goes nowhere that only a weaker source than its own says, and not
    /// over plain HTTP.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `WEAKER_SOURCE`, naming both sources, or with
    /// `PLAIN_HTTP`.
    pub(in crate::shell) fn check_way(
        &self,
        name: &str,
        kind: ProviderKind,
        provider: &ProviderConfig,
    ) -> Result<()> {
        let Some((strength, key)) = self.key_strength(name, kind, provider) else { return Ok(()) };
        for (field, called) in WAYS {
            let source = self.sources.get(&[PROVIDERS, name, field]);
            match source.filter(|_| provider.leads_elsewhere(field)) {
                Some(source) if source.origin.strength() < strength => {
                    return Err(weaker(name, called, source, &key, kind));
                }
                _ => {}
            }
        }
        provider.check_plain_http(name, kind)
    }

    /// Where the key of the provider `name` was read from.
    pub(in crate::shell) fn key_source(&self, name: &str) -> Option<&Source> {
        self.sources.get(&[PROVIDERS, name, KEY])
    }

    /// How strong the source of a provider's key is, and what it is called; nothing where no key is sent.
    fn key_strength(
        &self,
        name: &str,
        kind: ProviderKind,
        provider: &ProviderConfig,
    ) -> Option<(Strength, String)> {
        if kind == ProviderKind::Vertex {
            let file = self.sources.get(&[PROVIDERS, name, "credentials_file"]);
            return Some(match file {
                Some(source) => (source.origin.strength(), source.to_string()),
                None => (Strength::ConfigFile, "the credentials of this machine".to_owned()),
            });
        }
        provider.key.as_ref().filter(|key| !key.is_empty())?;
        let source = self.key_source(name)?;
        // A source that names the variable of a key stands for the key: it says whose key belongs there.
        let named_by = self.sources.get(&[PROVIDERS, name, "key_env"]).map(|source| source.origin.strength());
        let strength = source.origin.strength();
        Some((named_by.map_or(strength, |named_by| named_by.min(strength)), source.to_string()))
    }
}

impl ProviderConfig {
    /// Whether the field `field` decides who reads the key.
    fn leads_elsewhere(&self, field: &str) -> bool {
        match field {
            "endpoint" => self.endpoint.is_some(),
            "ca_file" => self.ca_file.is_some(),
            _ => self.proxy.as_ref().is_some_and(|proxy| proxy.expose() != NO_PROXY),
        }
    }

    /// Whether the key goes over plain HTTP to this machine, where the proxy of the environment must not read it.
    pub(in crate::shell) fn has_key_over_plain_http(&self, kind: ProviderKind) -> bool {
        let has_key = self.key.as_ref().is_some_and(|key| !key.is_empty());
        has_key && self.is_plain_http(kind) && self.allow_plain_http != Some(true)
    }

    fn is_plain_http(&self, kind: ProviderKind) -> bool {
        self.endpoint(kind).is_some_and(|endpoint| endpoint.scheme() == "http")
    }

    /// Where it is, if that may be over plain HTTP.
    fn endpoint(&self, kind: ProviderKind) -> Option<Url> {
        let Some(endpoint) = self.endpoint.as_deref().map(str::trim) else {
            return kind.listens_here().then(|| Url::parse("http://localhost").ok()).flatten();
        };
        let parsed = Url::parse(endpoint).ok().filter(Url::has_host);
        // Ollama's is written without a scheme, too.
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
                Err(Error::invalid(message).code("PLAIN_HTTP").hint(hint))
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

fn weaker(name: &str, called: &str, source: &Source, key: &str, kind: ProviderKind) -> Error {
    let message = format!(
        "the {called} of `{name}` is from {source}, which is a weaker source than that of its key, {key}"
    );
    let error = Error::invalid(message).code("WEAKER_SOURCE");
    match (&source.origin, kind.key_variable()) {
        (Origin::ConfigFile(_), Some(variable)) => error.hint(format!(
            "write `key_env = \"{variable}\"` into `[providers.{name}]` if that key shall go there"
        )),
        _ => error.hint(format!("set the {called} where the key is set")),
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
