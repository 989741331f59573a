//! Serving until told to stop, and stopping in order.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt as _;
use nexus_core::Result;
use tokio::time::sleep;

use crate::connect::Serving;
use crate::listen::LoopbackListener;
use crate::router;
use crate::state::AppState;

/// How long clients have to take the end of their stream, and to send what they began to ask.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// How long background work has to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then ends in order.
///
/// No new connection is taken. Streams go on for `grace`, which is enough for most runs to finish; then they end with
/// an `error` event whose code is `SERVER_STOPPING`. The runs that are left are taken up by the next
/// [`Nexus::resume`](nexus_core::Nexus::resume). At last background work ends and the store is closed.
///
/// # Errors
/// Those of closing the store.
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
        tracing::warn!("some connections did not end and are cut");
    };
    let serving = Serving::new(router(server.clone()), server.limits.clone());
    tokio::select! {
        () = serving.run(listener, stop.clone()) => {}
        () = out_of_grace => {}
    }
    if !server.nexus.shutdown(DEADLINE).await? {
        tracing::warn!("some background work did not end in time and was left");
    }
    Ok(())
}
