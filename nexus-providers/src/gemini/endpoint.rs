//! Addresses and authentication of Gemini: [`Google`].

use std::sync::Arc;

use nexus_core::{Error, Result};
use serde::Serialize;

use super::TokenSource;
use super::error::classify;
use crate::http::{Endpoint, HttpClient, Secret, Vendor, VendorResponse};

/// Base address of the Gemini API.
const BASE: &str = "https://generativelanguage.googleapis.com";

/// Service of Google that serves Gemini: the Gemini API, or Vertex AI.
#[derive(Clone, Debug)]
pub struct Google {
    endpoint: Endpoint,
    /// Path before the model name.
    models: String,
    /// Source of access tokens; `None` where the endpoint sends an API key.
    tokens: Option<Arc<dyn TokenSource>>,
}

impl Google {
    /// Creates an endpoint of the Gemini API with an API key.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a key that no header carries.
    pub fn with_key(client: &HttpClient, key: &Secret) -> Result<Self> {
        Self::with_key_at(client, BASE, key)
    }

    /// Creates an endpoint of the Gemini API at another base address, to which `/v1beta/models/…` is appended.
    ///
    /// # Errors
    /// As [`Google::with_key`]; `PROVIDER_URL` for an invalid address.
    pub fn with_key_at(client: &HttpClient, base: &str, key: &Secret) -> Result<Self> {
        let endpoint =
            Endpoint::new(client, "gemini", base, classify)?.with_secret("x-goog-api-key", "", key)?;
        Ok(Self { endpoint, models: "/v1beta/models/".to_owned(), tokens: None })
    }

    /// Creates an endpoint of Vertex AI in a project and a location, such as `europe-west4`, `eu` or `global`.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `VERTEX_LOCATION` for an invalid project or
    /// location.
    pub fn vertex(
        client: &HttpClient,
        project: &str,
        location: &str,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self> {
        let base = match location {
            "global" => "https://aiplatform.googleapis.com".to_owned(),
            "eu" | "us" => format!("https://aiplatform.{location}.rep.googleapis.com"),
            _ => format!("https://{location}-aiplatform.googleapis.com"),
        };
        check_place(location)?;
        Self::vertex_at(client, &base, project, location, tokens)
    }

    /// Creates an endpoint of Vertex AI at another base address, to which `/v1/projects/…` is appended.
    ///
    /// # Errors
    /// As [`Google::vertex`]; `PROVIDER_URL` for an invalid address.
    pub fn vertex_at(
        client: &HttpClient,
        base: &str,
        project: &str,
        location: &str,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self> {
        check_place(project)?;
        check_place(location)?;
        let endpoint = Endpoint::new(client, "vertex", base, classify)?;
        let models = format!("/v1/projects/{project}/locations/{location}/publishers/google/models/");
        Ok(Self { endpoint, models, tokens: Some(tokens) })
    }

    /// Returns the vendor, for errors.
    pub(super) fn vendor(&self) -> &Vendor {
        self.endpoint.vendor()
    }

    pub(super) fn max_frame_bytes(&self) -> usize {
        self.endpoint.max_frame_bytes()
    }

    pub(super) fn is_vertex(&self) -> bool {
        self.tokens.is_some()
    }

    /// Sends `body` to the method `verb` of `model`.
    pub(super) async fn ask<T: Serialize + Sync>(
        &self,
        model: &str,
        verb: &str,
        accept: &'static str,
        body: &T,
    ) -> Result<VendorResponse> {
        // The model name may come from a request, and must not change the path.
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._~@+=,:".contains(c);
        if model.is_empty() || !model.chars().all(is_name) {
            return Err(self.vendor().cannot("model of this name"));
        }
        let path = format!("{}{model}:{verb}", self.models);
        match &self.tokens {
            None => self.endpoint.post(&path, accept, body).await,
            Some(tokens) => {
                let token = tokens.token().await?;
                let endpoint = self.endpoint.clone().with_secret("authorization", "Bearer ", &token)?;
                endpoint.post(&path, accept, body).await
            }
        }
    }
}

/// Checks the name of a project or location, which becomes part of a path and of a host.
fn check_place(name: &str) -> Result<()> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
    if !name.is_empty() && name.chars().all(is_name) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::invalid("the name of the Vertex AI project or location is invalid")
        .with_code("VERTEX_LOCATION")
        .with_hint("write a project like `acme-prod-1`, a location like `europe-west4`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpOptions;

    #[derive(Debug)]
    struct Fixed;

    #[async_trait::async_trait]
    impl TokenSource for Fixed {
        async fn token(&self) -> Result<Secret> {
            Ok(Secret::new("ya29.token"))
        }
    }

    fn vertex(project: &str, location: &str) -> Result<Google> {
        Google::vertex(&HttpClient::new(&HttpOptions::default())?, project, location, Arc::new(Fixed))
    }

    #[test]
    fn every_location_has_its_host() {
        for (location, host) in [
            ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
            ("global", "https://aiplatform.googleapis.com"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ] {
            let google = vertex("acme-1", location).unwrap();
            let shown = format!("{google:?}");
            let address = format!("host: Some(Domain(\"{}\"))", host.trim_start_matches("https://"));
            assert!(shown.contains(&address), "{shown}");
            let models = format!("/v1/projects/acme-1/locations/{location}/publishers/google/models/");
            assert_eq!(google.models, models);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (project, location) in [("acme/..", "eu"), ("acme", "evil.example/"), ("", "eu"), ("acme", "a?b")]
        {
            assert_eq!(vertex(project, location).unwrap_err().code(), "VERTEX_LOCATION");
        }
    }
}
