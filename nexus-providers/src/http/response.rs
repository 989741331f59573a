//! The body of an answer, read within limits.

use nexus_core::llm::ProviderErrorKind;
use nexus_core::{Error, Result};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::Vendor;
use super::client::Limits;
use super::error_response::{Classify, ErrorResponse};

/// How much of a refusal is read.
const REFUSAL: usize = 64 << 10;

/// An answer whose head is here. Dropping it closes the connection, unless it was read to its end.
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

    /// Itself if its status is 2xx, else the error that it is.
    pub(super) async fn accepted(mut self, classify: Classify) -> Result<Self> {
        let status = self.response.status();
        if status.is_success() {
            return Ok(self);
        }
        let mut body = Vec::new();
        // What came before a refusal was cut is worth more than the cut.
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

    /// Whose answer it is.
    pub(crate) fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// Whether the answer says that it is of the media type `mime`.
    pub(crate) fn is(&self, mime: &str) -> bool {
        let stated = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let stated = stated.and_then(|stated| stated.split(';').next()).unwrap_or_default();
        stated.trim().eq_ignore_ascii_case(mime)
    }

    /// The next bytes of a stream, or nothing at its end.
    ///
    /// # Errors
    /// [`Fault::Truncated`] when it breaks off; [`Fault::Protocol`] when it is too long.
    pub(super) async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        self.next(self.limits.stream).await
    }

    /// The whole body.
    ///
    /// # Errors
    /// As a stream's.
    pub(crate) async fn bytes(mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(bytes) = self.next(self.limits.body).await? {
            body.extend_from_slice(bytes.as_ref());
        }
        Ok(body)
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// As a stream's; [`Fault::Protocol`] when it is not JSON of this shape.
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
            .with("because", "the answer is too long")
            .with("limit_bytes", limit)
    }
}
