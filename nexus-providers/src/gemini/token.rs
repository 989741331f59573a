//! The right to use Vertex AI: access tokens of Google Cloud, from a [`TokenSource`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use gcp_auth::{CustomServiceAccount, TokenProvider};
use nexus_core::llm::Fault;
use nexus_core::{Error, Result};

use crate::wire::Secret;

/// What a token is for.
const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/cloud-platform"];

/// Gives access tokens of Google Cloud.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token that is valid now. Called for every request: a source keeps its token for as long as it is valid.
    ///
    /// # Errors
    /// Those of [`Fault::Authentication`] where there is no right, and of [`Fault::Connection`] where it cannot be asked
    /// for.
    async fn token(&self) -> Result<Secret>;
}

/// The credentials of an application, as Google's own libraries find and use them.
///
/// Tokens are asked for over a connection of their own, which knows the system's certificate authorities and no proxy.
#[derive(Clone)]
pub struct GoogleCredentials {
    provider: Arc<dyn TokenProvider>,
    kind: &'static str,
}

impl GoogleCredentials {
    /// Those that the surroundings offer: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, what
    /// `gcloud auth application-default login` left behind, the metadata server of the machine, or `gcloud` itself.
    ///
    /// # Errors
    /// [`Fault::Authentication`] where nothing is offered.
    pub async fn find() -> Result<Self> {
        let provider = gcp_auth::provider().await.map_err(|error| {
            Fault::Authentication
                .error("there are no credentials for Google Cloud")
                .hint("run `gcloud auth application-default login`, or set `GOOGLE_APPLICATION_CREDENTIALS`")
                .because(error)
        })?;
        Ok(Self { provider, kind: "found" })
    }

    /// Those of a service account, from the JSON of its key file.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `GOOGLE_SERVICE_ACCOUNT` for what is no such key.
    pub fn service_account(key: &Secret) -> Result<Self> {
        // The cause is left out: it may quote the key.
        let account = CustomServiceAccount::from_json(key.expose()).map_err(|_| {
            Error::invalid("the key of the service account cannot be read")
                .code("GOOGLE_SERVICE_ACCOUNT")
                .hint("it is the JSON file that Google Cloud offers once, when the key is made")
        })?;
        Ok(Self { provider: Arc::new(account), kind: "service account" })
    }
}

impl fmt::Debug for GoogleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoogleCredentials").field(&self.kind).finish()
    }
}

#[async_trait]
impl TokenSource for GoogleCredentials {
    async fn token(&self) -> Result<Secret> {
        match self.provider.token(&SCOPES).await {
            Ok(token) => Ok(Secret::new(token.as_str())),
            Err(error) => Err(fault(&error).error("Google Cloud gave no access token").because(error)),
        }
    }
}

/// A refusal says nothing but that it is one; everything else did not come to that.
fn fault(error: &gcp_auth::Error) -> Fault {
    match error {
        gcp_auth::Error::NoAuthMethod(..) | gcp_auth::Error::Str(_) => Fault::Authentication,
        gcp_auth::Error::Json(..) => Fault::Protocol,
        gcp_auth::Error::Http(..) | gcp_auth::Error::Io(..) | gcp_auth::Error::Other(..) => Fault::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        let error =
            GoogleCredentials::service_account(&Secret::new(r#"{"private_key": "swordfish"}"#)).unwrap_err();
        assert_eq!(error.stable_code(), "GOOGLE_SERVICE_ACCOUNT");
        assert!(!error.report().contains("swordfish"));
    }
}
