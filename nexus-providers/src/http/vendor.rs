//! A vendor in errors: its name, its words without its keys, and a sentence for each fault.

use std::sync::Arc;

use nexus_core::Error;
use nexus_core::llm::ProviderErrorKind;
use serde::de::DeserializeOwned;

use super::Secret;
use super::secret::redact;

/// How many characters of a vendor's own words are kept for the logs.
const SAID: usize = 500;

/// Whose answer it is.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    name: Arc<str>,
    secrets: Arc<[Secret]>,
}

impl Vendor {
    /// A vendor by the name of its provider.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), secrets: Arc::default() }
    }

    /// The same, with another secret to take out of its words.
    pub(super) fn with_secret(&self, secret: Secret) -> Self {
        Self { name: Arc::clone(&self.name), secrets: self.secrets.iter().cloned().chain([secret]).collect() }
    }

    /// The name of the provider.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An error for `fault`, with a sentence that names the provider.
    pub(crate) fn error(&self, fault: ProviderErrorKind) -> Error {
        let name = &self.name;
        fault.error(match fault {
            ProviderErrorKind::Authentication => format!("`{name}` refused its key"),
            ProviderErrorKind::Billing => {
                format!("the account at `{name}` has no money left or is over its limit")
            }
            ProviderErrorKind::InvalidRequest => format!("`{name}` refused the request"),
            ProviderErrorKind::ContextLength => {
                format!("the question and its passages do not fit the model of `{name}`")
            }
            ProviderErrorKind::ContentFilter => format!("`{name}` refused to answer because of the content"),
            ProviderErrorKind::RateLimited => format!("`{name}` gets too many requests"),
            ProviderErrorKind::Overloaded => format!("`{name}` is overloaded"),
            ProviderErrorKind::Server => format!("`{name}` failed"),
            ProviderErrorKind::Unreachable => format!("`{name}` cannot be reached"),
            ProviderErrorKind::Connection => format!("the connection to `{name}` broke"),
            ProviderErrorKind::Timeout => format!("`{name}` did not answer in time"),
            ProviderErrorKind::Truncated => format!("`{name}` stopped in the middle of its answer"),
            ProviderErrorKind::Protocol => format!("`{name}` sent an answer that cannot be read"),
        })
    }

    /// The same, with what the vendor said about it, for the logs.
    pub(crate) fn error_saying(&self, fault: ProviderErrorKind, words: &str) -> Error {
        self.error(fault).with("vendor_message", self.redact(words))
    }

    /// An error for an answer that is not of the vendor's wire; `what` says in which way, for the logs.
    pub(crate) fn protocol(&self, what: &'static str) -> Error {
        self.error(ProviderErrorKind::Protocol).with("because", what)
    }

    /// An error for a request that this vendor's wire cannot express: `what` names the parameter.
    pub(crate) fn cannot(&self, what: &str) -> Error {
        ProviderErrorKind::InvalidRequest
            .error(format!("`{}` has no {what}", self.name))
            .with("parameter", what)
    }

    /// A vendor's words, fit for the logs.
    pub(crate) fn redact(&self, words: &str) -> String {
        redact(words, &self.secrets, SAID)
    }

    /// Reads JSON that the vendor sent.
    ///
    /// The parser's message is left out, because it quotes what it read.
    pub(crate) fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> nexus_core::Result<T> {
        serde_json::from_slice(json).map_err(|error| {
            let what = if error.is_data() { "JSON of another shape" } else { "not JSON" };
            self.protocol(what).with("bytes", json.len()).with("column", error.column())
        })
    }

    /// An error for a request that found no answer.
    pub(super) fn unreachable(&self, error: reqwest::Error) -> Error {
        // What fails while connecting was never sent, and cannot be billed.
        let fault = match (error.is_connect(), error.is_timeout()) {
            (true, _) => ProviderErrorKind::Unreachable,
            (false, true) => ProviderErrorKind::Timeout,
            (false, false) => ProviderErrorKind::Connection,
        };
        self.error(fault).because(error.without_url())
    }

    /// An error for an answer that broke off.
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
