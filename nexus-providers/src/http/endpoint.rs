//! Where a vendor is: [`Endpoint`], an address with the headers that go with every request.

use nexus_core::{Error, Result};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;

use super::error_response::Classify;
use super::{HttpClient, Secret, Vendor, VendorResponse};

/// A vendor's address, its headers, and how its refusals read. Cheap to clone, for headers of one request.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    client: HttpClient,
    vendor: Vendor,
    base: Url,
    headers: HeaderMap,
    classify: Classify,
}

impl Endpoint {
    /// The endpoint of the provider `name` at `base`, to which paths are appended. `classify` tells the faults that
    /// only this vendor's words or codes tell; the rest follows from the status.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_URL` for an address that is not HTTP, or
    /// that holds a password, a query or a fragment.
    pub(crate) fn new(client: &HttpClient, name: &str, base: &str, classify: Classify) -> Result<Self> {
        // The address is not repeated: it may hold a password.
        let unfit = |what: &str| {
            Error::invalid(format!("the address of `{name}` {what}"))
                .code("PROVIDER_URL")
                .hint("write it like `https://models.example/v1`, and the key where keys belong")
        };
        let base = Url::parse(base.trim().trim_end_matches('/')).map_err(|_| unfit("is not a URL"))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(unfit("is not one of HTTP"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(unfit("holds a user's name or password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(unfit("holds a query or a fragment"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self { client: client.clone(), vendor: Vendor::new(name), base, headers, classify })
    }

    /// The same with a header on every request.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_HEADER` for a value that no header carries.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Error::invalid(format!("the header `{name}` cannot carry its value")).code("PROVIDER_HEADER")
        })?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// The same with a secret, after `prefix`, in a header on every request, and out of every error.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a secret that no header carries.
    pub(crate) fn with_secret(mut self, name: &'static str, prefix: &str, secret: &Secret) -> Result<Self> {
        self.headers.insert(HeaderName::from_static(name), secret.header(prefix)?);
        self.vendor = self.vendor.with_secret(secret.clone());
        Ok(self)
    }

    /// Whose endpoint it is, for errors.
    pub(crate) fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// How long a frame of a streamed answer may be, in bytes.
    pub(crate) fn max_frame_bytes(&self) -> usize {
        self.client.limits.frame
    }

    /// Sends `body` as JSON and gives the answer once its status is known to be 2xx. `accept` is the media type that
    /// is hoped for.
    ///
    /// # Errors
    /// As [`Fault::error`](nexus_core::llm::Fault::error) makes them.
    pub(crate) async fn post<T: Serialize + ?Sized>(
        &self,
        path: &str,
        accept: &'static str,
        body: &T,
    ) -> Result<VendorResponse> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::unexpected("the request cannot be written").because(error))?;
        self.send(Method::POST, path, accept, body).await
    }

    /// Sends `form`, which is encoded already, as [`Endpoint::post`] does; the content type is the endpoint's own.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub(crate) async fn post_form(&self, path: &str, form: String) -> Result<VendorResponse> {
        self.send(Method::POST, path, "application/json", form.into_bytes()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: Vec<u8>,
    ) -> Result<VendorResponse> {
        let address = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&address).map_err(|error| {
            Error::unexpected("the provider's address cannot be completed").because(error)
        })?;
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let answer = self.client.send(&self.vendor, method, url, headers, body).await?;
        answer.accepted(self.classify).await
    }
}
