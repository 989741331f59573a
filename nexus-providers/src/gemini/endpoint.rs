//! Where Gemini is reached, and with what right: [`Google`].

use std::sync::Arc;

use nexus_core::{Error, Result};
use serde::Serialize;

use super::TokenSource;
use super::error::classify;
use crate::http::{Endpoint, HttpClient, Secret, Vendor, VendorResponse};

/// Where the Gemini API is.
const BASE: &str = "https://generativelanguage.googleapis.com";

/// A service of Google's that has Gemini: the Gemini API, or Vertex AI.
#[derive(Clone, Debug)]
pub struct Google {
    endpoint: Endpoint,
    /// What stands before a model's name in paths.
    models: String,
    /// Where tokens come from; nothing where a key is a header of the endpoint.
    tokens: Option<Arc<dyn TokenSource>>,
}

impl Google {
    /// The Gemini API, with an API key.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a key that no header carries.
    pub fn with_key(client: &HttpClient, key: &Secret) -> Result<Self> {
        Self::with_key_at(client, BASE, key)
    }

    /// The Gemini API at another address, to which `/v1beta/models/…` is appended.
    ///
    /// # Errors
    /// As [`Google::with_key`]; `PROVIDER_URL` for an address that is none.
    pub fn with_key_at(client: &HttpClient, base: &str, key: &Secret) -> Result<Self> {
        let endpoint =
            Endpoint::new(client, "gemini", base, classify)?.with_secret("x-goog-api-key", "", key)?;
        Ok(Self { endpoint, models: "/v1beta/models/".to_owned(), tokens: None })
    }

    /// Vertex AI in a project and a location, such as `europe-west4`, `eu` or `global`.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `VERTEX_LOCATION` for names that no path carries.
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

    /// Vertex AI at another address, to which `/v1/projects/…` is appended.
    ///
    /// # Errors
    /// As [`Google::vertex`]; `PROVIDER_URL` for an address that is none.
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

    /// Whose errors they are.
    pub(super) fn vendor(&self) -> &Vendor {
        self.endpoint.vendor()
    }

    pub(super) fn max_frame_bytes(&self) -> usize {
        self.endpoint.max_frame_bytes()
    }

    pub(super) fn is_vertex(&self) -> bool {
        self.tokens.is_some()
    }

    /// Asks `model` to do what `verb` says.
    pub(super) async fn ask<T: Serialize + Sync>(
        &self,
        model: &str,
        verb: &str,
        accept: &'static str,
        body: &T,
    ) -> Result<VendorResponse> {
        // A model's name comes from a request, and must not lead anywhere else.
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

/// Names of projects and locations: they become part of a path, and of a host.
fn check_place(name: &str) -> Result<()> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
    if !name.is_empty() && name.chars().all(is_name) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::invalid("a project or location of Vertex AI has a name that is none")
        .code("VERTEX_LOCATION")
        .hint("a project is named like `acme-prod-1`, a location like `europe-west4`"))
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
            assert_eq!(vertex(project, location).unwrap_err().stable_code(), "VERTEX_LOCATION");
        }
    }
}
