//! Endpoint of a vendor: [`Endpoint`], an address with the headers of every request.

use nexus_core::{Error, Result};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;

use super::error_response::Classify;
use super::{HttpClient, Secret, Vendor, VendorResponse};

/// Address of a vendor, its headers, and its error classes. A clone is cheap, for headers of one request.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    client: HttpClient,
    vendor: Vendor,
    base: Url,
    headers: HeaderMap,
    classify: Classify,
}

impl Endpoint {
    /// Creates the endpoint of the provider `name` at `base`, to which paths are appended. `classify` maps the errors
    /// that only this vendor's codes or messages tell; the others follow from the status.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_URL` for an address that is not HTTP, or
    /// that holds a password, a query or a fragment.
    pub(crate) fn new(client: &HttpClient, name: &str, base: &str, classify: Classify) -> Result<Self> {
        // The address is omitted, since it may hold a password.
        let unfit = |what: &str| {
            Error::invalid(format!("the address of `{name}` {what}"))
                .with_code("PROVIDER_URL")
                .with_hint("write it like `https://models.example/v1`, and set the key separately")
        };
        let base = Url::parse(base.trim().trim_end_matches('/')).map_err(|_| unfit("is not a URL"))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(unfit("is not an HTTP URL"));
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

    /// Adds a header to every request.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_HEADER` for an invalid header value.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Error::invalid(format!("the header `{name}` cannot carry its value")).with_code("PROVIDER_HEADER")
        })?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Adds a secret, after `prefix`, as a header of every request, and redacts it in every error.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for an invalid header value.
    pub(crate) fn with_secret(mut self, name: &'static str, prefix: &str, secret: &Secret) -> Result<Self> {
        self.headers.insert(HeaderName::from_static(name), secret.header(prefix)?);
        self.vendor = self.vendor.with_secret(secret.clone());
        Ok(self)
    }

    /// Returns the vendor, for errors.
    pub(crate) fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// Returns the size limit of a frame of a streamed response.
    pub(crate) fn max_frame_bytes(&self) -> usize {
        self.client.limits.frame
    }

    /// Sends `body` as JSON and returns the response once its status is 2xx. `accept` is the preferred media type.
    ///
    /// # Errors
    /// As [`ProviderErrorKind::error`](nexus_core::llm::ProviderErrorKind::error) builds them.
    pub(crate) async fn post<T: Serialize + ?Sized>(
        &self,
        path: &str,
        accept: &'static str,
        body: &T,
    ) -> Result<VendorResponse> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::unexpected("cannot serialise the request").because(error))?;
        self.send(Method::POST, path, accept, body).await
    }

    /// Sends `form`, already encoded, as [`Endpoint::post`] does, with the content type of the endpoint.
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
            Error::unexpected("cannot append the path to the provider's address").because(error)
        })?;
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let answer = self.client.send(&self.vendor, method, url, headers, body).await?;
        answer.accepted(self.classify).await
    }
}
