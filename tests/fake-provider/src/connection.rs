//! Sockets: each connection has a [`Line`], by which a request can break its own connection.
//!
//! HTTP is not here: this module knows bytes and their ends.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep;

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const RESET: u8 = 2;
/// Delay before the next accept when the process has no descriptors left.
const PAUSE: Duration = Duration::from_millis(10);

/// One connection, as its requests see it.
#[derive(Debug, Default)]
pub(crate) struct Line {
    end: AtomicU8,
    task: AtomicWaker,
    /// Whether the socket takes no more bytes for now.
    blocked: AtomicBool,
    moved: Notify,
}

impl Line {
    /// Ends the connection with a FIN, after the written bytes.
    pub(crate) fn close(&self) {
        self.end_with(CLOSED);
    }

    /// Ends the connection with a RST, as a crashed peer does.
    pub(crate) fn reset(&self) {
        self.end_with(RESET);
    }

    fn end_with(&self, end: u8) {
        self.end.store(end, Ordering::SeqCst);
        self.task.wake();
        self.moved.notify_waiters();
    }

    /// Resolves once the system has taken all bytes handed to the connection before. Call it from the body.
    pub(crate) async fn flushed(&self) {
        // A body that is not ready makes hyper flush, in the same turn.
        yield_now().await;
        loop {
            let moved = self.moved.notified();
            if !self.blocked.load(Ordering::SeqCst) || self.end.load(Ordering::SeqCst) != OPEN {
                return;
            }
            moved.await;
            yield_now().await;
        }
    }
}

/// Line of the connection, as axum hands it to handlers.
#[derive(Clone, Debug)]
pub(crate) struct Connection(pub(crate) Arc<Line>);

impl Connected<IncomingStream<'_, Listener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(Arc::clone(&stream.io().line))
    }
}

/// Open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    lines: Mutex<HashMap<u64, Arc<Line>>>,
    next: AtomicU64,
    changed: Notify,
}

impl Connections {
    fn lines(&self) -> MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.lines().len()
    }

    pub(crate) fn close_all(&self) {
        self.lines().values().for_each(|line| line.close());
    }

    /// Resolves once no connection is open.
    pub(crate) async fn none_left(&self) {
        loop {
            let changed = self.changed.notified();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// Listener that records the lines of its connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) connections: Arc<Connections>,
}

impl axum::serve::Listener for Listener {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => return (self.open(stream), address),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Listener {
    fn open(&self, stream: TcpStream) -> Socket {
        // Without it, small writes wait for one another. A socket that refuses is slower, no more.
        let _ = stream.set_nodelay(true);
        let id = self.connections.next.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line::default());
        self.connections.lines().insert(id, Arc::clone(&line));
        Socket { stream, id, line, connections: Arc::clone(&self.connections) }
    }
}

/// Socket whose requests can end it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    id: u64,
    line: Arc<Line>,
    connections: Arc<Connections>,
}

impl Socket {
    /// Fails once the line has been ended; until then, registers the task to be woken by the end.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.line.task.register(context.waker());
        match self.line.end.load(Ordering::SeqCst) {
            OPEN => return Ok(()),
            RESET => drop(self.stream.set_zero_linger()),
            _ => {}
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.connections.lines().remove(&self.id);
        self.connections.changed.notify_waiters();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Socket {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.line.blocked.store(written.is_pending(), Ordering::SeqCst);
        let written = ready!(written);
        self.line.moved.notify_waiters();
        Poll::Ready(written)
    }
}
