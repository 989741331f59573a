//! Vendor in errors: its name, its redacted messages, and a sentence for each error kind.

use std::sync::Arc;

use nexus_core::Error;
use nexus_core::llm::ProviderErrorKind;
use serde::de::DeserializeOwned;

use super::Secret;
use super::secret::redact;

/// Length limit of a vendor's message in the logs, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Name and secrets of a vendor.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    name: Arc<str>,
    secrets: Arc<[Secret]>,
}

impl Vendor {
    /// Creates a vendor with the name of its provider.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), secrets: Arc::default() }
    }

    /// Adds a secret to redact.
    pub(super) fn with_secret(&self, secret: Secret) -> Self {
        Self { name: Arc::clone(&self.name), secrets: self.secrets.iter().cloned().chain([secret]).collect() }
    }

    /// Returns the name of the provider.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns an error of the kind `fault`, whose sentence names the provider.
    pub(crate) fn error(&self, fault: ProviderErrorKind) -> Error {
        let name = &self.name;
        fault.error(match fault {
            ProviderErrorKind::Authentication => format!("`{name}` refused its key"),
            ProviderErrorKind::Billing => {
                format!("the account at `{name}` has no credit left or exceeds its spending limit")
            }
            ProviderErrorKind::InvalidRequest => format!("`{name}` refused the request"),
            ProviderErrorKind::ContextLength => {
                format!("the prompt exceeds the context window of the model of `{name}`")
            }
            ProviderErrorKind::ContentFilter => format!("the content filter of `{name}` blocked the answer"),
            ProviderErrorKind::RateLimited => format!("the rate limit of `{name}` is exceeded"),
            ProviderErrorKind::Overloaded => format!("`{name}` is overloaded"),
            ProviderErrorKind::Server => format!("`{name}` failed"),
            ProviderErrorKind::Unreachable => format!("`{name}` cannot be reached"),
            ProviderErrorKind::Connection => format!("the connection to `{name}` broke"),
            ProviderErrorKind::Timeout => format!("the request to `{name}` timed out"),
            ProviderErrorKind::Truncated => format!("the answer of `{name}` is truncated"),
            ProviderErrorKind::Protocol => format!("cannot parse the answer of `{name}`"),
        })
    }

    /// Returns an error with the vendor's message, for the logs.
    pub(crate) fn error_saying(&self, fault: ProviderErrorKind, words: &str) -> Error {
        self.error(fault).with("vendor_message", self.redact(words))
    }

    /// Returns an error for a response that violates the wire; `what` is the reason, for the logs.
    pub(crate) fn protocol(&self, what: &'static str) -> Error {
        self.error(ProviderErrorKind::Protocol).with("because", what)
    }

    /// Returns an error for a parameter, `what`, that this vendor's wire cannot express.
    pub(crate) fn cannot(&self, what: &str) -> Error {
        ProviderErrorKind::InvalidRequest
            .error(format!("`{}` does not support {what}", self.name))
            .with("parameter", what)
    }

    /// Redacts a vendor's message for the logs.
    pub(crate) fn redact(&self, words: &str) -> String {
        redact(words, &self.secrets, MAX_MESSAGE_CHARS)
    }

    /// Parses JSON of the vendor.
    ///
    /// The parser's message is omitted, because it quotes its input.
    pub(crate) fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> nexus_core::Result<T> {
        serde_json::from_slice(json).map_err(|error| {
            let what = if error.is_data() { "unexpected shape of JSON" } else { "not JSON" };
            self.protocol(what).with("bytes", json.len()).with("column", error.column())
        })
    }

    /// Returns an error for a request without a response.
    pub(super) fn unreachable(&self, error: reqwest::Error) -> Error {
        // A request that fails while connecting was never sent, and cannot be billed.
        let fault = match (error.is_connect(), error.is_timeout()) {
            (true, _) => ProviderErrorKind::Unreachable,
            (false, true) => ProviderErrorKind::Timeout,
            (false, false) => ProviderErrorKind::Connection,
        };
        self.error(fault).because(error.without_url())
    }

    /// Returns an error for a response that broke off.
    pub(super) fn cut(&self, error: reqwest::Error) -> Error {
        let fault =
            if error.is_timeout() { ProviderErrorKind::Timeout } else { ProviderErrorKind::Truncated };
        self.error(fault).because(error.without_url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_words_are_for_the_logs_only_and_hold_no_key() {
        let vendor = Vendor::new("acme").with_secret(Secret::new("sk-0123456789"));
        let error = vendor
            .error_saying(ProviderErrorKind::Authentication, "bad key sk-0123456789 for project apollo");
        assert_eq!(error.to_string(), "`acme` refused its key");
        assert!(error.report().contains("project apollo") && !error.report().contains("012345"));
        assert!(!format!("{vendor:?}").contains("012345"));
    }

    #[test]
    fn json_that_cannot_be_read_is_not_quoted() {
        let vendor = Vendor::new("acme");
        let error = vendor.parse::<Vec<u32>>(br#"["swordfish"]"#).unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::Protocol));
        assert!(!error.report().contains("swordfish"), "{}", error.report());
    }
}
