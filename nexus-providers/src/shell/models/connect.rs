//! HTTP clients for providers: [`Clients`].

use std::sync::OnceLock;
use std::time::Duration;

use nexus_core::{Error, ErrorKind, Result};

use crate::shell::config::ProviderConfig;
use crate::{HttpClient, HttpOptions, Proxy};

/// The word for no proxy.
const NONE: &str = "none";

/// One client for all providers that ask for nothing special, since each reads the system's authorities; one each for
/// the others.
#[derive(Default)]
pub(super) struct Clients {
    usual: OnceLock<HttpClient>,
}

impl Clients {
    /// The client of a provider.
    pub(super) fn of(&self, config: &ProviderConfig) -> Result<HttpClient> {
        if config.connect_timeout_ms.is_none() && config.ca_file.is_none() && config.proxy.is_none() {
            if let Some(client) = self.usual.get() {
                return Ok(client.clone());
            }
            let client = HttpClient::new(&HttpOptions::default())?;
            return Ok(self.usual.get_or_init(|| client).clone());
        }
        let mut options = HttpOptions::default();
        if let Some(ms) = config.connect_timeout_ms {
            options.connect_timeout = Duration::from_millis(ms);
        }
        if let Some(file) = &config.ca_file {
            let read = std::fs::read(file).map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("`{}` cannot be read", file.display()))
                    .code("CA_CERTIFICATE")
                    .because(error)
            });
            options.ca_certificates.push(read?);
        }
        match &config.proxy {
            Some(proxy) if proxy.expose() == NONE => options.proxy = Proxy::None,
            Some(proxy) => options.proxy = Proxy::At(proxy.clone()),
            None => {}
        }
        HttpClient::new(&options)
    }
}
