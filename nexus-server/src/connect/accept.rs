//! [`Serving`]: accepts connections, and owns the tasks that serve them.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use super::ConnectionLimits;
use super::connection;
use super::refusal_log::{self, Incident, RefusalLog};
use super::table::{Admission, Table};

/// Backoff after a failed `accept`: the first delay and the largest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Response body for a connection over the limit. Its request is not read, so the body carries no request id.
const REFUSAL: &str = "{\"error\":{\"code\":\"SERVICE_BUSY\",\"message\":\"the server has too many connections\",\
                       \"hint\":\"try again in a moment\"}}";

/// Source of connections.
pub(crate) trait Accept: Send + 'static {
    /// Byte stream of a connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Accepts the next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Accepted<Self::Stream>>> + Send;
}

/// Accepted connection and its peer address.
#[derive(Debug)]
pub(crate) struct Accepted<S> {
    pub(crate) stream: S,
    pub(crate) address: IpAddr,
}

/// Connections being served. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Serving {
    router: Router,
    table: Arc<Table>,
    log: Arc<RefusalLog>,
    stopping: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Serving {
    pub(crate) fn new(router: Router, limits: ConnectionLimits) -> Self {
        Self {
            router,
            table: Table::new(limits),
            log: Arc::default(),
            stopping: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Accepts connections from `listener` until `stop` resolves, then closes the listener and waits for the
    /// connections with a request in flight.
    pub(crate) async fn run<L: Accept>(mut self, mut listener: L, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut reports = interval(refusal_log::PAUSE);
        let mut pause = PAUSES.0;
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = reports.tick() => self.log.flush(),
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => {
                        pause = PAUSES.0;
                        self.admit(accepted).await;
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::debug!(%error, "cannot accept a connection");
                        self.log.note(Incident::NotAccepted, 1);
                        if self.table.evict_any() {
                            self.log.note(Incident::Evicted, 1);
                        }
                        tokio::select! {
                            () = &mut stop => break,
                            () = sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                        }
                    }
                },
            }
        }
        drop(listener);
        self.stopping.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    async fn admit<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&mut self, accepted: Accepted<S>) {
        let (admission, evicted) = self.table.admit(accepted.address).await;
        if evicted > 0 {
            self.log.note(Incident::Evicted, evicted);
        }
        let (place, probes_only) = match admission {
            Admission::Admitted(place) => (place, false),
            Admission::ProbesOnly(place) => (place, true),
            Admission::Full => return self.refuse(accepted.stream, Incident::Full),
            Admission::AddressFull => return self.refuse(accepted.stream, Incident::AddressFull),
        };
        let (router, limits, log) = (self.router.clone(), self.table.limits().clone(), Arc::clone(&self.log));
        let stopping = self.stopping.subscribe();
        self.tasks.spawn(async move {
            let activity = Arc::clone(&place.activity);
            let served =
                connection::serve(accepted.stream, router, probes_only, activity, limits, stopping).await;
            drop(place);
            if let Some(incident) = served {
                log.note(incident, 1);
            }
        });
    }

    /// Answers a connection over the limit with 503, as far as a write succeeds without waiting.
    fn refuse<S: AsyncWrite + Unpin + Send + 'static>(&self, mut stream: S, why: Incident) {
        self.log.note(why, 1);
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             retry-after: 1\r\nconnection: close\r\n\r\n{REFUSAL}",
            REFUSAL.len()
        );
        // The send buffer of a new connection takes this at once. A connection whose buffer is full is dropped.
        futures::FutureExt::now_or_never(stream.write_all(answer.as_bytes()));
    }
}

