//! [`LoopbackListener`]: listening socket that only this machine can reach.

use std::io;
use std::net::SocketAddr;

use nexus_core::{Error, ErrorKind, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::connect::{Accept, Accepted};

/// Backlog of connections that wait for `accept`.
const BACKLOG: u32 = 1_024;
/// Send buffer of one client, in bytes. Without a bound, a client that does not read costs megabytes, and the server
/// detects it late.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;

/// Listening socket on the loopback address. No other address is served, as long as there is no authentication.
#[derive(Debug)]
pub struct LoopbackListener(pub(crate) TcpListener);

impl LoopbackListener {
    /// Listens on `address`; port 0 is any free one.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `LISTEN_NOT_LOOPBACK` for an address that other machines reach;
    /// [`Unavailable`](ErrorKind::Unavailable) when it is taken.
    #[expect(clippy::unused_async, reason = "a listener that resolves names would wait")]
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        if !address.ip().is_loopback() {
            return Err(Error::invalid(format!(
                "the server has no authentication yet, so it does not listen on `{address}`, which other machines reach"
            ))
            .with_code("LISTEN_NOT_LOOPBACK")
            .with_hint("use `127.0.0.1` or `[::1]`, and a tunnel such as `ssh -L` from elsewhere"));
        }
        listen(address).map(Self).map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("cannot listen on `{address}`"))
                .with_code("LISTEN_FAILED")
                .with_hint("is another server running? `--listen 127.0.0.1:0` takes any free port")
                .because(error)
        })
    }

    /// Returns the local address.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the system cannot read it.
    pub fn address(&self) -> Result<SocketAddr> {
        self.0.local_addr().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot read the address of the listener").because(error)
        })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Without it the address stays in use for a while after a shutdown.
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Accept for LoopbackListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<Accepted<TcpStream>> {
        let (stream, peer) = self.0.accept().await?;
        // Events are small and must leave at once.
        stream.set_nodelay(true)?;
        Ok(Accepted { stream, address: peer.ip() })
    }
}
