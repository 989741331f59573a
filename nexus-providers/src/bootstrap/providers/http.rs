//! HTTP clients of providers: [`Clients`].

use std::sync::OnceLock;
use std::time::Duration;

use nexus_core::{Error, Result};

use crate::bootstrap::config::ProviderConfig;
use crate::bootstrap::config::trust::NO_PROXY;
use crate::files;
use crate::{HttpClient, HttpOptions, Proxy};

/// Size limit of a file of certificate authorities, in bytes.
const MAX_CA_BYTES: u64 = 4 << 20;

/// HTTP clients: one shared by all providers without options, since each client reads the system's authorities, and
/// one each for the others.
#[derive(Default)]
pub(super) struct Clients {
    usual: OnceLock<HttpClient>,
}

impl Clients {
    /// Returns the client of a provider, which bypasses the proxy of the environment if it `is_direct`.
    pub(super) fn of(&self, config: &ProviderConfig, is_direct: bool) -> Result<HttpClient> {
        let asks_nothing =
            config.connect_timeout_ms.is_none() && config.ca_file.is_none() && config.proxy.is_none();
        if asks_nothing && !is_direct {
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
            let read = files::read_named(file, MAX_CA_BYTES).map_err(|unread| {
                let message = format!("`{}` {}", file.display(), unread.reason(MAX_CA_BYTES));
                Error::invalid(message)
                    .with_code("CA_CERTIFICATE")
                    .with_hint("`ca_file` of the provider names it")
            });
            options.ca_certificates.push(read?);
        }
        match &config.proxy {
            None if is_direct => options.proxy = Proxy::None,
            Some(proxy) if proxy.expose() == NO_PROXY => options.proxy = Proxy::None,
            Some(proxy) => options.proxy = Proxy::At(proxy.clone()),
            None => {}
        }
        HttpClient::new(&options)
    }
}
