//! Error classes of Google's errors: by status name, and by details and message where the status is ambiguous.

use nexus_core::llm::ProviderErrorKind;
use serde_json::Value;

use crate::http::ErrorResponse;

/// Returns the error kind of an error response, or of a chunk with `error`, where the status is ambiguous.
pub(super) fn classify(refusal: &ErrorResponse) -> Option<ProviderErrorKind> {
    let reason =
        |reason: &str| details(refusal).any(|detail| detail.get("reason").is_some_and(|r| r == reason));
    match refusal.text("/error/status") {
        _ if reason("API_KEY_INVALID") || reason("API_KEY_EXPIRED") => {
            Some(ProviderErrorKind::Authentication)
        }
        _ if reason("BILLING_DISABLED") || is_unpaid(refusal) || is_daily(refusal) => {
            Some(ProviderErrorKind::Billing)
        }
        "INVALID_ARGUMENT"
            if refusal.says(&["exceeds the maximum number of tokens", "input token count"]) =>
        {
            Some(ProviderErrorKind::ContextLength)
        }
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => Some(ProviderErrorKind::Authentication),
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "NOT_FOUND" | "OUT_OF_RANGE" => {
            Some(ProviderErrorKind::InvalidRequest)
        }
        "RESOURCE_EXHAUSTED" if refusal.status.as_u16() != 402 => Some(ProviderErrorKind::RateLimited),
        "UNAVAILABLE" => Some(ProviderErrorKind::Overloaded),
        "DEADLINE_EXCEEDED" => Some(ProviderErrorKind::Timeout),
        "INTERNAL" | "UNKNOWN" | "ABORTED" | "CANCELLED" => Some(ProviderErrorKind::Server),
        _ => None,
    }
}

/// Whether the message tells of exhausted credit, a spending limit or a missing billing account, whose statuses are
/// those of rate limits and invalid requests.
fn is_unpaid(refusal: &ErrorResponse) -> bool {
    refusal.says(&["prepayment credits", "spending cap", "spend cap", "enable billing"])
}

/// Whether a daily quota is exhausted, which no retry within the call outlasts.
fn is_daily(refusal: &ErrorResponse) -> bool {
    let violations = details(refusal).filter_map(|detail| detail.get("violations")?.as_array()).flatten();
    let mut quotas = violations.filter_map(|violation| violation.get("quotaId")?.as_str());
    quotas.any(|quota| quota.contains("PerDay"))
}

fn details(refusal: &ErrorResponse) -> impl Iterator<Item = &Value> {
    refusal.body.pointer("/error/details").and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(code: u16, status: &str, message: &str, details: &Value, expected: Option<ProviderErrorKind>) {
        let body = json!({"error": {"code": code, "message": message, "status": status, "details": details}});
        let refusal = ErrorResponse { status: StatusCode::from_u16(code).unwrap(), body };
        assert_eq!(classify(&refusal), expected, "{status}");
    }

    #[test]
    fn each_status_has_its_fault() {
        let check = |code, status, fault| check(code, status, "no", &json!([]), Some(fault));
        check(400, "INVALID_ARGUMENT", ProviderErrorKind::InvalidRequest);
        check(401, "UNAUTHENTICATED", ProviderErrorKind::Authentication);
        check(403, "PERMISSION_DENIED", ProviderErrorKind::Authentication);
        check(404, "NOT_FOUND", ProviderErrorKind::InvalidRequest);
        check(429, "RESOURCE_EXHAUSTED", ProviderErrorKind::RateLimited);
        check(500, "INTERNAL", ProviderErrorKind::Server);
        check(503, "UNAVAILABLE", ProviderErrorKind::Overloaded);
        check(504, "DEADLINE_EXCEEDED", ProviderErrorKind::Timeout);
    }

    #[test]
    fn a_wrong_key_is_told_from_a_wrong_request() {
        let info =
            json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
        check(400, "INVALID_ARGUMENT", "API key not valid.", &info, Some(ProviderErrorKind::Authentication));
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_told_from_a_wrong_request() {
        let message =
            "The input token count (1300000) exceeds the maximum number of tokens allowed (1048576).";
        check(400, "INVALID_ARGUMENT", message, &json!([]), Some(ProviderErrorKind::ContextLength));
    }

    #[test]
    fn money_and_quotas_of_a_day_are_no_rates() {
        let billing = Some(ProviderErrorKind::Billing);
        let credits = "Your prepayment credits are depleted.";
        check(429, "RESOURCE_EXHAUSTED", credits, &json!([]), billing);
        let region = "The free tier is not available in your country. Please enable billing on your project.";
        check(400, "FAILED_PRECONDITION", region, &json!([]), billing);
        check(403, "PERMISSION_DENIED", "no", &json!([{"reason": "BILLING_DISABLED"}]), billing);
        let quota = |id: &str| json!([{"violations": [{"quotaId": id, "quotaValue": "50"}]}]);
        check(429, "RESOURCE_EXHAUSTED", "no", &quota("GenerateRequestsPerDayPerProjectPerModel"), billing);
        let minute = quota("GenerateRequestsPerMinutePerProjectPerModel");
        check(429, "RESOURCE_EXHAUSTED", "no", &minute, Some(ProviderErrorKind::RateLimited));
        check(402, "RESOURCE_EXHAUSTED", "no", &json!([]), None);
    }
}
