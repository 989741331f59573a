//! OAuth access tokens for a Google credentials file, requested over the provider's own client: [`Grant`].
//!
//! A service account signs an assertion (RFC 7523), a signed-in user has a refresh token (RFC 6749, 6). Either goes
//! as a form to the token endpoint, and the access token is reused until shortly before it expires.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::lock::Mutex;
use gcp_auth::CustomServiceAccount;
use nexus_core::llm::ProviderErrorKind;
use nexus_core::{Error, Result, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{Endpoint, ErrorResponse, HttpClient, Secret};

/// OAuth scope.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Token endpoint of users' refresh tokens.
const USERS: &str = "https://oauth2.googleapis.com/token";
/// Lifetime of an assertion: the longest that Google accepts.
const ASSERTION: Duration = Duration::from_hours(1);
/// Margin before expiry at which a token is replaced, so that it does not expire in flight.
const MARGIN: Duration = Duration::from_mins(1);

/// Grant of a credentials file.
pub(super) struct Grant {
    endpoint: Endpoint,
    holder: Holder,
    kept: Mutex<Option<(Secret, Instant)>>,
}

enum Holder {
    Service { email: String, audience: String, account: Box<CustomServiceAccount> },
    User { client_id: String, client_secret: Secret, refresh_token: Secret },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        token_uri: String,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: Secret,
        refresh_token: Secret,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Given {
    access_token: Secret,
    expires_in: u64,
}

impl Grant {
    /// Reads the grant from the JSON of a credentials file.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `GOOGLE_SERVICE_ACCOUNT` for a file of another kind.
    pub(super) fn of_file(client: &HttpClient, json: &Secret) -> Result<Self> {
        // The causes are omitted, since they may quote the key.
        let (address, holder) = match serde_json::from_str(json.expose()).map_err(|_| unreadable())? {
            File::ServiceAccount { client_email, token_uri } => {
                let account = CustomServiceAccount::from_json(json.expose()).map_err(|_| unreadable())?;
                let (audience, account) = (token_uri.clone(), Box::new(account));
                (token_uri, Holder::Service { email: client_email, audience, account })
            }
            File::AuthorizedUser { client_id, client_secret, refresh_token } => {
                (USERS.to_owned(), Holder::User { client_id, client_secret, refresh_token })
            }
            File::Other => return Err(unreadable()),
        };
        let endpoint = Endpoint::new(client, "vertex", &address, classify)?
            .with_header("content-type", "application/x-www-form-urlencoded")?;
        Ok(Self { endpoint, holder, kept: Mutex::new(None) })
    }

    /// Returns a valid token. One request is in flight at a time.
    pub(super) async fn token(&self) -> Result<Secret> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let asked_at = Instant::now();
        let form = self.form(SystemTime::now())?;
        let answer = self.endpoint.post_form("", form).await?;
        let Given { access_token, expires_in } = answer.json().await?;
        let life = Duration::from_secs(expires_in).saturating_sub(MARGIN);
        *kept = asked_at.checked_add(life).map(|until| (access_token.clone(), until));
        Ok(access_token)
    }

    /// Returns the form of a token request at `now`.
    fn form(&self, now: SystemTime) -> Result<String> {
        Ok(match &self.holder {
            Holder::Service { email, audience, account } => {
                let seconds = Timestamp::try_from(now)?.as_micros() / 1_000_000;
                let claims = json!({
                    "iss": email, "scope": SCOPE, "aud": audience,
                    "iat": seconds, "exp": seconds.saturating_add_unsigned(ASSERTION.as_secs()),
                });
                let assertion = assertion(&claims, account)?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                encoded(&[("grant_type", grant), ("assertion", &assertion)])
            }
            Holder::User { client_id, client_secret, refresh_token } => encoded(&[
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ]),
        })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.holder {
            Holder::Service { .. } => "service account",
            Holder::User { .. } => "user",
        };
        f.debug_tuple("Grant").field(&kind).finish()
    }
}

/// Signs the claims with the key of the account (RFC 7515, RS256).
fn assertion(claims: &Value, account: &CustomServiceAccount) -> Result<String> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(claims));
    let signature = account.signer().sign(signed.as_bytes()).map_err(|error| {
        ProviderErrorKind::Authentication
            .error("cannot sign with the key of the service account")
            .because(error)
    })?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let form = Url::parse_with_params("form:/", fields);
    form.ok().and_then(|form| form.query().map(str::to_owned)).unwrap_or_default()
}

/// Maps a rejected grant to an authentication error, whatever its status.
fn classify(refusal: &ErrorResponse) -> Option<ProviderErrorKind> {
    matches!(
        refusal.text("/error"),
        "invalid_grant" | "invalid_client" | "unauthorized_client" | "access_denied"
    )
    .then_some(ProviderErrorKind::Authentication)
}

fn unreadable() -> Error {
    Error::invalid("cannot parse the credentials of Google Cloud")
        .with_code("GOOGLE_SERVICE_ACCOUNT")
        .with_hint(
            "use the JSON key of a service account, or the file of `gcloud auth application-default login`",
        )
}

#[cfg(test)]
mod tests;
