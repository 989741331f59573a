//! [`CacheDigest`]: one digest for equal values, independent of the order of their fields.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::hex;

/// SHA-256 digest of a cache scope or of a request within one.
///
/// ```
/// use nexus_core::cache::CacheDigest;
/// use serde_json::json;
///
/// let one = CacheDigest::of("example", &json!({"a": 1, "b": 2}))?;
/// assert_eq!(one, CacheDigest::of("example", &json!({"b": 2, "a": 1}))?);
/// assert_ne!(one, CacheDigest::of("another", &json!({"a": 1, "b": 2}))?);
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheDigest([u8; 32]);

impl CacheDigest {
    /// Returns the digest of `value` within a domain. Digests of different domains are never equal.
    ///
    /// Fields of objects are written in the order of their names, so that a map's own order has no effect.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) when the value has no JSON form.
    pub fn of(domain: &str, value: &impl Serialize) -> Result<Self> {
        let unwritten =
            |error| Error::unexpected("cannot serialise the request for its cache digest").because(error);
        let value = serde_json::to_value(value).map_err(unwritten)?;
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend_from_slice(domain.as_bytes());
        bytes.push(0);
        write(&value, &mut bytes).map_err(unwritten)?;
        Ok(Self(Sha256::digest(bytes).into()))
    }

    /// Returns the digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for CacheDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// Writes `value` as JSON without white space, names in order.
fn write(value: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            serde_json::to_writer(out, value)
        }
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                separate(place, out);
                write(item, out)?;
            }
            out.push(b']');
            Ok(())
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (place, (name, field)) in fields.into_iter().enumerate() {
                separate(place, out);
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write(field, out)?;
            }
            out.push(b'}');
            Ok(())
        }
    }
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..3).prop_map(Value::from),
            "[a-c\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn digests_are_equal_exactly_when_the_values_are(one in any_json(), two in any_json()) {
            let of = |value: &Value| CacheDigest::of("test", value).unwrap();
            prop_assert_eq!(of(&one) == of(&two), one == two);
            prop_assert_ne!(of(&one), CacheDigest::of("other", &one).unwrap());
        }

        #[test]
        fn what_is_written_reads_back(value in any_json()) {
            let mut bytes = Vec::new();
            write(&value, &mut bytes).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn a_domain_does_not_run_into_its_value() {
        let (one, two) = (CacheDigest::of("a", &json!("b")), CacheDigest::of("a\"b", &json!("")));
        assert_ne!(one.unwrap(), two.unwrap());
    }
}
