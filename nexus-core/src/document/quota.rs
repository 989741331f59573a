//! Caps on the documents of a tenant: [`DocumentQuota`].

use crate::error::{Error, ErrorKind, Result};

/// Caps on the documents of a tenant. An absent one caps nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocumentQuota {
    /// Documents in any state.
    pub documents: Option<u64>,
    /// Raw bytes of all documents.
    pub bytes: Option<u64>,
    /// Searchable passages.
    pub passages: Option<u64>,
}

impl DocumentQuota {
    /// Checks the documents and bytes of a tenant as they would be after a submission.
    ///
    /// # Errors
    /// [`RateLimited`](ErrorKind::RateLimited) with `QUOTA_EXCEEDED`.
    pub fn check_submission(&self, documents: u64, bytes: u64) -> Result<()> {
        check("documents", self.documents, documents)?;
        check("bytes of documents", self.bytes, bytes)
    }

    /// Checks the passages of a tenant as they would be after a publication.
    ///
    /// # Errors
    /// As [`DocumentQuota::check_submission`].
    pub fn check_publication(&self, passages: u64) -> Result<()> {
        check("passages", self.passages, passages)
    }
}

fn check(what: &str, cap: Option<u64>, after: u64) -> Result<()> {
    match cap {
        Some(cap) if after > cap => {
            Err(Error::new(
                ErrorKind::RateLimited,
                format!("the tenant may have {cap} {what}, and would have {after}"),
            )
            .with_code("QUOTA_EXCEEDED")
            .with_hint("delete documents, or have the tenant's quota raised")
            // Time alone frees nothing.
            .with_retry(false))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_admits_its_amount_and_no_more() {
        let quota = DocumentQuota { documents: Some(2), bytes: Some(10), passages: Some(0) };
        quota.check_submission(2, 10).unwrap();
        for error in [
            quota.check_submission(3, 10).unwrap_err(),
            quota.check_submission(2, 11).unwrap_err(),
            quota.check_publication(1).unwrap_err(),
        ] {
            assert_eq!((error.code(), error.is_retryable()), ("QUOTA_EXCEEDED", false));
        }
        DocumentQuota::default().check_submission(u64::MAX, u64::MAX).unwrap();
    }
}
