//! Refusal of a request: [`Refusal`], which each dialect puts in its vendor's words.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// Kinds of refusal that vendors distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request is invalid.
    Invalid,
    /// 400: the prompt is too long.
    Context,
    /// 400: the conversation ends with the assistant's words.
    Prefill,
    /// The prompt violates the vendor's policy.
    Blocked,
    /// 401: the key is wrong.
    Unauthorised,
    /// 402: the account cannot be charged.
    Billing,
    /// 403: the key may not do that.
    Forbidden,
    /// 404: the model or the path does not exist.
    NotFound,
    /// 413: the body is too large.
    TooLarge,
    /// 429: rate limit.
    RateLimited,
    /// 429: no credit left.
    Quota,
    /// 500: internal error of the vendor.
    Internal,
    /// 503: the vendor is down.
    Unavailable,
    /// 529, or 503 where the vendor has no 529: out of capacity.
    Overloaded,
    /// Another status, in the words of its class.
    Other(u16),
    /// Error page of a proxy, not of the vendor.
    Html(u16),
}

impl Kind {
    /// Returns the usual kind of a status.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 => Self::Invalid,
            401 => Self::Unauthorised,
            402 => Self::Billing,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            500 => Self::Internal,
            503 => Self::Unavailable,
            529 => Self::Overloaded,
            other => Self::Other(other),
        }
    }

    /// Returns the status of a kind.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid | Self::Context | Self::Prefill | Self::Blocked => 400,
            Self::Unauthorised => 401,
            Self::Billing => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited | Self::Quota => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Overloaded => 529,
            Self::Other(status) | Self::Html(status) => status,
        }
    }
}

/// Refusal with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Kind of the refusal.
    pub(crate) kind: Kind,
    /// Message for the client.
    pub(crate) message: String,
    /// Invalid field of the request, if any.
    pub(crate) field: Option<&'static str>,
}

impl Refusal {
    /// Creates a refusal with `message`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None }
    }

    /// Creates a refusal for a missing or invalid `field`.
    pub(crate) fn field(field: &'static str, reason: &str) -> Self {
        Self { kind: Kind::Invalid, message: format!("{field}: {reason}"), field: Some(field) }
    }

    /// Creates the refusal of a script.
    pub(crate) fn scripted(kind: Kind, model: &str, key: &str) -> Self {
        let message = match kind {
            Kind::Context => "the prompt is longer than the scripted context".to_owned(),
            Kind::Prefill => PREFILL.to_owned(),
            Kind::Blocked => "the prompt was blocked by the scripted content filter".to_owned(),
            // Vendors repeat a part of the key: this message must not be passed on.
            Kind::Unauthorised => format!("Incorrect API key provided: {}", masked(key)),
            Kind::Billing => "the scripted account cannot be charged".to_owned(),
            Kind::NotFound => format!("the model `{model}` does not exist or you do not have access to it"),
            Kind::RateLimited => format!("Rate limit reached for `{model}`: please try again later"),
            Kind::Quota => "You exceeded your current quota: check your plan and billing details".to_owned(),
            Kind::Overloaded => "Overloaded".to_owned(),
            Kind::Internal | Kind::Unavailable => "The scripted server had an error".to_owned(),
            Kind::Invalid | Kind::Forbidden | Kind::TooLarge | Kind::Other(_) | Kind::Html(_) => {
                format!("the script of `{model}` refuses this request")
            }
        };
        Self::new(kind, message)
    }
}

/// Message by which Anthropic's clients recognise this refusal.
const PREFILL: &str =
    "This model does not support assistant message prefill. The conversation must end with a user message.";

/// Returns the first and last characters of a key, as vendors print it.
fn masked(key: &str) -> String {
    let head: String = key.chars().take(3).collect();
    let tail: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
    format!("{head}****{tail}")
}

/// Retry hints of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryHints {
    /// `Retry-After` in seconds, as written.
    pub after: Option<String>,
    /// `retry-after-ms`.
    pub after_ms: Option<u64>,
    /// `Retry-After` as a date, this many seconds from now.
    pub date: Option<u64>,
    /// `x-should-retry`.
    pub should_retry: Option<bool>,
    /// `RetryInfo.retryDelay` in a body of Google's.
    pub info: Option<String>,
}

impl RetryHints {
    /// Returns the headers with these hints at `now`.
    pub(crate) fn headers(&self, now: SystemTime) -> Vec<(HeaderName, HeaderValue)> {
        let texts = [
            ("retry-after", self.after.clone()),
            ("retry-after", self.date.and_then(|seconds| http_date(now, seconds))),
            ("retry-after-ms", self.after_ms.map(|count| count.to_string())),
            ("x-should-retry", self.should_retry.map(|retry| retry.to_string())),
        ];
        texts
            .into_iter()
            .filter_map(|(name, text)| {
                Some((HeaderName::from_static(name), HeaderValue::from_str(&text?).ok()?))
            })
            .collect()
    }
}

/// Returns the date `seconds` after `now`, in the form of RFC 9110.
fn http_date(now: SystemTime, seconds: u64) -> Option<String> {
    let then = now.checked_add(Duration::from_secs(seconds))?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::try_from(then).ok()?).ok()
}
