//! Classes of provider errors: [`ProviderErrorKind`], the one table of retry, fallback and billing rules.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

/// Class of a failed attempt to call a model.
///
/// An [`Error`] carries the kind as its stable code, so that it survives every border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderErrorKind {
    /// The vendor refused the key.
    Authentication,
    /// The account is out of credit or over a spending limit: waiting does not help.
    Billing,
    /// The vendor, or the adapter before it, refused the request itself.
    InvalidRequest,
    /// Prompt and answer exceed the context of the model.
    ContextLength,
    /// The vendor refused to answer because of the content.
    ContentFilter,
    /// Too many requests; waiting helps.
    RateLimited,
    /// The vendor reports overload or unavailability.
    Overloaded,
    /// The vendor failed.
    Server,
    /// The connection could not be opened: no request was sent.
    Unreachable,
    /// The connection broke before the vendor answered: the vendor may have received the request.
    Connection,
    /// A deadline passed.
    Timeout,
    /// The answer ended without its terminal event.
    Truncated,
    /// The response does not follow the vendor's wire, or exceeds the size limit.
    Protocol,
}

impl ProviderErrorKind {
    /// All kinds, for tables.
    pub const ALL: [Self; 13] = [
        Self::Authentication,
        Self::Billing,
        Self::InvalidRequest,
        Self::ContextLength,
        Self::ContentFilter,
        Self::RateLimited,
        Self::Overloaded,
        Self::Server,
        Self::Unreachable,
        Self::Connection,
        Self::Timeout,
        Self::Truncated,
        Self::Protocol,
    ];

    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Authentication => "PROVIDER_AUTHENTICATION",
            Self::Billing => "PROVIDER_BILLING",
            Self::InvalidRequest => "PROVIDER_INVALID_REQUEST",
            Self::ContextLength => "MODEL_CONTEXT_LENGTH",
            Self::ContentFilter => "MODEL_CONTENT_FILTER",
            Self::RateLimited => "PROVIDER_RATE_LIMITED",
            Self::Overloaded => "PROVIDER_OVERLOADED",
            Self::Server => "PROVIDER_FAILED",
            Self::Unreachable => "PROVIDER_UNREACHABLE",
            Self::Connection => "PROVIDER_DISCONNECTED",
            Self::Timeout => "MODEL_TIMEOUT",
            Self::Truncated => "MODEL_TRUNCATED",
            Self::Protocol => "PROVIDER_PROTOCOL",
        }
    }

    /// Returns the kind that `error` carries.
    pub fn of(error: &Error) -> Option<Self> {
        Self::from_code(error.code())
    }

    /// Returns the kind with this stable code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }

    /// Creates an error of this kind, with a sentence for the user.
    pub fn error(self, message: impl Into<Cow<'static, str>>) -> Error {
        let kind = match self {
            Self::InvalidRequest | Self::ContextLength | Self::ContentFilter => ErrorKind::InvalidInput,
            Self::RateLimited => ErrorKind::RateLimited,
            Self::Timeout => ErrorKind::Timeout,
            Self::Authentication
            | Self::Billing
            | Self::Overloaded
            | Self::Server
            | Self::Unreachable
            | Self::Connection
            | Self::Truncated
            | Self::Protocol => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, message).with_code(self.code());
        match self.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Authentication => Some("replace the provider's key"),
            Self::Billing => Some("check the vendor's account, or configure a fallback"),
            Self::ContextLength => Some("ask with fewer passages, or choose a model with a larger context"),
            Self::RateLimited | Self::Overloaded | Self::Server | Self::Connection | Self::Timeout => {
                Some("try again later")
            }
            Self::Unreachable => Some("check the provider's endpoint and the network"),
            Self::InvalidRequest | Self::ContentFilter | Self::Truncated | Self::Protocol => None,
        }
    }

    /// Returns whether the same provider may be retried, as long as no part of its answer was passed on.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Unreachable
            | Self::Connection
            | Self::Timeout => true,
            Self::Authentication
            | Self::Billing
            | Self::InvalidRequest
            | Self::ContextLength
            | Self::ContentFilter
            | Self::Truncated
            | Self::Protocol => false,
        }
    }

    /// Returns whether the next provider of a route may be called, as long as no part of an answer was passed on.
    ///
    /// A refused key, a refused request and refused content allow no fallback: the first would hide an operator's
    /// mistake, the others would shop for a lenient vendor.
    pub const fn allows_fallback(self) -> bool {
        match self {
            Self::Billing
            | Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Unreachable
            | Self::Connection
            | Self::Timeout
            | Self::Truncated
            | Self::Protocol => true,
            Self::Authentication | Self::InvalidRequest | Self::ContextLength | Self::ContentFilter => false,
        }
    }

    /// Returns whether the vendor certainly bills nothing for an attempt that failed so before its answer began.
    pub const fn is_unbilled(self) -> bool {
        match self {
            Self::Authentication
            | Self::Billing
            | Self::InvalidRequest
            | Self::ContextLength
            | Self::ContentFilter
            | Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Unreachable => true,
            Self::Connection | Self::Timeout | Self::Truncated | Self::Protocol => false,
        }
    }

    /// Returns whether the kind says something about the provider's health, so that its circuit breaker counts it.
    pub const fn trips_breaker(self) -> bool {
        match self {
            Self::Billing
            | Self::Overloaded
            | Self::Server
            | Self::Unreachable
            | Self::Connection
            | Self::Timeout
            | Self::Truncated
            | Self::Protocol
            | Self::RateLimited => true,
            Self::Authentication | Self::InvalidRequest | Self::ContextLength | Self::ContentFilter => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_its_error() {
        for fault in ProviderErrorKind::ALL {
            assert_eq!(ProviderErrorKind::of(&fault.error("no")), Some(fault));
        }
        assert_eq!(ProviderErrorKind::of(&Error::invalid("no")), None);
    }

    #[test]
    fn what_may_be_tried_again_may_also_fall_over() {
        for fault in ProviderErrorKind::ALL {
            assert!(!fault.is_retryable() || fault.allows_fallback(), "{fault:?}");
        }
    }

    #[test]
    fn refused_content_keys_and_requests_are_never_routed_around() {
        use ProviderErrorKind::{Authentication, ContentFilter, ContextLength, InvalidRequest};
        for fault in [Authentication, ContentFilter, ContextLength, InvalidRequest] {
            assert!(!fault.is_retryable() && !fault.allows_fallback() && !fault.trips_breaker(), "{fault:?}");
        }
    }
}
