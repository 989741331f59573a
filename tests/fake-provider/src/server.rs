//! Running server: [`Scripted`].

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::connection::{Connection, Connections, Listener};
use crate::log::{Entry, Log};
use crate::record::Recorded;
use crate::router::router;
use crate::script::When;

/// Number of requests stored for assertions.
const KEPT: usize = 4096;

/// Backlog of the listener: thousands of callers connect at once.
const WAITING: u32 = 4096;

/// State shared by all requests.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) log: Arc<Log>,
    recorded: Mutex<VecDeque<Recorded>>,
    /// Requests of each scope for each model with faults that depend on the count.
    counts: Mutex<HashMap<(String, String), u64>>,
}

impl Server {
    pub(crate) fn record(&self, request: Recorded) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.len() >= KEPT {
            recorded.pop_front();
        }
        recorded.push_back(request);
    }

    /// Returns whether the faults of `model` apply to the next request of `scope`; counts it.
    pub(crate) fn faults_apply(&self, when: When, model: &str, scope: &str) -> bool {
        if when == When::Always {
            return true;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((scope.to_owned(), model.to_owned())).or_default();
        let number = *count;
        *count += 1;
        when.applies(number)
    }
}

/// Scripted provider that serves until it is shut down or dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    server: Arc<Server>,
    connections: Arc<Connections>,
    serving: JoinSet<io::Result<()>>,
}

impl Scripted {
    /// Serves on any free port of the loopback address, on the current runtime.
    ///
    /// # Errors
    /// When the system has no port left.
    pub async fn start() -> io::Result<Self> {
        Self::listen(0).await
    }

    /// Serves on `port` of the loopback address; 0 is any free one.
    ///
    /// # Errors
    /// When the port is taken.
    #[expect(
        clippy::unused_async,
        reason = "sockets can be made only where a runtime runs, which awaiting proves"
    )]
    pub async fn listen(port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let socket = socket.listen(WAITING)?;
        let address = socket.local_addr()?;
        let (server, connections) = (Arc::<Server>::default(), Arc::<Connections>::default());
        let listener = Listener { socket, connections: Arc::clone(&connections) };
        let service = router(Arc::clone(&server)).into_make_service_with_connect_info::<Connection>();
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, service).into_future());
        Ok(Self { address, server, connections, serving })
    }

    /// Returns the listening address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://127.0.0.1:<port>`: the base of Anthropic's, Gemini's and Ollama's clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns `http://127.0.0.1:<port>/v1`: the base of OpenAI's clients.
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// Returns the bill so far: every request that arrived, in the order of arrival.
    pub fn log(&self) -> Vec<Entry> {
        self.server.log.snapshot()
    }

    /// Returns the bill once no request is in flight. Never resolves while a silent or stalled client stays.
    pub async fn settled_log(&self) -> Vec<Entry> {
        self.server.log.quiet().await;
        self.log()
    }

    /// Clears the bill. Requests in flight are not billed again.
    pub fn clear_log(&self) {
        self.server.log.clear();
    }

    /// Returns the last 4,096 requests, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.recorded.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Resolves once every client has closed its connections.
    pub async fn disconnected(&self) {
        self.connections.none_left().await;
    }

    /// Stops listening, breaks every connection and waits until none is left. Returns the final bill.
    pub async fn shutdown(mut self) -> Vec<Entry> {
        self.serving.shutdown().await;
        self.connections.close_all();
        self.connections.none_left().await;
        self.settled_log().await
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort_all();
        self.connections.close_all();
    }
}
