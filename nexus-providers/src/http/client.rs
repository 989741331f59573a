//! HTTP client that all vendors share: [`HttpClient`], created from [`HttpOptions`].

use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use nexus_core::{Error, Result};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, NoProxy, Url, redirect, retry};

use super::{Secret, Vendor, VendorResponse, tls};

/// Idle timeout of a pooled connection.
const IDLE: Duration = Duration::from_mins(1);

/// Options of the connections to vendors, and limits on their responses.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Connect timeout, TLS included.
    pub connect_timeout: Duration,
    /// Trusted certificate authorities beside the system's, as PEM.
    pub ca_certificates: Vec<Vec<u8>>,
    /// Proxy.
    pub proxy: Proxy,
    /// Size limit of a unary response, in bytes.
    pub max_body_bytes: usize,
    /// Size limit of a streamed response, in bytes.
    pub max_stream_bytes: usize,
    /// Size limit of a frame of a streamed response, in bytes.
    pub max_frame_bytes: usize,
}

impl Default for HttpOptions {
    /// 5 seconds to connect, the system's authorities and proxies; 16 MiB for a unary response, 64 MiB for a streamed
    /// one, 1 MiB for a frame.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            ca_certificates: Vec::new(),
            proxy: Proxy::System,
            max_body_bytes: 16 << 20,
            max_stream_bytes: 64 << 20,
            max_frame_bytes: 1 << 20,
        }
    }
}

/// Proxy to the vendors.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    /// The proxy of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    #[default]
    System,
    /// No proxy.
    None,
    /// The proxy at this URL, which may hold a password; hosts in `NO_PROXY` are reached directly.
    At(Secret),
}

/// HTTP/1.1 client for every vendor; clones share one connection pool.
///
/// It follows no redirect and never retries. HTTP/1.1 is deliberate: a dropped response closes its connection, the
/// one cancellation that every vendor recognises.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    pub(super) limits: Limits,
    before_first_use: Option<Hook>,
}

/// Callback before the first request of a client and its clones.
#[derive(Clone)]
struct Hook {
    once: Arc<Once>,
    work: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Size limits of [`HttpOptions`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) body: usize,
    pub(super) stream: usize,
    pub(super) frame: usize,
}

impl HttpClient {
    /// Creates a client.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `CA_CERTIFICATE` or `PROXY` for invalid options.
    pub fn new(options: &HttpOptions) -> Result<Self> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls::config(&options.ca_certificates)?)
            .user_agent(concat!("nexus/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false);
        builder = match &options.proxy {
            Proxy::System => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::At(url) => builder.proxy(proxy(url)?),
        };
        let client = builder.build().map_err(|error| {
            Error::unexpected("cannot create the HTTP client").because(error.without_url())
        })?;
        let limits = Limits {
            body: options.max_body_bytes,
            stream: options.max_stream_bytes,
            frame: options.max_frame_bytes,
        };
        Ok(Self { client, limits, before_first_use: None })
    }

    /// Calls `work` before the first request of the client or a clone.
    #[must_use]
    pub fn before_first_use(self, work: impl Fn() + Send + Sync + 'static) -> Self {
        let hook = Hook { once: Arc::new(Once::new()), work: Arc::new(work) };
        Self { before_first_use: Some(hook), ..self }
    }

    /// Sends a request and waits for the head of the response. Dropping the future or the response closes the
    /// connection.
    pub(super) async fn send(
        &self,
        vendor: &Vendor,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<VendorResponse> {
        if let Some(hook) = &self.before_first_use {
            hook.once.call_once(|| (hook.work)());
        }
        let request = self.client.request(method, url).headers(headers).body(body);
        let response = request.send().await.map_err(|error| vendor.unreachable(error))?;
        Ok(VendorResponse::new(vendor.clone(), response, self.limits))
    }
}

fn proxy(url: &Secret) -> Result<reqwest::Proxy> {
    // The cause is omitted, since it may hold the URL, and the URL a password.
    reqwest::Proxy::all(url.expose()).map(|proxy| proxy.no_proxy(NoProxy::from_env())).map_err(|_| {
        Error::invalid("cannot parse the URL of the proxy")
            .with_code("PROXY")
            .with_hint("write it like `http://proxy.example:3128`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_without_a_global_cryptography_provider() {
        HttpClient::new(&HttpOptions::default()).unwrap();
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for unfit in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let options = HttpOptions { ca_certificates: vec![unfit.into()], ..HttpOptions::default() };
            assert_eq!(HttpClient::new(&options).unwrap_err().code(), "CA_CERTIFICATE", "{unfit}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_refused_and_its_password_is_never_shown() {
        let proxy = Proxy::At(Secret::new("http://user:swordfish@"));
        let options = HttpOptions { proxy, ..HttpOptions::default() };
        let error = HttpClient::new(&options).unwrap_err();
        assert_eq!(error.code(), "PROXY");
        assert!(!format!("{} {options:?}", error.report()).contains("swordfish"));
    }
}
