//! Serving until shutdown, and the graceful shutdown itself.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt as _;
use nexus_core::Result;
use tokio::time::sleep;

use crate::connect::Serving;
use crate::listen::LoopbackListener;
use crate::router;
use crate::state::AppState;

/// Time in which clients read the end of their stream and send the rest of a request.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Timeout of background work at shutdown.
const DEADLINE: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then shuts down gracefully.
///
/// It accepts no new connection. Streams continue for `grace`, in which most runs finish; then they end with an `error`
/// event whose code is `SERVER_STOPPING`. The next [`Nexus::resume`](nexus_core::Nexus::resume) resumes the remaining
/// runs. At last background work ends and the store is closed.
///
/// # Errors
/// Errors of closing the store.
pub async fn serve(
    listener: LoopbackListener,
    server: AppState,
    grace: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let stop = stop.shared();
    let out_of_grace = async {
        stop.clone().await;
        sleep(grace).await;
        server.stop_streams();
        sleep(LINGER).await;
        tracing::warn!("closed connections that did not end in time");
    };
    let serving = Serving::new(router(server.clone()), server.limits.clone());
    tokio::select! {
        () = serving.run(listener, stop.clone()) => {}
        () = out_of_grace => {}
    }
    if !server.nexus.shutdown(DEADLINE).await? {
        tracing::warn!("abandoned background work that did not end in time");
    }
    Ok(())
}
