//! Credentials of Vertex AI: access tokens of Google Cloud, from a [`TokenSource`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use gcp_auth::TokenProvider;
use nexus_core::llm::ProviderErrorKind;
use nexus_core::{Error, Result};

use super::oauth::{Grant, SCOPE};
use crate::files::{self, Unread};
use crate::http::{HttpClient, Secret};

/// Credentials file of `gcloud auth application-default login`, below the home directory.
const USER_FILE: &str = ".config/gcloud/application_default_credentials.json";

/// Size limit of a credentials file. The key of a service account has about 2.5 KB.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Source of access tokens of Google Cloud.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// Returns a valid token. Each request calls it, so a source caches its token.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Authentication`] without valid credentials, [`ProviderErrorKind::Connection`] where the
    /// token endpoint is not reached.
    async fn token(&self) -> Result<Secret>;
}

/// Application default credentials, found and used as Google's own libraries do.
///
/// The tokens of a file are requested over the provider's own client, with its certificate authorities and its proxy.
/// The metadata server of a machine in Google Cloud is queried without either: it serves plain HTTP on that machine
/// only.
#[derive(Clone, Debug)]
pub struct GoogleCredentials(Kind);

#[derive(Clone)]
enum Kind {
    File(Arc<Grant>),
    /// Credentials of the machine, or of `gcloud`.
    Found(Arc<dyn TokenProvider>),
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(grant) => grant.fmt(f),
            Self::Found(_) => f.write_str("found"),
        }
    }
}

impl GoogleCredentials {
    /// Finds credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the file of `gcloud auth
    /// application-default login`, the metadata server of the machine, or `gcloud` itself.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Authentication`] where none are found; as [`GoogleCredentials::of_file`] for an invalid
    /// file.
    pub async fn find(client: &HttpClient) -> Result<Self> {
        let named = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
        let left = || std::env::home_dir().map(|home| home.join(USER_FILE)).filter(|file| file.is_file());
        if let Some(file) = named.or_else(left) {
            return Self::of_path(client, &file);
        }
        let provider = gcp_auth::provider().await.map_err(|error| {
            ProviderErrorKind::Authentication
                .error("cannot find credentials for Google Cloud")
                .with_hint(
                    "run `gcloud auth application-default login`, or set `GOOGLE_APPLICATION_CREDENTIALS`",
                )
                .because(error)
        })?;
        Ok(Self(Kind::Found(provider)))
    }

    /// Reads the credentials file at `path`.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `GOOGLE_SERVICE_ACCOUNT` for a file that cannot be
    /// read or exceeds the size limit; as [`GoogleCredentials::of_file`] for an invalid one.
    pub(crate) fn of_path(client: &HttpClient, path: &Path) -> Result<Self> {
        let json = files::read_named(path, MAX_FILE_BYTES).map_err(|unread| {
            let why = unread.reason(MAX_FILE_BYTES);
            let error =
                Error::invalid(format!("`{}` {why}", path.display())).with_code("GOOGLE_SERVICE_ACCOUNT");
            let error = error
                .with_hint("`credentials_file` of the provider or `GOOGLE_APPLICATION_CREDENTIALS` names it");
            if let Unread::Failed(cause) = unread { error.because(cause) } else { error }
        })?;
        Self::of_file(client, &Secret::new(String::from_utf8_lossy(&json).into_owned()))
    }

    /// Parses a credentials file: the key of a service account, or the file of `gcloud auth application-default
    /// login`.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `GOOGLE_SERVICE_ACCOUNT` for any other JSON.
    pub fn of_file(client: &HttpClient, json: &Secret) -> Result<Self> {
        Ok(Self(Kind::File(Arc::new(Grant::of_file(client, json)?))))
    }
}

#[async_trait]
impl TokenSource for GoogleCredentials {
    async fn token(&self) -> Result<Secret> {
        match &self.0 {
            Kind::File(grant) => grant.token().await,
            Kind::Found(provider) => match provider.token(&[SCOPE]).await {
                Ok(token) => Ok(Secret::new(token.as_str())),
                Err(error) => {
                    Err(fault(&error).error("cannot get an access token from Google Cloud").because(error))
                }
            },
        }
    }
}

/// Maps an error of the token source; only a rejection has no more specific variant.
fn fault(error: &gcp_auth::Error) -> ProviderErrorKind {
    match error {
        gcp_auth::Error::NoAuthMethod(..) | gcp_auth::Error::Str(_) => ProviderErrorKind::Authentication,
        gcp_auth::Error::Json(..) => ProviderErrorKind::Protocol,
        gcp_auth::Error::Http(..) | gcp_auth::Error::Io(..) | gcp_auth::Error::Other(..) => {
            ProviderErrorKind::Connection
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpOptions;

    #[test]
    fn a_file_without_an_end_is_read_to_a_bound() {
        let client = HttpClient::new(&HttpOptions::default()).unwrap();
        let error = GoogleCredentials::of_path(&client, Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.message(), "`/dev/zero` has more than 256 KiB");
        assert_eq!(error.code(), "GOOGLE_SERVICE_ACCOUNT");
    }

    #[test]
    fn a_file_that_grants_nothing_is_refused_without_being_shown() {
        let client = HttpClient::new(&HttpOptions::default()).unwrap();
        for unfit in [
            r#"{"private_key": "swordfish"}"#,
            r#"{"type": "external_account", "token_url": "swordfish"}"#,
            r#"{"type": "service_account", "private_key": "swordfish", "client_email": "a", "token_uri": "http://b"}"#,
            "swordfish",
        ] {
            let error = GoogleCredentials::of_file(&client, &Secret::new(unfit)).unwrap_err();
            assert_eq!(error.code(), "GOOGLE_SERVICE_ACCOUNT", "{unfit}");
            assert!(!error.report().contains("swordfish"));
        }
    }
}
