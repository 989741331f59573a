//! Why a request gets no reply: [`Refusal`], which each dialect puts in its vendor's words.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// The kinds of refusal that vendors tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request makes no sense.
    Invalid,
    /// 400: the prompt is too long.
    Context,
    /// 400: the conversation ends with the assistant's words.
    Prefill,
    /// The prompt is against the vendor's policy.
    Blocked,
    /// 401: the key is wrong.
    Unauthorised,
    /// 402: the account cannot be charged.
    Billing,
    /// 403: the key may not do that.
    Forbidden,
    /// 404: there is no such model, or no such path.
    NotFound,
    /// 413: the body is too large.
    TooLarge,
    /// 429: too much at once.
    RateLimited,
    /// 429: no money left.
    Quota,
    /// 500: the vendor's fault.
    Internal,
    /// 503: the vendor is down.
    Unavailable,
    /// 529, or 503 where the vendor has no 529: out of capacity.
    Overloaded,
    /// Another status, in the words of its class.
    Other(u16),
    /// A page of a proxy, not of the vendor.
    Html(u16),
}

impl Kind {
    /// The usual kind of a status.
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

    /// The status of a kind.
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

/// A refusal with its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What kind it is.
    pub(crate) kind: Kind,
    /// What it says.
    pub(crate) message: String,
    /// The field of the request that is at fault, if one is.
    pub(crate) field: Option<&'static str>,
}

impl Refusal {
    /// A refusal that says `message`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None }
    }

    /// The request lacks `field`, or has nonsense in it.
    pub(crate) fn field(field: &'static str, reason: &str) -> Self {
        Self { kind: Kind::Invalid, message: format!("{field}: {reason}"), field: Some(field) }
    }

    /// A refusal that the script asks for.
    pub(crate) fn scripted(kind: Kind, model: &str, key: &str) -> Self {
        let message = match kind {
            Kind::Context => "the prompt is longer than the scripted context".to_owned(),
            Kind::Prefill => PREFILL.to_owned(),
            Kind::Blocked => "the prompt was blocked by the scripted content filter".to_owned(),
            // Vendors repeat a part of the key: nobody may pass this sentence on.
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

/// The sentence by which Anthropic's clients know this refusal.
const PREFILL: &str =
    "This model does not support assistant message prefill. The conversation must end with a user message.";

/// The first and last characters of a key, as vendors print it.
fn masked(key: &str) -> String {
    let head: String = key.chars().take(3).collect();
    let tail: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
    format!("{head}****{tail}")
}

/// What a refusal says about trying again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryHints {
    /// `Retry-After` in seconds, as written.
    pub after: Option<String>,
    /// `retry-after-ms`.
    pub after_ms: Option<u64>,
    /// `Retry-After` as a date, so many seconds from now.
    pub date: Option<u64>,
    /// `x-should-retry`.
    pub should_retry: Option<bool>,
    /// `RetryInfo.retryDelay` in a body of Google's.
    pub info: Option<String>,
}

impl RetryHints {
    /// The headers that say it at `now`.
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

/// The date `seconds` after `now`, as RFC 9110 writes it.
fn http_date(now: SystemTime, seconds: u64) -> Option<String> {
    let then = now.checked_add(Duration::from_secs(seconds))?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::try_from(then).ok()?).ok()
}
