//! Numbers on the wire: sampling parameters, and vectors checked against the port's contract.

use nexus_core::llm::Parameters;
use nexus_core::retrieve::embed::Embedded;
use nexus_core::{Result, Usage};
use serde_json::Value;

use super::Vendor;

/// Rejects parameters that JSON cannot carry.
///
/// # Errors
/// [`InvalidRequest`](nexus_core::llm::ProviderErrorKind::InvalidRequest) for infinite numbers and NaN.
pub(crate) fn check(parameters: &Parameters, vendor: &Vendor) -> Result<()> {
    let Parameters { temperature, top_p, presence_penalty, frequency_penalty, .. } = parameters;
    let mut numbers = [temperature, top_p, presence_penalty, frequency_penalty].into_iter().flatten();
    if numbers.all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(vendor.cannot("parameter that is not a number"))
}

/// Converts a number with its shortest decimal digits, not those of its `f64` value.
pub(crate) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// Returns `vectors`, if they are `count` vectors of `dimension` finite numbers.
///
/// # Errors
/// [`Protocol`](nexus_core::llm::ProviderErrorKind::Protocol) otherwise.
pub(crate) fn checked(
    vectors: Vec<Vec<f32>>,
    count: usize,
    dimension: usize,
    vendor: &Vendor,
) -> Result<Vec<Vec<f32>>> {
    if vectors.len() != count {
        return Err(vendor.protocol("the number of vectors differs from the number of texts"));
    }
    if vectors.iter().any(|vector| vector.len() != dimension) {
        return Err(vendor.protocol("unexpected dimension of a vector").with("expected", dimension));
    }
    if vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err(vendor.protocol("a vector has a number that is not finite"));
    }
    Ok(vectors)
}

/// Joins the vectors of several requests. Usage is the sum, absent where one request has none.
pub(crate) fn joined(parts: Vec<Embedded>) -> Embedded {
    let sum = |sum: Option<Usage>, part: &Embedded| sum?.checked_add(&part.usage?);
    let usage = parts.iter().fold(Some(Usage::default()), sum);
    Embedded { vectors: parts.into_iter().flat_map(|part| part.vectors).collect(), usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_that_one_part_lacks_is_absent() {
        let part = |usage| Embedded { vectors: vec![vec![1.0]], usage };
        let reported = |input_uncached| Some(Usage { input_uncached, ..Usage::default() });
        assert_eq!(joined(vec![part(reported(2)), part(reported(3))]).usage, reported(5));
        assert_eq!(joined(vec![part(reported(2)), part(None)]).usage, None);
        assert_eq!(joined(vec![part(None), part(None)]).vectors.len(), 2);
    }

    #[test]
    fn a_number_keeps_its_digits() {
        assert_eq!(decimal(0.2).to_string(), "0.2");
        assert_eq!(decimal(1.0).to_string(), "1.0");
    }

    #[test]
    fn vectors_that_are_not_as_promised_are_refused() {
        let check = |vectors, count| checked(vectors, count, 2, &Vendor::new("acme")).is_ok();
        assert!(check(vec![vec![0.0, 1.0]], 1));
        assert!(!check(vec![vec![0.0, 1.0]], 2));
        assert!(!check(vec![vec![0.0]], 1));
        assert!(!check(vec![vec![0.0, f32::NAN]], 1));
    }
}
