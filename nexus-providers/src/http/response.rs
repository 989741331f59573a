//! Body of a response, read within size limits.

use nexus_core::llm::ProviderErrorKind;
use nexus_core::{Error, Result};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::Vendor;
use super::client::Limits;
use super::error_response::{Classify, ErrorResponse};

/// Size limit of an error response, in bytes.
const REFUSAL: usize = 64 << 10;

/// Response whose head has arrived. Dropping it before its end closes the connection.
#[derive(Debug)]
pub(crate) struct VendorResponse {
    vendor: Vendor,
    response: Response,
    limits: Limits,
    read: usize,
}

impl VendorResponse {
    pub(super) fn new(vendor: Vendor, response: Response, limits: Limits) -> Self {
        Self { vendor, response, limits, read: 0 }
    }

    /// Returns itself if its status is 2xx, else its error.
    pub(super) async fn accepted(mut self, classify: Classify) -> Result<Self> {
        let status = self.response.status();
        if status.is_success() {
            return Ok(self);
        }
        let mut body = Vec::new();
        // A truncated body still has its beginning.
        while let Ok(Some(bytes)) = self.response.chunk().await {
            body.extend(bytes.iter().take(REFUSAL - body.len()));
            if body.len() >= REFUSAL {
                break;
            }
        }
        Err(ErrorResponse::new(status, &body).into_error_with(
            &self.vendor,
            classify,
            self.response.headers(),
        ))
    }

    /// Returns the vendor, for errors.
    pub(crate) fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// Whether the content type is `mime`.
    pub(crate) fn is(&self, mime: &str) -> bool {
        let stated = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let stated = stated.and_then(|stated| stated.split(';').next()).unwrap_or_default();
        stated.trim().eq_ignore_ascii_case(mime)
    }

    /// Returns the next bytes of a stream, `None` at its end.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Truncated`] when it breaks off; [`ProviderErrorKind::Protocol`] beyond the size limit.
    pub(super) async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        self.next(self.limits.stream).await
    }

    /// Reads the body.
    ///
    /// # Errors
    /// As [`VendorResponse::chunk`].
    pub(crate) async fn bytes(mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(bytes) = self.next(self.limits.body).await? {
            body.extend_from_slice(bytes.as_ref());
        }
        Ok(body)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// As [`VendorResponse::chunk`]; [`ProviderErrorKind::Protocol`] for JSON of another shape.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let vendor = self.vendor.clone();
        vendor.parse(&self.bytes().await?)
    }

    async fn next(&mut self, limit: usize) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        let Some(bytes) = self.response.chunk().await.map_err(|error| self.vendor.cut(error))? else {
            return Ok(None);
        };
        self.read = self.read.saturating_add(bytes.len());
        if self.read > limit {
            return Err(self.too_long(limit));
        }
        Ok(Some(bytes))
    }

    fn too_long(&self, limit: usize) -> Error {
        self.vendor
            .error(ProviderErrorKind::Protocol)
            .with("because", "the response exceeds the size limit")
            .with("limit_bytes", limit)
    }
}
