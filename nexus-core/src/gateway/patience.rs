//! Patience with a cache: one that fails or dawdles is none.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::Result;

/// How long a cache may take.
const CACHE_TIMEOUT: Duration = Duration::from_millis(500);

/// Does something with the cache. What goes wrong, or takes too long, is said in the log and nowhere else.
pub(super) async fn best_effort<T>(what: &'static str, doing: impl Future<Output = Result<T>>) -> Option<T> {
    match timeout(CACHE_TIMEOUT, doing).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!(error = %error.report(), what, "the cache did not work");
            None
        }
        Err(_) => {
            tracing::warn!(what, "the cache took too long");
            None
        }
    }
}
