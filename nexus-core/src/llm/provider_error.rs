//! What went wrong at a vendor: [`Fault`], the one table that says what may be done about it.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

/// What went wrong with an attempt to call a model.
///
/// An [`Error`] carries its fault as the stable code, so that it survives every border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderErrorKind {
    /// The vendor refused the key.
    Authentication,
    /// The account has no money or is over a limit of spending: waiting does not help.
    Billing,
    /// The vendor, or the adapter before it, refused the request as such.
    InvalidRequest,
    /// Prompt and answer do not fit the model.
    ContextLength,
    /// The vendor refused to answer because of the content.
    ContentFilter,
    /// Too many requests; waiting helps.
    RateLimited,
    /// The vendor says that it is overloaded or not there.
    Overloaded,
    /// The vendor failed.
    Server,
    /// There was no connection: nothing was sent.
    Unreachable,
    /// The connection broke before the vendor answered: what was sent may have been heard.
    Connection,
    /// A deadline passed.
    Timeout,
    /// The answer broke off without its terminal event.
    Truncated,
    /// The vendor said something that is not its wire, or more than may be read.
    Protocol,
}

impl ProviderErrorKind {
    /// Every fault, for tables.
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

    /// The stable code.
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

    /// The fault that `error` carries.
    pub fn of(error: &Error) -> Option<Self> {
        Self::from_code(error.stable_code())
    }

    /// The fault with this stable code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }

    /// An error for this fault, with a sentence for the user.
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
        let error = Error::new(kind, message).code(self.code());
        match self.remedy() {
            Some(remedy) => error.hint(remedy),
            None => error,
        }
    }

    const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Authentication => Some("replace the provider's key"),
            Self::Billing => Some("see to the vendor's account, or configure a fallback"),
            Self::ContextLength => Some("ask with fewer passages, or choose a model with a larger context"),
            Self::RateLimited | Self::Overloaded | Self::Server | Self::Connection | Self::Timeout => {
                Some("try again later")
            }
            Self::Unreachable => Some("check the provider's endpoint and the network"),
            Self::InvalidRequest | Self::ContentFilter | Self::Truncated | Self::Protocol => None,
        }
    }

    /// Whether the same provider may be asked again, as long as nothing of its answer was passed on.
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

    /// Whether the next provider of a route may be asked, as long as nothing of an answer was passed on.
    ///
    /// A refused key, a refused request and refused content are not routed around: the first hides a fault of the
    /// operator, the others would shop for a vendor that says yes.
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

    /// Whether the vendor certainly bills nothing for an attempt that ended so before it began to answer.
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

    /// Whether it tells of the provider's health, so that its breaker counts it.
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
