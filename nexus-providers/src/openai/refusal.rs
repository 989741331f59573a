//! Which [`Fault`] a code, a type or a phrase of an error means.

use nexus_core::llm::Fault;

use crate::wire::Refusal;

/// Codes and types, as OpenAI and the servers that speak like it write them.
const CODES: [(&str, Fault); 24] = [
    ("account_deactivated", Fault::Authentication),
    ("invalid_api_key", Fault::Authentication),
    ("billing_error", Fault::Billing),
    ("billing_hard_limit_reached", Fault::Billing),
    ("billing_not_active", Fault::Billing),
    ("credit_balance_exhausted", Fault::Billing),
    ("insufficient_quota", Fault::Billing),
    ("organization_spend_limit_exceeded", Fault::Billing),
    ("project_spend_limit_exceeded", Fault::Billing),
    ("context_length_exceeded", Fault::ContextLength),
    ("exceed_context_size_error", Fault::ContextLength),
    ("content_filter", Fault::ContentFilter),
    ("content_policy_violation", Fault::ContentFilter),
    ("invalid_prompt", Fault::ContentFilter),
    ("moderation_blocked", Fault::ContentFilter),
    ("rate_limit_error", Fault::RateLimited),
    ("rate_limit_exceeded", Fault::RateLimited),
    ("overloaded_error", Fault::Overloaded),
    ("server_is_overloaded", Fault::Overloaded),
    ("slow_down", Fault::Overloaded),
    ("unavailable_error", Fault::Overloaded),
    ("authentication_error", Fault::Authentication),
    ("not_found_error", Fault::InvalidRequest),
    ("timeout", Fault::Timeout),
];

/// What servers without codes say of a prompt that is too long.
const TOO_LONG: [&str; 5] = [
    "maximum context length",
    "maximum model length",
    "available context size",
    "greater than the context length",
    "exceeds the context window",
];

/// The fault that an error tells by more than its status.
pub(super) fn classify(refusal: &Refusal) -> Option<Fault> {
    let told = [
        refusal.text("/error/code"),
        refusal.text("/error/type"),
        refusal.text("/code"),
        refusal.text("/type"),
    ];
    let known = told.iter().find_map(|told| CODES.iter().find(|(code, _)| code == told));
    match known {
        Some((_, fault)) => Some(*fault),
        None => refusal.says(&TOO_LONG).then_some(Fault::ContextLength),
    }
}
