//! Retry hints of a vendor: whether to retry, and after what delay, in the forms of all vendors.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// Header by which OpenAI, Anthropic and compatible vendors override the retry rule of a status.
const SHOULD_RETRY: &str = "x-should-retry";

/// Returns the requested delay: `retry-after-ms`, else `Retry-After` in seconds, whole or not, or as a date (RFC
/// 9110, 10.2.3) relative to `now`, else Google's `RetryInfo` in the body.
pub(super) fn retry_after(headers: &HeaderMap, body: &Value, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = header("retry-after-ms").and_then(number).map(|milliseconds| milliseconds / 1e3);
    milliseconds
        .or_else(|| header(RETRY_AFTER.as_str()).and_then(number))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| header(RETRY_AFTER.as_str()).and_then(|date| until(date, now)))
        .or_else(|| retry_info(body))
}

/// Returns the explicit retry hint of a response.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get(SHOULD_RETRY)?.to_str().ok()?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// Returns the time until `date`, zero when it has passed.
fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let then = DateTimeParser::new().parse_timestamp(date).ok()?;
    let left = then.duration_since(Timestamp::try_from(now).ok()?);
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}

/// Reads `google.rpc.RetryInfo`, with a delay such as `34s` or `1.5s`.
fn retry_info(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from_secs_f64(number(delay.strip_suffix('s')?)?).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], body: &Value, expected: Option<f64>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        // 6 November 1994, 08:49:37 GMT.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after(&map, body, now), expected.map(Duration::from_secs_f64));
    }

    #[test]
    fn every_form_of_waiting_is_understood() {
        let none = Value::Null;
        check(&[], &none, None);
        check(&[("retry-after", "2")], &none, Some(2.0));
        check(&[("retry-after", "0.05")], &none, Some(0.05));
        check(&[("retry-after-ms", "150")], &none, Some(0.15));
        check(&[("retry-after-ms", "150"), ("retry-after", "2")], &none, Some(0.15));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], &none, Some(30.0));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")], &none, Some(0.0));
    }

    #[test]
    fn google_says_it_in_the_body() {
        let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"});
        let help = json!({"@type": "type.googleapis.com/google.rpc.Help", "links": []});
        let body = json!({"error": {"code": 429, "details": [help, info]}});
        check(&[], &body, Some(34.0));
        check(&[("retry-after", "2")], &body, Some(2.0));
    }

    #[test]
    fn what_is_no_time_is_not_waited_for() {
        for text in ["", "soon", "-1", "NaN", "inf", "1e300", "32 Nov 1994"] {
            check(&[("retry-after", text)], &Value::Null, None);
            check(&[], &json!({"error": {"details": [{"retryDelay": text}]}}), None);
        }
    }

    #[test]
    fn only_the_words_true_and_false_say_whether_to_try_again() {
        for (text, expected) in
            [("true", Some(true)), ("false", Some(false)), ("TRUE", None), ("1", None), ("", None)]
        {
            let mut map = HeaderMap::new();
            map.insert(SHOULD_RETRY, HeaderValue::from_str(text).unwrap());
            assert_eq!(should_retry(&map), expected, "{text}");
        }
        assert_eq!(should_retry(&HeaderMap::new()), None);
    }
}