/// Returns whether `accept` failed for one connection only, which its client has closed already.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::time::Instant;

    use super::*;

    const STRANGER: &str = "192.0.2.1";
    /// Errno for too many open files.
    const EMFILE: i32 = 24;

    /// Listener that accepts the connections that a test sends.
    struct Sent(UnboundedReceiver<io::Result<Accepted<DuplexStream>>>);

    impl Accept for Sent {
        type Stream = DuplexStream;

        async fn accept(&mut self) -> io::Result<Accepted<DuplexStream>> {
            match self.0.recv().await {
                Some(accepted) => accepted,
                None => std::future::pending().await,
            }
        }
    }

    struct Clients(UnboundedSender<io::Result<Accepted<DuplexStream>>>);

    impl Clients {
        /// Returns a server whose `/slow` never answers.
        fn of(limits: ConnectionLimits) -> (Self, impl Future<Output = ()>) {
            let router = Router::new()
                .route("/", get(async || "hello"))
                .route("/slow", get(std::future::pending::<&'static str>));
            let (sender, receiver) = unbounded_channel();
            (Self(sender), Serving::new(router, limits).run(Sent(receiver), std::future::pending()))
        }

        async fn connect(&self, address: &str, path: &str) -> DuplexStream {
            let (mut client, stream) = duplex(4_096);
            let accepted = Accepted { stream, address: address.parse().unwrap() };
            self.0.send(Ok(accepted)).unwrap();
            client.write_all(format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes()).await.unwrap();
            client
        }
    }

    async fn begins(client: &mut DuplexStream, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    async fn with<T>(serving: impl Future<Output = ()>, test: impl Future<Output = T>) -> T {
        tokio::select! {
            () = serving => panic!("the server ended"),
            done = test => done,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_without_descriptors_is_asked_again_less_and_less_often() {
        let (clients, serving) = Clients::of(ConnectionLimits::default());
        let began = Instant::now();
        for _ in 0..7 {
            clients.0.send(Err(io::Error::from_raw_os_error(EMFILE))).unwrap();
        }
        with(serving, async {
            begins(&mut clients.connect(STRANGER, "/").await, "HTTP/1.1 200 OK").await;
        })
        .await;
        assert_eq!(began.elapsed().as_millis(), 50 + 100 + 200 + 400 + 800 + 1_000 + 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_gone_before_it_is_accepted_costs_no_time() {
        let (clients, serving) = Clients::of(ConnectionLimits::default());
        let began = Instant::now();
        for _ in 0..1_000 {
            clients.0.send(Err(io::ErrorKind::ConnectionAborted.into())).unwrap();
        }
        with(serving, async {
            begins(&mut clients.connect(STRANGER, "/").await, "HTTP/1.1 200 OK").await;
        })
        .await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn without_descriptors_the_connection_that_waits_longest_is_closed() {
        let (clients, serving) = Clients::of(ConnectionLimits {
            idle: Duration::from_hours(9_000),
            ..ConnectionLimits::default()
        });
        with(serving, async {
            let mut idle = clients.connect(STRANGER, "/").await;
            begins(&mut idle, "HTTP/1.1 200 OK").await;
            tokio::task::yield_now().await;
            clients.0.send(Err(io::Error::from_raw_os_error(EMFILE))).unwrap();
            idle.read_to_end(&mut Vec::new()).await.unwrap();
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_with_too_many_requests_under_way_is_told_so_and_others_are_served() {
        let (clients, serving) =
            Clients::of(ConnectionLimits { connections_per_address: 1, ..ConnectionLimits::default() });
        with(serving, async {
            let _busy = clients.connect(STRANGER, "/slow").await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut second = clients.connect(STRANGER, "/").await;
            begins(&mut second, "HTTP/1.1 503 Service Unavailable\r\n").await;
            let mut rest = String::new();
            second.read_to_string(&mut rest).await.unwrap();
            assert!(rest.ends_with(REFUSAL), "{rest}");
            for other in ["192.0.2.2", "127.0.0.1", "127.0.0.1"] {
                begins(&mut clients.connect(other, "/").await, "HTTP/1.1 200 OK").await;
            }
        })
        .await;
    }
}
