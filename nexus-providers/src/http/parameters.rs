//! Numbers as wires want them: sampling parameters, and vectors as they are promised.

use nexus_core::llm::Parameters;
use nexus_core::retrieve::embed::Embedded;
use nexus_core::{Result, Usage};
use serde_json::Value;

use super::Vendor;

/// Refuses parameters that no JSON can carry.
///
/// # Errors
/// [`InvalidRequest`](nexus_core::llm::Fault::InvalidRequest) for infinities and what is not a number.
pub(crate) fn check(parameters: &Parameters, vendor: &Vendor) -> Result<()> {
    let Parameters { temperature, top_p, presence_penalty, frequency_penalty, .. } = parameters;
    let mut numbers = [temperature, top_p, presence_penalty, frequency_penalty].into_iter().flatten();
    if numbers.all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(vendor.cannot("parameter that is not a number"))
}

/// A number with the digits that it is written with, not those of its next larger format.
pub(crate) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// `vectors`, if there are `count` of them, each of `dimension` finite numbers.
///
/// # Errors
/// [`Fault::Protocol`](nexus_core::llm::Fault::Protocol) if not.
pub(crate) fn checked(
    vectors: Vec<Vec<f32>>,
    count: usize,
    dimension: usize,
    vendor: &Vendor,
) -> Result<Vec<Vec<f32>>> {
    if vectors.len() != count {
        return Err(vendor.protocol("another number of vectors than of texts"));
    }
    if vectors.iter().any(|vector| vector.len() != dimension) {
        return Err(vendor.protocol("vectors of another dimension").with("expected", dimension));
    }
    if vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err(vendor.protocol("vectors of numbers that are not finite"));
    }
    Ok(vectors)
}

/// The vectors of several requests as those of one. Usage is their sum where each has one, and absent where one has not.
pub(crate) fn joined(parts: Vec<Embedded>) -> Embedded {
    let sum = |sum: Option<Usage>, part: &Embedded| sum?.checked_add(&part.usage?);
    let usage = parts.iter().fold(Some(Usage::default()), sum);
    Embedded { vectors: parts.into_iter().flat_map(|part| part.vectors).collect(), usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_that_one_part_does_not_tell_is_absent() {
        let part = |usage| Embedded { vectors: vec![vec![1.0]], usage };
        let told = |input_uncached| Some(Usage { input_uncached, ..Usage::default() });
        assert_eq!(joined(vec![part(told(2)), part(told(3))]).usage, told(5));
        assert_eq!(joined(vec![part(told(2)), part(None)]).usage, None);
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
